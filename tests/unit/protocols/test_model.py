"""The form of a protocol: no data breaks one."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.middleware.reader import Reader
from sse_observe.middleware.routes import StreamRoute
from sse_observe.protocols import NONE, PROTOCOLS, UNRECOGNISED
from sse_observe.protocols.recognition import recognise_event

READERS = [Reader(one, StreamRoute(), []) for one in (*PROTOCOLS.values(), NONE, UNRECOGNISED)]
KEYS = (
    *("choices", "delta", "content", "error", "candidates", "parts", "type", "outcome", "id"),
    *("content_block", "jsonrpc", "result", "finish_reason", "promptFeedback", "message"),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "error", "finish", "start"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inside),
    max_leaves=15,
)
names = st.sampled_from(
    [b"", b"content_block_start", b"content_block_delta", b"response.text.delta", b"error"]
)


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()), names)
def test_no_data_breaks_a_protocol(data: bytes, name: bytes) -> None:
    """Whatever an application sends has some meaning under every protocol."""
    recognise_event(name, data)
    for reader in READERS:
        assert reader.meaning(name, data) >= 0
        reader.learn(b"data:", data, b"", 0)
