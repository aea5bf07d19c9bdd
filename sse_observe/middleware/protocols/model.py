"""
The form of a protocol: how it is recognised, and what its events mean to a user who waits.

A protocol is data: names, and for those that say everything in `data` a function that reads it.
Adding one is one file beside this one, one entry in `PROTOCOLS` and recorded samples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from sse_observe.asgi import Scope

# What one event means. Several may hold at once: an answer's last piece brings content and is its
# terminal; nothing at all is the prelude, a heartbeat, a count of tokens.
NOTHING = 0
CONTENT = 1
"""Something that the user waited for."""
TERMINAL = 2
"""The stream is whole."""
FAILURE = 4
"""The stream says of itself that it failed."""
STOP = 8
"""The user stopped it."""
CONTENT_IF_FIRST = 16
"""Content only where none came before: a summary of what was sent in pieces."""

Json = Mapping[str, object]
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """
    One protocol.

    Recognised by a header of the request or the response, by the name of the first event, or by
    `is_first`, which is given the first event's data as JSON. The first event is the first that
    is neither hello nor heartbeat nor comment.

    `read` returns the meaning of an event, given its name (empty for `message`) and its data;
    without it every event is content. Not every message is read: `is_content` names the events
    that always bring content, and `beginning` returns, of data that does, the part that stands
    at the beginning of no other. Under `ends_in_content` the last of those may be the terminal.
    """

    name: str
    request_headers: tuple[bytes, ...] = ()
    response_headers: tuple[bytes, ...] = ()
    first_events: tuple[bytes, ...] = ()
    is_first: Callable[[Json], bool] = lambda _: False
    read: Callable[[bytes, bytes], int] | None = None
    is_content: Callable[[bytes], bool] = lambda _: False
    beginning: Callable[[bytes], bytes | None] | None = None
    ends_in_content: bool = False
    demands_terminal: Callable[[Scope], bool] = lambda _: True
    """Whether a stream without a terminal has failed, on a route that has sent one before."""
    demands_content: Callable[[Scope], bool] = lambda _: True
    """Whether a stream that ends in order without any content is an empty answer."""
    cursors: tuple[str, ...] = ()
    """Query parameters from which a client resumes."""


def as_json(data: bytes) -> Json | None:
    """Return data that is a JSON object, or None."""
    try:
        found = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def objects(value: object) -> list[Json]:
    """Return the objects of a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def is_failure(error: object) -> bool:
    """Tell whether an `error` field says that something failed: `null` and `""` do not."""
    return isinstance(error, dict) or (isinstance(error, str) and error != "")
