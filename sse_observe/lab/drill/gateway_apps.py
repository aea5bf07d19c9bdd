"""
Gateways to a model: they answer calls in chat chunks, and are faulty while a switch is on.

Each speaks OpenAI's chat protocol, which most streams speak today, and declares nothing.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sse_observe.asgi import App, Message, Receive, Scope, Send, answer
from sse_observe.consumer import Request, Response, Transport
from sse_observe.lab.chat_chunks import DONE, FINISH, ROLE, chunk, error
from sse_observe.lab.drill.switch import Switch
from sse_observe.wire import encode

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_KEEPALIVE = b": keepalive\n\n"
_KEEPALIVE_SECONDS = 5.0
_WORDS = 8
_WORD_SECONDS = 0.25
# A model that thinks, and a feed that is renewed by its server.
_THINKING_SECONDS = (30.0, 40.0)
_RENEWED_SECONDS = (20.0, 60.0)
# Longer than the 5 s of the alert.
_SLOW_SECONDS = 7.0
# Longer than its route declares.
_HOLE_SECONDS = 2.5
# A client that leaves at the error has this time to do it before the server ends.
_ERROR_SECONDS = 0.4
_UPSTREAM_SECONDS = 0.05
# Shorter than a scrape may take in shortened time, and far longer than the alert allows.
_BLOCKED_SECONDS = 0.7
# Not in step with the timer that measures it, once a second: it is 0.28 s late on average.
_FREE_SECONDS = (0.05, 0.3)
# Enough for the alert, and no burden for the other faults.
_ZOMBIES = 20
_OK = 200

_QUESTION = Request(
    "http://provider.example.invalid/v1/chat/completions",
    method="POST",
    body=b'{"stream": true}',
)

Answer = Callable[[], AsyncIterator[bytes]]


_ROLE = encode(ROLE)
_WORD = encode(chunk({"content": "word "}))
_DONE = encode(DONE)
_END = encode(FINISH) + _DONE


async def _words(number: int = _WORDS) -> AsyncIterator[bytes]:
    """Yield words at their pace; no fleet answers in step."""
    pace = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
    for _ in range(number):
        yield _WORD
        await asyncio.sleep(pace * _WORD_SECONDS)


async def _whole() -> AsyncIterator[bytes]:
    yield _ROLE
    async for word in _words():
        yield word
    yield _END


def _gateway(respond: Answer) -> App:
    """Serve what `respond` yields, to whoever asks."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        async for piece in respond():
            await send(_body(piece))
        await send(_body(b"", last=True))

    return app


def _body(piece: bytes, *, last: bool = False) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": not last}


def _every_other(switch: Switch, faulty: Answer) -> App:
    """Serve whole answers, every other of them a faulty one while the switch is on."""

    def respond() -> AsyncIterator[bytes]:
        broken = switch.on and random.random() < 0.5  # noqa: S311 - no secret
        return faulty() if broken else _whole()

    return _gateway(respond)


def stating_errors(switch: Switch) -> App:
    """Say in the middle of every other answer that it failed; `[DONE]` follows all the same."""

    async def broken() -> AsyncIterator[bytes]:
        yield _ROLE
        async for word in _words(3):
            yield word
        yield encode(error("overloaded_error"))
        await asyncio.sleep(_ERROR_SECONDS)
        yield _DONE

    return _every_other(switch, broken)


def timing_out(switch: Switch) -> App:
    """Let the upstream of every other answer fall silent, and give up on it with an exception."""

    async def broken() -> AsyncIterator[bytes]:
        yield _ROLE
        async for word in _words(3):
            yield word
        async with asyncio.timeout(_UPSTREAM_SECONDS):
            await switch.wait_off()

    return _every_other(switch, broken)


def slow_to_begin(switch: Switch) -> App:
    """Send the role at once, and let the first word wait for seven seconds."""

    async def respond() -> AsyncIterator[bytes]:
        yield _ROLE
        if switch.on:
            await asyncio.sleep(_SLOW_SECONDS)
        async for word in _words():
            yield word
        yield _END

    return _gateway(respond)


