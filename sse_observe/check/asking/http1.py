"""One exchange over HTTP/1.1, through h11: its head, each piece of its body, its end."""

from collections.abc import AsyncGenerator, Iterable
from typing import NamedTuple

import h11

from sse_observe.check.asking.connection import Connection
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.question import Header, Question

_MOST_HEAD_BYTES = 64 << 10


class Head(NamedTuple):
    """The head of an answer; header names in lower case."""

    http: str
    status: int
    headers: list[Header]


class Piece(NamedTuple):
    """A piece of a body as it arrived; `frame_ends` where the sender's chunk or frame ends."""

    data: bytes
    frame_ends: bool


class Ended(NamedTuple):
    """The end of an answer: its own, or only the connection's."""

    complete: bool


Part = Head | Piece | Ended


async def converse(
    connection: Connection, question: Question, headers: list[Header]
) -> AsyncGenerator[Part, None]:
    """Ask, and give the parts of the answer as they arrive; AskError where it is no HTTP."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
    asked = [("Host", str(question.origin)), *headers]
    if question.body or not question.is_safe:
        asked.append(("Content-Length", str(len(question.body))))
    try:
        request = h11.Request(method=question.method, target=question.target, headers=asked)
        sent = [http.send(request), http.send(h11.Data(data=question.body))]
    except h11.LocalProtocolError as error:
        raise AskError("url", f"{question.shown}: cannot be asked: {error}") from None
    sent.append(http.send(h11.EndOfMessage()))
    await connection.send(b"".join(part or b"" for part in sent))
    answered = False
    while True:
        event = _next(http, question, answered)
        if event is h11.NEED_DATA:
            data = await received(connection)
            if not data and not answered:
                raise _unanswered(http, question)
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            answered = True
            yield Head(event.http_version.decode(), event.status_code, _decoded(event.headers))
        elif isinstance(event, h11.Data):
            yield Piece(bytes(event.data), event.chunk_end)
        elif isinstance(event, h11.EndOfMessage):
            yield Ended(complete=True)
            return
        elif event is None or isinstance(event, h11.ConnectionClosed):
            yield Ended(complete=False)
            return


def _next(http: h11.Connection, question: Question, answered: bool) -> object:
    """Return the next event; None where the connection ended within the body."""
    try:
        return http.next_event()
    except h11.RemoteProtocolError as error:
        if answered:
            return None
        words = str(error).partition("(")[0].strip()
        raise AskError(
            "not_http", f"{question.origin}: the answer is no HTTP/1.1 ({words}); check the port"
        ) from None


def _unanswered(http: h11.Connection, question: Question) -> AskError:
    """Return the failure of a connection that ended before there was a whole head."""
    begun, _ = http.trailing_data
    if not begun:
        return AskError("reset", hung_up(question))
    if begun.startswith(b"HTTP/"):
        return AskError("reset", f"{question.origin}: cut within the answer's head; ask again")
    return AskError("not_http", f"{question.origin}: the answer is no HTTP/1.1; check the port")


async def received(connection: Connection) -> bytes:
    """Return what arrives next; empty at the connection's end, in order or not."""
    try:
        return await connection.read()
    except OSError:
        # A reset and a broken TLS session say the same: nothing more will come.
        return b""


def hung_up(question: Question) -> str:
    """Return the line for a server that ends the connection instead of answering."""
    return f"{question.origin}: hung up without an answer; look at its log"


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> list[Header]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
