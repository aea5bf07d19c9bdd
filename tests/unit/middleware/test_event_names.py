"""The last few names of a route's events, in few words."""

from sse_observe.middleware.event_names import EventNames


def test_it_keeps_the_last_few_and_no_data() -> None:
    """An application may call each event differently; a log line stays short."""
    names = EventNames()
    assert str(names) == "no event"

    for name in (b"a", b"b", b"c", b"d", b"e", b"a", b"x" * 99):
        names.saw(name, b"secret")
    names.saw(b"", b"secret")
    names.saw(b"", b"[DONE]")

    assert str(names) == f"'e', 'a', '{'x' * 40}', 'message', '[DONE]'"
