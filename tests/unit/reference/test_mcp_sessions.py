"""Sessions of MCP: each replays what is its own, and nothing else (GHSA-84j6-jc92-77jm)."""

import subprocess
import sys
from typing import Any

import pytest
from mcp.server.streamable_http import EventMessage
from mcp.types import JSONRPCNotification, JSONRPCResponse

from sse_observe.reference import MemoryStore
from sse_observe.reference.mcp_sessions import ResumableSessionManager, SessionEvents
from sse_observe.reference.store import StoreDownError
from tests.support.virtual import now, run

STREAM = "_GET_stream"


def note(n: int) -> JSONRPCNotification:
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/message", params={"n": n})


class Replay:
    """A replay: the SDK's name of the stream, and what came."""

    def __init__(self) -> None:
        self.messages: list[EventMessage] = []

    async def of(self, events: SessionEvents, cursor: str) -> str | None:
        return await events.replay_events_after(cursor, self._take)

    async def _take(self, message: EventMessage) -> None:
        self.messages.append(message)

    @property
    def numbers(self) -> list[int]:
        return [message.message.params["n"] for message in self.messages]  # type: ignore[union-attr, index]


def test_a_session_replays_what_followed_its_cursor() -> None:
    """Priming events take their place, and are not sent."""

    async def main() -> None:
        events = SessionEvents(MemoryStore(clock=now))
        first = await events.store_event(STREAM, None)
        for n in range(3):
            await events.store_event(STREAM, note(n))
        replay = Replay()
        assert await replay.of(events, first) == STREAM
        assert replay.numbers == [0, 1, 2]
        again = Replay()
        assert await again.of(events, replay.messages[1].event_id or "") == STREAM
        assert again.numbers == [2]

    run(main())


def test_a_cursor_of_another_session_replays_nothing() -> None:
    """Both sessions call their streams the same; whoever learns a cursor still gets nothing."""

    async def main() -> None:
        store = MemoryStore(clock=now)
        victim, attacker = SessionEvents(store), SessionEvents(store)
        cursor = await victim.store_event(STREAM, None)
        await victim.store_event(STREAM, note(7))
        own = await attacker.store_event(STREAM, None)
        replay = Replay()
        assert await replay.of(attacker, cursor) is None
        assert await replay.of(attacker, own) == STREAM
        assert replay.messages == []

    run(main())


def test_streams_of_one_session_are_kept_apart() -> None:
    """An answer to one request is not replayed to the reader of another."""

    async def main() -> None:
        events = SessionEvents(MemoryStore(clock=now))
        one = await events.store_event("1", None)
        await events.store_event("2", None)
        await events.store_event("2", note(2))
        await events.store_event("1", note(1))
        replay = Replay()
        assert await replay.of(events, one) == "1"
        assert replay.numbers == [1]

    run(main())


def test_a_session_that_moves_to_another_host_goes_on_there() -> None:
    """Where the application names its sessions itself, any host replays them."""

    async def main() -> None:
        store = MemoryStore(clock=now)
        cursor = await SessionEvents(store, "session").store_event(STREAM, note(0))
        await SessionEvents(store, "other").store_event(STREAM, note(9))
        replay = Replay()
        assert await replay.of(SessionEvents(store, "session"), cursor) == STREAM

    run(main())


@pytest.mark.parametrize("cursor", ["", "7", "x", "7-unknownepoch", "1" * 500])
def test_a_cursor_that_is_none_replays_nothing(cursor: str) -> None:
    """It comes from outside."""

    async def main() -> None:
        replay = Replay()
        assert await replay.of(SessionEvents(MemoryStore(clock=now)), cursor) is None

    run(main())


def test_a_gap_replays_nothing() -> None:
    """The protocol cannot say that something is missing; half of it would be worse than none."""

    async def main() -> None:
        events = SessionEvents(MemoryStore(max_events=3, clock=now))
        cursor = await events.store_event(STREAM, None)
        for n in range(5):
            last = await events.store_event(STREAM, note(n))
        replay = Replay()
        assert await replay.of(events, cursor) is None
        assert await replay.of(events, last) == STREAM
        assert replay.messages == []

    run(main())


def test_messages_are_delivered_while_the_store_is_away() -> None:
    """The SDK's session would end by an error; such an event is only not replayed."""

    async def main() -> None:
        store: Any = MemoryStore(clock=now)

        async def away(*_: object, **__: object) -> None:
            raise StoreDownError("away")

        store.create = store.find_epoch = away
        events = SessionEvents(store)
        cursor = await events.store_event(STREAM, note(1))
        assert await Replay().of(events, cursor) is None

    run(main())


def test_an_answered_request_gives_way_to_others() -> None:
    """A server that runs for long holds what its sessions still wait for."""

    async def main() -> None:
        store = MemoryStore(max_streams=2, clock=now)
        events = SessionEvents(store)
        await events.store_event(STREAM, note(0))
        for n in range(50):
            answer = JSONRPCResponse(jsonrpc="2.0", id=n, result={})
            await events.store_event(str(n), answer)
        assert (await store.usage()).streams == 2
        cursor = await events.store_event("49", None)
        assert await Replay().of(events, cursor) == "49"

    run(main())


def test_a_manager_gives_each_session_its_own() -> None:
    """A store for all of them is taken; an `EventStore` for all of them is not."""
    from mcp.server.lowlevel import Server

    manager = ResumableSessionManager(Server("x"), MemoryStore())
    assert manager.event_store is not manager.event_store
    with pytest.raises(TypeError, match="each session has its own"):
        manager.event_store = SessionEvents(MemoryStore())


def test_a_missing_sdk_is_told_in_one_line() -> None:
    """The line says what to install."""
    code = (
        "import sys; sys.modules['mcp'] = None\n"
        "from sse_observe.errors import MissingExtraError\n"
        "try:\n"
        "    import sse_observe.reference.mcp_sessions\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "sessions of MCP need its SDK: pip install mcp\n"
