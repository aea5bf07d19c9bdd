"""
The form of a protocol: how it is recognised, and what its events mean to a user who waits.

A protocol is data: names, and a function that reads one event. Adding one is one file beside this
one, one entry in `PROTOCOLS` and recorded samples.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sse_observe.asgi import Scope
from sse_observe.protocols.json_data import Json

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


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """
    How the data begins that certainly brings content, for protocols that say everything in data.

    `find` returns an event's data up to where a piece of content begins, such that each event that
    begins alike brings content if that piece is not empty; None where there is no such place.
    `terminal` searches what follows for what may be the terminal too; None where nothing can.
    """

    find: Callable[[bytes], bytes | None]
    terminal: Callable[[bytes], object] | None = None


def begins_like(pattern: bytes) -> Callable[[bytes], bytes | None]:
    """Return what finds a beginning by a pattern that it matches as a whole."""
    match = re.compile(pattern).match

    def find(data: bytes) -> bytes | None:
        found = match(data)
        return None if found is None else found[0]

    return find


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """
    One protocol.

    Recognised by a header of the request or the response, by the name of the first event, or by
    `is_first`, which is given the first event's name and its data, if that has one of the members
    in `signs`. The first event is the first that is neither hello nor heartbeat nor comment, nor
    an error that names no protocol.

    `read` returns the meaning of an event, given its name (empty for `message`) and its data;
    without it every event is content. Under `has_names` the name tells most, and data that is no
    JSON object is given as an empty one; elsewhere such data is content. Once a stream flows, not
    every message is read: `is_content` names the events that bring content, and `beginning` tells
    it by how the data begins.
    """

    name: str
    request_headers: tuple[bytes, ...] = ()
    response_headers: tuple[bytes, ...] = ()
    first_events: tuple[bytes, ...] = ()
    signs: tuple[str, ...] = ()
    is_first: Callable[[bytes, Json], bool] = lambda *_: False
    read: Callable[[bytes, Json], int] | None = None
    has_names: bool = False
    is_content: Callable[[bytes], bool] = lambda _: False
    beginning: Beginning | None = None
    demands_terminal: Callable[[Scope, bool], bool] = lambda *_: True
    """
    Whether a stream without a terminal has failed, on a route that has sent one before; given its
    request, and whether its events carry ids.
    """
    demands_content: Callable[[Scope], bool] = lambda _: True
    """Whether a stream that ends in order without any content is an empty answer."""
    cursors: tuple[str, ...] = ()
    """Query parameters from which a client resumes."""
    orderly_refusals: tuple[int, ...] = ()
    """Statuses that say no more than that there is no stream here."""
