"""
One exchange as it was seen: phases, head, every piece of the body with its time, the end.

Filled while the exchange goes on; all times are seconds since its request was begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sse_observe.check.asking.connection import Phase
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.question import Header, Question
from sse_observe.check.reading.event_log import EventLog

End = Literal[
    "open",  # nothing has ended yet
    "complete",  # the answer's own end
    "cut",  # the connection ended before the answer did
    "left",  # we had seen enough
    "too_large",  # it grew over the bytes that we read
    "unreadable",  # an event without end, or a body that we cannot decode
]


class Read(NamedTuple):
    """One arrival of the body: when, and how many bytes on the wire."""

    at: float
    size: int


@dataclass
class Recording:
    """The answer to one request; `failure` is set where nothing came that could be read."""

    question: Question
    began: float
    """Unix time."""
    accepts: str = "identity"
    phases: dict[Phase, float] = field(default_factory=dict)
    redirects: list[str] = field(default_factory=list)
    """The URLs that it was sent on to, in order."""
    address: str = ""
    alpn: str | None = None
    tls: str | None = None
    certificate_expires: float | None = None
    http: str = ""
    """The version in which it was answered: `1.0`, `1.1` or `2`."""
    status: int = 0
    headers: list[Header] = field(default_factory=list)
    """In lower case, in order."""
    reads: list[Read] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """Sizes of the body's chunks (HTTP/1.1) or DATA frames (HTTP/2), as the last hop cut it."""
    log: EventLog = field(default_factory=EventLog)
    end: End = "open"
    ended_at: float | None = None
    failure: AskError | None = None
    unreadable: str = ""
    """Why its body could not be read on."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header; `name` in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def known_headers(self) -> Mapping[str, str]:
        """Each header once, its values joined."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def encoding(self) -> str:
        """The content encoding; `identity` where none is named."""
        named = (self.header("content-encoding") or "").strip().lower()
        return named if named not in ("", "none") else "identity"

    @property
    def is_stream(self) -> bool:
        """Whether a browser would take the answer as an event stream."""
        return self.status == 200 and self.media_type == "text/event-stream"

    @property
    def headers_at(self) -> float | None:
        """The time of the answer's head."""
        return self.phases.get("headers")

    @property
    def first_byte_at(self) -> float | None:
        """The time of the first piece of the body."""
        return self.reads[0].at if self.reads else None

    @property
    def bytes_read(self) -> int:
        """The size of the body so far, on the wire."""
        return sum(read.size for read in self.reads)

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        return self.end != "open" or self.failure is not None

    @property
    def lasted(self) -> float:
        """For how long it was watched, or until it ended."""
        if self.ended_at is not None:
            return self.ended_at
        return self.reads[-1].at if self.reads else max(self.phases.values(), default=0.0)
