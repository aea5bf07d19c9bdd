"""Applications that have one defect while their switch is on, and none while it is off."""

import asyncio
import random
from typing import Self

import pytest

from sse_observe.asgi import App
from sse_observe.lab.drill import faulty_apps
from sse_observe.lab.drill.switch import Switch
from sse_observe.reference.app import STREAM_PATH
from tests.support.asgi import Exchange, http_scope


class Reading:
    """A stream that is read while the block runs, at most for half a minute."""

    def __init__(self, app: App, **headers: str) -> None:
        self.exchange = Exchange(app, http_scope(STREAM_PATH, headers=headers))
        self.exchange.on_send = lambda _: self._more.set()
        self._more = asyncio.Event()

    @property
    def body(self) -> bytes:
        """Everything that has come so far."""
        return self.exchange.body

    async def __aenter__(self) -> Self:
        self.running = asyncio.create_task(self.exchange.run())
        self.running.add_done_callback(lambda _: self._more.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])

    async def until(self, words: bytes, times: int = 1) -> bytes:
        """Read until these words have come so often, or the end; return the body."""
        async with asyncio.timeout(30):
            while self.body.count(words) < times and not self.running.done():
                await self._more.wait()
                self._more.clear()
        return self.body


def streamed(app: App, words: bytes) -> Exchange:
    """Return the exchange of one stream, read as far as these words."""

    async def read() -> Exchange:
        async with Reading(app) as reading:
            await reading.until(words)
            return reading.exchange

    return asyncio.run(read())


@pytest.mark.parametrize("on", [False, True])
def test_headers_are_wrong_only_while_the_fault_is_on(on: bool) -> None:
    """The one header that keeps proxies from buffering goes, and no other."""
    exchange = streamed(faulty_apps.mislabelled(Switch(on)), b"data: word")
    names = {name for name, _ in exchange.sent[0]["headers"]}

    assert (b"x-accel-buffering" in names) is not on
    assert b"cache-control" in names


@pytest.mark.parametrize(("on", "size"), [(False, 4), (True, 2048)])
def test_events_grow_while_the_fault_is_on(on: bool, size: int) -> None:
    """Two KiB are larger than a packet."""
    body = streamed(faulty_apps.oversized(Switch(on)), b"tick\n").body

    assert b"data: " + b"tick" * (size // 4) + b"\n" in body


@pytest.mark.parametrize(
    ("on", "draw", "status"), [(True, 0.9, 503), (True, 0.1, 200), (False, 0.9, 200)]
)
def test_every_other_request_is_refused_while_the_fault_is_on(
    on: bool, draw: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance decides which; without the fault all are answered."""
    app = faulty_apps.refusing(Switch(on))
    monkeypatch.setattr(random, "random", lambda: draw)

    assert streamed(app, b"data: word").sent[0]["status"] == status


@pytest.mark.parametrize(
    ("on", "cursor", "first"),
    [(True, "5-e", "2-e"), (True, "1-e", "0-e"), (False, "5-e", "5-e"), (True, "x", "x")],
)
def test_the_replay_begins_three_events_early_while_the_fault_is_on(
    on: bool, cursor: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor is moved back, never before the first event; a cursor of no meaning is left."""
    asked: list[dict[bytes, bytes]] = []

    async def reference(scope, receive, send) -> None:
        asked.append(dict(scope["headers"]))

    monkeypatch.setattr(faulty_apps, "reference_app", lambda **_: reference)
    exchange = Exchange(
        faulty_apps.repeating(Switch(on)), http_scope(headers={"last_event_id": cursor})
    )
    asyncio.run(exchange.run())

    assert asked == [{b"last-event-id": first.encode()}]


@pytest.mark.slow
def test_an_answer_freezes_while_the_fault_is_on_and_thaws_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three words come, then nothing but heartbeats, until the repair."""
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    switch = Switch(on=True)

    async def run() -> tuple[bytes, bytes]:
        async with Reading(faulty_apps.frozen(switch)) as reading:
            await reading.until(b"data: word", 3)
            frozen = await reading.until(b"event: heartbeat", 4)
            switch.turn(False)
            return frozen, await reading.until(b"event: done")

    frozen, body = asyncio.run(run())

    assert frozen.count(b"data: word") == 3
    assert body.count(b"data: word") == 8
    assert b"event: done" in body


def test_an_answer_that_fails_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader sees it break off; without the fault it is whole."""
    monkeypatch.setattr(random, "random", lambda: 0.1)
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    broken = streamed(faulty_apps.failing(Switch(on=True)), b"event: done").body
    whole = streamed(faulty_apps.failing(Switch()), b"event: done").body

    assert b"event: done" not in broken
    assert b"event: done" in whole


def test_an_application_that_leaks_goes_on_until_the_repair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its reader has everything and has left, and the application has not ended."""
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    switch = Switch(on=True)

    async def run() -> tuple[bool, bool]:
        async with Reading(faulty_apps.leaking(switch)) as reading:
            await reading.until(b"event: done")
            ended, _ = await asyncio.wait([reading.running], timeout=0.1)
            switch.turn(False)
            await asyncio.wait_for(reading.running, 30)
            return bool(ended), reading.running.done()

    assert asyncio.run(run()) == (False, True)


@pytest.mark.slow
def test_a_replay_that_is_too_small_says_what_is_lost() -> None:
    """Two events are kept: a reader who comes back for the first one has lost some."""
    app = faulty_apps.forgetful(Switch())

    async def run() -> bytes:
        async with Reading(app) as first:
            body = await first.until(b"id: 4-")
        epoch = body.partition(b"id: 0-")[2].partition(b"\n")[0].decode()
        async with Reading(app, last_event_id=f"0-{epoch}") as again:
            return await again.until(b"data: tick")

    hello = asyncio.run(run()).partition(b"\n\n")[0]
    assert b'"lost":' in hello
    assert b'"lost":0' not in hello
