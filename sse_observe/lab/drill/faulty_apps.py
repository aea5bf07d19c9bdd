"""
Applications that are faulty while a switch is on, and healthy while it is off.

Each builds on the reference endpoint and has the one defect that its name says.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable

from sse_observe.asgi import App, Message, Receive, Scope, Send, answer
from sse_observe.lab.drill.switch import Switch
from sse_observe.reference import MemoryStore, StreamStore, reference_app
from sse_observe.reference.params import Params

_HEARTBEAT_SECONDS = 10.0
# Longer than any drill: the reference endpoint always has heartbeats, and here none must come.
_NEVER_SECONDS = 3600.0
# Enough for the alert, and no burden for the other faults.
_LEAKED = 20
_UNBUFFERED = b"x-accel-buffering"


class BrokenOnPurposeError(Exception):
    """Stands for an application's own failure."""


async def _word(number: int) -> str:  # noqa: ARG001
    return "word"


def _answers(
    word: Callable[[int], Awaitable[str]] = _word,
    *,
    pause: float = 0.45,
    heartbeat_seconds: float = _HEARTBEAT_SECONDS,
) -> App:
    """
    Serve answers of eight words; `word` is awaited for each, `pause` lies between two.

    Some take half as long again, some half as long: no fleet answers in step.
    """

    async def produce(stream_id: str, params: Params) -> AsyncIterator[str]:  # noqa: ARG001
        pace = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        for number in range(8):
            # The end follows the last word at once, as it does in life.
            if number:
                await asyncio.sleep(pace * pause)
            yield await word(number)

    return reference_app(produce=produce, heartbeat_seconds=heartbeat_seconds)


def _feed(
    pause: Callable[[], float],
    payload: Callable[[], str] = lambda: "tick",
    *,
    heartbeat_seconds: float = _HEARTBEAT_SECONDS,
    store: StreamStore | None = None,
) -> App:
    """
    Serve feeds without an end; `pause` returns the seconds until the next event.

    For readers that stay: each new one would leave a feed behind that goes on.
    """

    async def produce(stream_id: str, params: Params) -> AsyncIterator[str]:  # noqa: ARG001
        while True:
            yield payload()
            # In small steps, so that a repaired feed goes on at once.
            waited = 0.0
            while waited < pause():
                step = min(0.2, pause())
                await asyncio.sleep(step)
                waited += step

    return reference_app(produce=produce, heartbeat_seconds=heartbeat_seconds, store=store)


def kept(store: StreamStore) -> App:
    """Serve a feed that is always healthy, from a store that hosts share."""
    return _feed(lambda: 1, store=store)


def scattered(switch: Switch) -> App:
    """Send every other request to a second host, which shares nothing with the first."""
    hosts = steady(switch), steady(switch)
    turns = itertools.count()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        host = hosts[next(turns) % 2 if switch.on else 0]
        await host(scope, receive, send)

    return app


def steady(switch: Switch) -> App:  # noqa: ARG001 - what breaks is elsewhere
    """Serve a feed that is always healthy: what breaks is the way to its readers."""
    return _feed(lambda: 1)


def brief(switch: Switch) -> App:  # noqa: ARG001 - what breaks is elsewhere
    """Serve short answers, which end also where their reader has left."""
    return _answers()


def unhurried(switch: Switch) -> App:  # noqa: ARG001 - nothing breaks
    """Serve answers that take half a minute, more or less."""
    return _answers(pause=5, heartbeat_seconds=5)


def talkative(switch: Switch) -> App:  # noqa: ARG001 - what breaks is the proxy
    """Serve a feed of large events with small heartbeats between them, which tell a delay."""
    # A buffer of nginx, 4 KiB, is full after three seconds: late enough to be seen, and no stall.
    return _feed(lambda: 0.7, lambda: "tick" * 225, heartbeat_seconds=0.25)


def brisk(switch: Switch) -> App:  # noqa: ARG001 - what breaks is the network
    """Serve a feed with ten events a second: enough packets to judge a network."""
    return _feed(lambda: 0.1)


def failing(switch: Switch) -> App:
    """Break every other answer off in the middle."""

    async def word(number: int) -> str:
        if switch.on and number == 4 and random.random() < 0.5:  # noqa: S311 - no secret
            raise BrokenOnPurposeError
        return "word"

    return _answers(word)


def frozen(switch: Switch) -> App:
    """Let answers wait after their third word, with heartbeats going on."""

    async def word(number: int) -> str:
        if number == 3:
            await switch.wait_off()
        return "word"

    return _answers(word, heartbeat_seconds=0.5)


def oversized(switch: Switch) -> App:
    """Pad the events of a feed to 2 KiB."""
    return _feed(lambda: 0.5, lambda: "tick" * (512 if switch.on else 1))


def silent(switch: Switch) -> App:
    """Serve a feed that falls silent, without heartbeats."""
    return _feed(lambda: _NEVER_SECONDS if switch.on else 0.5, heartbeat_seconds=_NEVER_SECONDS)


def sparse(switch: Switch) -> App:
    """Serve a feed with an event every eleven seconds, without heartbeats."""
    return _feed(lambda: 11.5 if switch.on else 0.5, heartbeat_seconds=_NEVER_SECONDS)


def forgetful(switch: Switch) -> App:  # noqa: ARG001 - the buffer is always too small
    """Keep two events for replay, half a second of the feed."""
    return _feed(lambda: 0.25, store=MemoryStore(max_events=2))


def refusing(switch: Switch) -> App:
    """Answer 503 to every other request for a stream."""
    healthy = _answers()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not switch.on or random.random() < 0.5:  # noqa: S311 - no secret
            await healthy(scope, receive, send)
            return
        await answer(send, 503)

    return app


def mislabelled(switch: Switch) -> App:
    """Drop the header that keeps proxies from buffering."""
    healthy = _answers()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def mislabel(message: Message) -> None:
            if switch.on and message["type"] == "http.response.start":
                headers = [pair for pair in message["headers"] if pair[0] != _UNBUFFERED]
                message = {**message, "headers": headers}
            await send(message)

        await healthy(scope, receive, mislabel)

    return app


def repeating(switch: Switch) -> App:
    """Replay from three events before the cursor."""
    healthy = _feed(lambda: 0.3)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if switch.on:
            headers = [(name, _earlier(name, value)) for name, value in scope["headers"]]
            scope = {**scope, "headers": headers}
        await healthy(scope, receive, send)

    return app


def _earlier(name: bytes, value: bytes) -> bytes:
    seq, dash, epoch = value.partition(b"-")
    if name != b"last-event-id" or not seq.isdigit():
        return value
    return b"%d%b%b" % (max(int(seq) - 3, 0), dash, epoch)


def leaking(switch: Switch) -> App:
    """Go on for readers that have left, for twenty of them at most."""
    healthy = _answers()
    leaked = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal leaked
        await healthy(scope, receive, send)
        if leaked < _LEAKED:
            leaked += 1
            # It goes on, and nobody will read the answer.
            await switch.wait_off()
            leaked -= 1

    return app
