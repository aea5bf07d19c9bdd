"""
The facts of one durable stream, kept beside its log and changed with it or not at all.

Knows the protocol's words: content type, lifetime, closure, producers, forks. Knows no HTTP.
"""

import re
import time
from datetime import datetime

import msgspec

from sse_observe.reference.durable_streams.offset import Offset

OCTETS = "application/octet-stream"
_MOST_PRODUCERS = 1000
# Without its zone a time means another one on each host.
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
# As the draft recommends for what is kept in memory.
_PRODUCER_SECONDS = 7 * 86_400


class Producer(msgspec.Struct, array_like=True, frozen=True):
    """The last word of one idempotent producer."""

    epoch: int
    seq: int
    at: float


class Facts(msgspec.Struct, omit_defaults=True):
    """The facts of one stream."""

    content_type: str
    epoch: int
    ttl: int | None = None
    expires_at: str | None = None
    closed: bool = False
    closed_by: tuple[str, int, int] | None = None
    seq: str | None = None
    producers: dict[str, Producer] = msgspec.field(default_factory=dict)
    forked_from: str | None = None
    fork_offset: str | None = None
    fork_sub_offset: int = 0
    forks: list[str] = msgspec.field(default_factory=list)
    deleted: bool = False
    """Whether it is kept for its forks alone."""

    @property
    def is_json(self) -> bool:
        """Whether its messages are JSON values."""
        return essence(self.content_type) == "application/json"

    @property
    def is_text(self) -> bool:
        """Whether its messages can stand in an event as they are."""
        return self.is_json or essence(self.content_type).startswith("text/")

    def offset(self, position: int) -> Offset:
        """Return the offset of a position in its log."""
        return Offset(position, self.epoch)

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and time.time() >= timestamp(self.expires_at)

    def remember(self, producer: str, epoch: int, seq: int) -> None:
        """Note the last word of a producer; the oldest is forgotten for one too many."""
        now = time.time()
        kept = {k: v for k, v in self.producers.items() if v.at > now - _PRODUCER_SECONDS}
        kept.pop(producer, None)
        while len(kept) >= _MOST_PRODUCERS:
            kept.pop(next(iter(kept)))
        self.producers = {**kept, producer: Producer(epoch, seq, now)}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Facts).decode


def pack(facts: Facts) -> bytes:
    """Return facts as they are kept."""
    return _encode(facts)


def unpack(note: bytes) -> Facts | None:
    """Return kept facts, or None for the note of a stream that is none of ours."""
    try:
        return _decode(note)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def essence(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def timestamp(text: str) -> float:
    """Return an RFC 3339 time as Unix time; raise ValueError for anything else."""
    if not _RFC_3339(text):
        raise ValueError("no RFC 3339 time")
    return datetime.fromisoformat(text.upper()).timestamp()
