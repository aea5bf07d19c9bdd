"""The form of a protocol, and the JSON that it is read from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.middleware.protocols import PROTOCOLS
from sse_observe.middleware.protocols.model import as_json, is_failure, objects


@pytest.mark.parametrize("error", [None, "", 0, [], False])
def test_a_healthy_error_field_is_no_failure(error: object) -> None:
    """Some servers send the field in every chunk."""
    assert not is_failure(error)


@given(st.binary(max_size=200))
def test_no_data_breaks_a_protocol(data: bytes) -> None:
    """Whatever an application sends has some meaning under every protocol."""
    for protocol in PROTOCOLS.values():
        assert protocol.read is not None
        assert protocol.read(b"", data) >= 0
        assert protocol.beginning is None or data.startswith(protocol.beginning(data) or b"")


@pytest.mark.parametrize("data", [b"[" * 100_000, b"7", b"null", b"\xff", b""])
def test_what_is_no_object_is_nothing(data: bytes) -> None:
    """Deep nesting and bytes that are no text are answered, not raised."""
    assert as_json(data) is None


def test_only_objects_of_a_list_are_read() -> None:
    """A list may hold anything, and a field may be no list."""
    assert objects([1, {"a": 1}, None]) == [{"a": 1}]
    assert objects({"a": 1}) == []
