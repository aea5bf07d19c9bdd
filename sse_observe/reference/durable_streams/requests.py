"""
The protocol's requests, read from headers and query within bounds.

Knows HTTP's words by value; what comes of a request is for others to decide.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from sse_observe.asgi import Receive, Scope
from sse_observe.reference.durable_streams.facts import OCTETS, timestamp
from sse_observe.reference.durable_streams.offset import Offset, parse_offset
from sse_observe.reference.replies import RefusedError

_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}").fullmatch
_DIGITS = re.compile(r"[0-9]{1,16}").fullmatch
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+").match
_LARGEST_NUMBER = 2**53 - 1
_LONGEST = 1024
_BODY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Create:
    """The wish of a PUT."""

    content_type: str | None
    ttl: int | None
    expires_at: str | None
    closed: bool
    forked_from: str | None
    fork_offset: Offset | None
    fork_sub_offset: int


@dataclass(frozen=True, slots=True)
class ProducerSays:
    """Idempotent producers name themselves so with an append."""

    id: str
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Append:
    """The wish of a POST, but for its body."""

    content_type: str
    closes: bool
    seq: str | None
    producer: ProducerSays | None


@dataclass(frozen=True, slots=True)
class Read:
    """The wish of a GET; `offset` is None for the start, `now` for what comes."""

    offset: Offset | None
    now: bool
    live: str
    cursor: str
    text: str


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers by their names in lower case."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def name_of(path: str, root: str) -> str:
    """Return the name of the stream that a path means, below the application's own root."""
    return (path[len(root) :] if root and path.startswith(root) else path).strip("/")


def create_of(headers: Mapping[str, str], root: str) -> Create:
    """Return what a PUT asks for; refuse what makes no sense."""
    content_type: str | None = headers.get("content-type", "").strip()
    forked_from = headers.get("stream-forked-from")
    if not content_type or not _CONTENT_TYPE(content_type):
        content_type = None if forked_from else OCTETS
    ttl, expires_at = headers.get("stream-ttl"), headers.get("stream-expires-at")
    if ttl is not None and expires_at is not None:
        raise RefusedError(400, "give Stream-TTL or Stream-Expires-At, not both")
    if ttl is not None and not _NUMBER(ttl):
        raise RefusedError(400, "Stream-TTL must be whole seconds in plain digits")
    if expires_at is not None:
        try:
            timestamp(expires_at)
        except ValueError:
            raise RefusedError(400, "Stream-Expires-At must be an RFC 3339 time") from None
    offset = headers.get("stream-fork-offset")
    parsed = parse_offset(offset) if offset else None
    if offset and parsed is None:
        raise RefusedError(400, "Stream-Fork-Offset is no offset of this server")
    sub_offset = headers.get("stream-fork-sub-offset")
    if sub_offset is not None and not forked_from:
        raise RefusedError(400, "Stream-Fork-Sub-Offset requires Stream-Forked-From")
    if sub_offset is not None and not _NUMBER(sub_offset):
        raise RefusedError(400, "Stream-Fork-Sub-Offset must be a whole number in plain digits")
    return Create(
        content_type,
        int(ttl) if ttl is not None else None,
        expires_at,
        closed=_is_true(headers.get("stream-closed")),
        forked_from=name_of(forked_from, root) if forked_from else None,
        fork_offset=parsed,
        fork_sub_offset=int(sub_offset or 0),
    )


def append_of(headers: Mapping[str, str]) -> Append:
    """Return what a POST asks for; refuse half a producer, or numbers that are none."""
    says = [headers.get(f"producer-{part}") for part in ("id", "epoch", "seq")]
    producer = None
    if any(part is not None for part in says):
        name, epoch, seq = says
        if name is None or epoch is None or seq is None:
            raise RefusedError(400, "give Producer-Id, Producer-Epoch and Producer-Seq together")
        if not name or len(name) > _LONGEST:
            raise RefusedError(400, f"Producer-Id must have 1 to {_LONGEST} characters")
        producer = ProducerSays(name, _whole("Producer-Epoch", epoch), _whole("Producer-Seq", seq))
    seq_text = headers.get("stream-seq")
    if seq_text is not None and len(seq_text) > _LONGEST:
        raise RefusedError(400, f"Stream-Seq must have at most {_LONGEST} characters")
    content_type = headers.get("content-type", "")
    return Append(content_type, _is_true(headers.get("stream-closed")), seq_text, producer)


def read_of(scope: Scope) -> Read:
    """Return what a GET asks for; refuse an offset that is none of ours."""
    raw = scope.get("query_string", b"")
    if len(raw) > 8 * _LONGEST:
        raise RefusedError(414, "the query is too long")
    try:
        query = parse_qs(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise RefusedError(400, "the query has too many fields") from None
    live = query.get("live", [""])[-1]
    if live not in ("", "long-poll", "sse"):
        raise RefusedError(400, "live must be long-poll or sse")
    texts = query.get("offset", [])
    if len(texts) > 1:
        raise RefusedError(400, "give one offset")
    if live and not texts:
        raise RefusedError(400, f"live={live} requires an offset")
    text = texts[0] if texts else "-1"
    offset = None if text in ("-1", "now") else parse_offset(text)
    if offset is None and text not in ("-1", "now"):
        raise RefusedError(400, "that is no offset of this server")
    cursor = query.get("cursor", [""])[-1]
    return Read(offset, text == "now", live, cursor, text)


async def body_of(receive: Receive, limit: int) -> bytes:
    """Return the whole body, whatever its length was said to be."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(400, "the body ended early")
                parts.append(bytes(message.get("body", b"")))
                size += len(parts[-1])
                if size > limit:
                    raise RefusedError(413, f"a body is limited to {limit} bytes")
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise RefusedError(408, "the body did not arrive in time") from None


def _whole(name: str, text: str) -> int:
    if not _DIGITS(text) or int(text) > _LARGEST_NUMBER:
        raise RefusedError(400, f"{name} must be a whole number up to 2^53-1")
    return int(text)


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() == "true"