def with_holes(switch: Switch) -> App:
    """Fall silent in the middle of each answer, for longer than its route allows, and go on."""

    async def respond() -> AsyncIterator[bytes]:
        yield _ROLE
        async for word in _words(_WORDS // 2):
            yield word
        if switch.on:
            await asyncio.sleep(_HOLE_SECONDS)
        async for word in _words(_WORDS // 2):
            yield word
        yield _END

    return _gateway(respond)


def empty(switch: Switch) -> App:
    """End every other answer in order, without a word."""

    async def broken() -> AsyncIterator[bytes]:
        yield _ROLE
        await asyncio.sleep(_WORD_SECONDS)
        yield _END

    return _every_other(switch, broken)


def limiting(switch: Switch) -> App:
    """Answer 429 to every other call."""
    healthy = _gateway(_whole)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if switch.on and random.random() < 0.5:  # noqa: S311 - no secret
            limit = json.dumps({"error": {"type": "rate_limit_error"}}).encode()
            await answer(send, 429, limit, (b"content-type", b"application/json"))
            return
        await healthy(scope, receive, send)

    return app


def blocking(switch: Switch) -> App:
    """Sleep without `await`, most of the time."""
    free_at = 0.0

    async def respond() -> AsyncIterator[bytes]:
        nonlocal free_at
        async for piece in _whole():
            if switch.on and time.monotonic() >= free_at:
                time.sleep(_BLOCKED_SECONDS)  # noqa: ASYNC251 - the fault itself
                free_at = time.monotonic() + random.uniform(*_FREE_SECONDS)  # noqa: S311
            yield piece

    return _gateway(respond)


def never_asking(switch: Switch) -> App:
    """Send on to readers that have left, to twenty of them at most; never ask whether they did."""
    zombies = 0

    async def respond() -> AsyncIterator[bytes]:
        nonlocal zombies
        yield _ROLE
        async for word in _words():
            yield word
        if zombies < _ZOMBIES:
            zombies += 1
            while switch.on:
                async for word in _words():
                    yield word
            zombies -= 1
        yield _END

    return _gateway(respond)


def finishing(switch: Switch) -> App:  # noqa: ARG001 - readers leave, and it does not care
    """Finish each answer, whether its reader is still there or not."""
    return _gateway(_whole)


def thinking(switch: Switch) -> App:  # noqa: ARG001 - nothing breaks
    """Think for half a minute before the first word, with a comment now and then."""

    async def respond() -> AsyncIterator[bytes]:
        yield _ROLE
        async for comment in _comments(random.uniform(*_THINKING_SECONDS)):  # noqa: S311
            yield comment
        async for word in _words():
            yield word
        yield _END

    return _gateway(respond)


def idle(switch: Switch) -> App:  # noqa: ARG001 - nothing breaks
    """Serve feeds without news, which their server renews now and then."""

    async def respond() -> AsyncIterator[bytes]:
        async for comment in _comments(random.uniform(*_RENEWED_SECONDS)):  # noqa: S311
            yield comment

    return _gateway(respond)


def relaying(provider: Transport) -> App:
    """Say a word of its own, then ask a provider; where it refuses, answer by another one."""

    async def respond() -> AsyncIterator[bytes]:
        yield _ROLE
        yield _WORD
        async with provider(_QUESTION) as response:
            async for piece in response.chunks if response.status == _OK else _whole():
                yield piece

    return _gateway(respond)


def refusing_provider(switch: Switch) -> Transport:
    """Refuse every other question with 503."""

    @asynccontextmanager
    async def send(request: Request) -> AsyncIterator[Response]:  # noqa: ARG001 - all are alike
        if switch.on and random.random() < 0.5:  # noqa: S311 - no secret
            yield Response(503, {"content-type": "application/json"}, _refusal())
        else:
            yield _streamed(_whole())

    return send


def slow_provider(switch: Switch) -> Transport:
    """Think for seven seconds before the first word."""

    async def thinking() -> AsyncIterator[bytes]:
        if switch.on:
            await asyncio.sleep(_SLOW_SECONDS)
        async for piece in _whole():
            yield piece

    @asynccontextmanager
    async def send(request: Request) -> AsyncIterator[Response]:  # noqa: ARG001 - all are alike
        yield _streamed(thinking())

    return send


def _streamed(chunks: AsyncIterator[bytes]) -> Response:
    return Response(_OK, {"content-type": "text/event-stream"}, chunks)


async def _refusal() -> AsyncIterator[bytes]:
    yield json.dumps({"error": {"type": "overloaded_error"}}).encode()


async def _comments(seconds: float) -> AsyncIterator[bytes]:
    """Yield a comment every five seconds, for so long."""
    left = seconds
    while left > 0:
        yield _KEEPALIVE
        await asyncio.sleep(min(left, _KEEPALIVE_SECONDS))
        left -= _KEEPALIVE_SECONDS
