"""
Services that break while a switch is on, and are healthy while it is off.

Each builds on the reference endpoint; what is wrong with it is the one thing its name says.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sse_observe.reference import MemoryStore, reference_app

App = Callable[[Any, Any, Any], Any]
# Longer than any drill: the reference endpoint always has heartbeats, and here nobody notices.
_NEVER_SECONDS = 3600.0
_LOOK_SECONDS = 0.1
# Enough for the alert, and no burden for the other faults.
_LEAKED = 20
_UNBUFFERED = b"x-accel-buffering"


@dataclass
class Switch:
    """
    Whether the fault is on; turned by the drill, read by a service in another thread.

    Each of `listeners` is told how it was turned: what was opened before must notice too.
    """

    on: bool = False
    listeners: list[Callable[[bool], None]] = field(default_factory=list)

    def turn(self, on: bool) -> None:
        """Turn the fault on or off."""
        self.on = on
        for listener in self.listeners:
            listener(on)

    async def off(self) -> None:
        """Wait until it is off."""
        while self.on:  # noqa: ASYNC110 - an asyncio.Event is of one thread's loop
            await asyncio.sleep(_LOOK_SECONDS)


class BrokenOnPurposeError(Exception):
    """What an application's own failure looks like."""


def _answers(
    word: Callable[[int], Any], pause: Callable[[], float] = lambda: 0.45, **options: Any
) -> App:
    """
    Serve answers of eight words, by default in three seconds; `word` is awaited for each.

    Some take half as long again, some half as long: no fleet answers in step.
    """

    async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:  # noqa: ARG001
        pace = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        for number in range(8):
            # The end follows the last word at once, as it does in life.
            if number:
                await asyncio.sleep(pace * pause())
            yield await word(number)

    return reference_app(produce=produce, **options)


def _feed(
    pause: Callable[[], float], payload: Callable[[], str] = lambda: "tick", **options: Any
) -> App:
    """
    Serve feeds without an end; `pause` says how long until the next event.

    For readers that stay: each new one would leave a feed behind that goes on.
    """

    async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:  # noqa: ARG001
        while True:
            yield payload()
            # In small steps: a mended feed is lively at once.
            waited = 0.0
            while waited < pause():
                step = min(0.2, pause())
                await asyncio.sleep(step)
                waited += step

    return reference_app(produce=produce, **options)


def steady(switch: Switch) -> App:  # noqa: ARG001 - what breaks is elsewhere
    """Serve a feed that is always well: what breaks it is the way to its readers."""
    return _feed(lambda: 1)


def unhurried(switch: Switch) -> App:  # noqa: ARG001 - nothing breaks
    """Serve answers that take half a minute, more or less."""
    return _answers(_word, lambda: 5, heartbeat_seconds=5)


def talkative(switch: Switch) -> App:  # noqa: ARG001 - what breaks is the proxy
    """Serve a feed of large events with small heartbeats between them, which tell a delay."""
    # A page of nginx, 4 KiB, fills in three seconds: late enough to be seen, and no stall.
    return _feed(lambda: 0.7, lambda: "tick" * 225, heartbeat_seconds=0.25)


def brisk(switch: Switch) -> App:  # noqa: ARG001 - what breaks is the wire
    """Serve a feed with ten events a second: packets enough to judge a wire by."""
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
            await switch.off()
        return "word"

    return _answers(word, heartbeat_seconds=0.5)


def oversized(switch: Switch) -> App:
    """Pad the events of a feed to 2 KiB."""
    return _feed(lambda: 0.5, lambda: "tick" * (512 if switch.on else 1))


def quiet(switch: Switch) -> App:
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
    healthy = _answers(_word)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not switch.on or random.random() < 0.5:  # noqa: S311 - no secret
            await healthy(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def mislabelled(switch: Switch) -> App:
    """Drop the header that keeps proxies from buffering."""
    healthy = _answers(_word)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def mislabel(message: Any) -> None:
            if switch.on and message["type"] == "http.response.start":
                headers = [pair for pair in message["headers"] if pair[0] != _UNBUFFERED]
                message = {**message, "headers": headers}
            await send(message)

        await healthy(scope, receive, mislabel)

    return app


def repeating(switch: Switch) -> App:
    """Replay from three events before the cursor."""
    healthy = _feed(lambda: 0.3)

    async def app(scope: Any, receive: Any, send: Any) -> None:
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
    healthy = _answers(_word)
    leaked = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal leaked
        await healthy(scope, receive, send)
        if leaked < _LEAKED:
            leaked += 1
            # Whatever it waits for here, nobody will read the answer.
            await switch.off()
            leaked -= 1

    return app


async def _word(number: int) -> str:  # noqa: ARG001
    return "word"
