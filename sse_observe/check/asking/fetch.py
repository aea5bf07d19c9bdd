"""A whole answer that is no stream, within bounds: metrics, an API, a page."""

import asyncio
import json
from dataclasses import replace
from typing import NamedTuple

from sse_observe.check.asking.connection import Dialing, connect
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.http1 import Ended, Head, Piece, converse
from sse_observe.check.asking.question import Header, Question

MOST_SECONDS = 10.0
MOST_BYTES = 32 << 20


class Fetched(NamedTuple):
    """An answer: its status, its headers, all of its body."""

    status: int
    headers: list[Header]
    body: bytes


async def fetch(question: Question, dialing: Dialing, accept: str = "*/*") -> Fetched:
    """Ask once, over HTTP/1.1; AskError where there is no whole answer in time."""
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return await _fetch(question, replace(dialing, alpn=("http/1.1",)), accept)
    except TimeoutError:
        line = f"{question.shown}: no answer within {MOST_SECONDS:g} s"
        raise AskError("timeout", line) from None


async def fetch_json(question: Question, dialing: Dialing) -> object:
    """Return the JSON of an answer; AskError where it is none, or no success."""
    found = await fetch(question, dialing, "application/json")
    if found.status != 200:
        raise AskError("url", f"{question.shown}: status {found.status}; check the address")
    try:
        value: object = json.loads(found.body)
    except (ValueError, RecursionError):
        raise AskError("url", f"{question.shown}: answered no JSON; check the address") from None
    return value


async def _fetch(question: Question, dialing: Dialing, accept: str) -> Fetched:
    connection = await connect(question.origin, dialing, lambda _: None)
    status, headers, body = 0, list[Header](), bytearray()
    try:
        asked = [("Accept", accept), ("Accept-Encoding", "identity"), *question.sent_headers]
        async for part in converse(connection, question, asked):
            match part:
                case Head():
                    status, headers = part.status, part.headers
                case Piece(data=data):
                    body += data
                    if len(body) > MOST_BYTES:
                        raise AskError("url", f"{question.shown}: over {MOST_BYTES >> 20} MB")
                case Ended(complete=complete) if not complete:
                    raise AskError("reset", f"{question.shown}: the answer was cut; ask again")
                case Ended():
                    break
    finally:
        connection.close()
    return Fetched(status, headers, bytes(body))
