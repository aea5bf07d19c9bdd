"""The words of an error that a stream states: type and message."""

import pytest

from sse_observe.protocols.failure import (
    error_message,
    error_type,
    is_bare_failure,
    is_failure,
)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"error":{"message":"m","type":"server_error","code":"overloaded"}}', "server_error"),
        (b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', "rate_limit_exceeded"),
        (b'{"type":"error","error":{"type":"overloaded_error"}}', "overloaded_error"),
        (
            b'{"type":"response.failed","response":{"error":{"code":"server_error"}}}',
            "server_error",
        ),
        (b'{"type":"RUN_ERROR","message":"m","code":"abc"}', "abc"),
        (b'{"error":{"code":503,"status":"UNAVAILABLE"}}', "UNAVAILABLE"),
        (b'{"type":"error","errorText":"You have asked for my key k-123"}', ""),
        (b'{"error":{"type":"a whole sentence of words"}}', ""),
        (b'{"error":{"type":"' + b"x" * 41 + b'"}}', ""),
        (b'{"error":"text"}', ""),
        (b"not JSON", ""),
    ],
)
def test_only_a_short_identifier_is_taken(data: bytes, found: str) -> None:
    """A message may hold anything; a type is a word of the API."""
    assert error_type(data) == found


@pytest.mark.parametrize("error", [None, "", 0, [], False])
def test_a_healthy_error_field_is_no_failure(error: object) -> None:
    """Some servers send the field in every chunk."""
    assert not is_failure(error)


def test_an_error_beside_an_answer_is_the_answers_own() -> None:
    """Only where nothing but an error is said is it the stream's."""
    assert is_bare_failure({"error": {"message": "m"}, "id": "x", "choices": []})
    assert not is_bare_failure({"error": "none found", "results": []})
    assert not is_bare_failure({"error": None})


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"error":{"message":"m","type":"server_error"}}', "m"),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            "Overloaded",
        ),
        (b'{"type":"response.failed","response":{"error":{"code":"c","message":"m"}}}', "m"),
        (b'{"type":"error","code":"c","message":"m"}', "m"),
        (b'{"type":"error","errorText":"text"}', "text"),
        (b'{"type":"RUN_ERROR","message":"m","code":"abc"}', "m"),
        (b'{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}', "m"),
        (b'{"error":"text"}', "text"),
        (b'{"detail":"Not authenticated"}', "Not authenticated"),
        (b"out of memory", "out of memory"),
        (b'{"error":{"message":7}}', ""),
        (b"\xff", "\ufffd"),
        (b"[]", "[]"),
    ],
)
def test_the_message_is_found_wherever_a_protocol_keeps_it(data: bytes, found: str) -> None:
    """A reader is told in the server's own words."""
    assert error_message(data) == found
