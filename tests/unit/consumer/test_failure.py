"""The error of a stream: its reason, and the server's words in one line."""

from sse_observe.consumer import Event, StreamFailedError
from sse_observe.consumer.failure import stated_failure
from sse_observe.errors import SSEObserveError


def test_it_is_one_line_however_long_and_wild_the_servers_words_are() -> None:
    """Its text goes into logs; the whole of it stands in `data`."""
    data = '{"error":{"type":"t","message":"' + "a\\n\\u0007\\t b" * 500 + '"}}'
    error = stated_failure("http://h/", Event("error", data, ""))

    assert isinstance(error, SSEObserveError)
    assert (error.reason, error.type, error.data) == ("error_event", "t", data)
    assert len(str(error)) < 400
    assert str(error).isprintable()
    assert str(error).startswith("http://h/: the stream said that it failed: t: a b")
    assert "\n" in error.message


def test_without_words_there_is_only_our_own() -> None:
    """Nothing is made up."""
    error = StreamFailedError("http://h/: gave up", reason="unreachable")

    assert str(error) == "http://h/: gave up"
    assert (error.type, error.message, error.data, error.status) == ("", "", "", None)
