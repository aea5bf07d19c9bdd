"""
A request of the application, as far as it tells whether an event stream was wanted.

Reads headers, a query and the beginning of a body; keeps nothing of them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sse_observe.asgi import Header, Scope
from sse_observe.middleware.headers import asks_for_event_stream, is_orderly_refusal

# Where a provider's own words ask: in the body's JSON, or in the query.
_STREAMS = re.compile(rb'"stream"\s*:\s*true').search
_SSE = "alt=sse"
# A question to a model may hold pictures. What asks for a stream stands at an end of it.
_READ_OF_A_BODY = 65_536
_TOO_MANY = 429


Head = TypeVar("Head")
Rest = TypeVar("Rest")


class Unread(Generic[Head, Rest]):
    """
    A request that nobody has read yet; most never are.

    `read` makes an Asking of its method and headers, which may be asked for until its stream has
    ended, and of the rest, None once that is let go of: a body may be large.
    """

    __slots__ = ("_head", "_read", "_rest")

    def __init__(
        self, read: Callable[[Head, Rest | None], "Asking"], head: Head, rest: Rest
    ) -> None:
        self._read = read
        self._head = head
        self._rest: Rest | None = rest

    def __call__(self) -> "Asking":
        """Read it."""
        return self._read(self._head, self._rest)

    def let_go(self) -> None:
        """Keep what tells how its stream has ended."""
        self._rest = None


class AnyUnread(Protocol):
    """A request of whatever client."""

    def __call__(self) -> "Asking":
        """Read it."""

    def let_go(self) -> None:
        """Keep what tells how its stream has ended."""


@dataclass(slots=True)
class Asking:
    """One request, read where it matters; `body` is None where unseen."""

    method: str = "GET"
    headers: list[Header] = field(default_factory=list)
    query: str = ""
    body: bytes | None = None

    @property
    def scope(self) -> Scope:
        """The request as a server would see it, for who asks that of a scope."""
        return {"method": self.method, "headers": self.headers}

    def wants_stream(self) -> bool:
        """Tell whether an event stream was asked for, by any of the ways in use."""
        if asks_for_event_stream(self.scope) or _SSE in self.query:
            return True
        return any(map(_STREAMS, self.ends()))

    def ends(self) -> tuple[bytes, bytes]:
        """Return both ends of the body, where most of what it says of itself stands."""
        body = self.body or b""
        return body[:_READ_OF_A_BODY], body[-_READ_OF_A_BODY:]

    def refusal(self, status: int) -> str | None:
        """Return how an answer that is no stream is counted; None where nothing was refused."""
        if status < 400 or not self.wants_stream():
            return None
        lower = {**self.scope, "headers": header_list(self.headers)}
        if is_orderly_refusal(lower, status):
            return None
        return "refused_429" if status == _TOO_MANY else f"refused_{min(status // 100, 5)}xx"


def header_list(headers: Iterable[tuple[object, object]]) -> list[Header]:
    """Return headers of whatever client as bytes, names in lower case."""
    return [(_bytes(name).lower(), _bytes(value)) for name, value in headers]


def _bytes(text: object) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("latin-1", "replace")
