"""The AI SDK's UI stream: what each part means to a user who waits."""

import pytest

from sse_observe.middleware.protocols.ai_sdk import AI_SDK
from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, STOP, TERMINAL

MEANINGS = [
    (b'{"type":"start","messageId":"m"}', NOTHING),
    (b'{"type":"text-start","id":"0"}', NOTHING),
    (b'{"type":"text-delta","id":"0","delta":"Hi"}', CONTENT),
    (b'{"type":"text-delta","id":"0","delta":""}', NOTHING),
    (b'{"type":"reasoning-delta","id":"0","delta":"hm"}', CONTENT),
    (b'{"type":"tool-input-start","toolCallId":"t"}', CONTENT),
    (b'{"type":"tool-input-delta","toolCallId":"t","inputTextDelta":"{"}', CONTENT),
    (b'{"type":"tool-output-available","output":1}', CONTENT),
    (b'{"type":"data-weather","data":{}}', CONTENT),
    (b'{"type":"message-metadata"}', NOTHING),
    (b'{"type":"finish-step"}', NOTHING),
    (b'{"type":"finish"}', TERMINAL),
    (b'{"type":"abort"}', STOP),
    (b'{"type":"error","errorText":"An error occurred."}', FAILURE),
    (b'{"type":7}', CONTENT),
    (b"not JSON", CONTENT),
]


@pytest.mark.parametrize(("data", "meaning"), MEANINGS)
def test_each_message_means_what_it_means_to_its_reader(data: bytes, meaning: int) -> None:
    """Prelude, content, terminal and failure are told apart by what the protocol says."""
    assert AI_SDK.read is not None
    assert AI_SDK.read(b"", data) == meaning
