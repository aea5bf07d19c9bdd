"""Logs: changed as a whole, once, by several who write at a time."""

import asyncio

import pytest

from sse_observe.reference import MemoryStore
from sse_observe.reference.durable_streams.facts import Facts
from sse_observe.reference.durable_streams.logs import Logs
from sse_observe.reference.replies import RefusedError
from sse_observe.reference.store import StoreDownError
from tests.support.durable import Asked
from tests.support.virtual import now, run

PAST = "2020-01-01T00:00:00Z"


def test_two_hosts_that_write_at_once_both_write() -> None:
    """Whoever is refused reads again; two hosts share no lock, only the store."""

    async def main() -> None:
        store = MemoryStore(clock=now)
        hosts = [Asked(store=store), Asked(store=store)]
        await hosts[0].create("s")

        async def produce(host: Asked, name: str) -> list[int]:
            found = []
            for seq in range(20):
                headers = {"Producer-Id": name, "Producer-Epoch": "0", "Producer-Seq": str(seq)}
                found.append((await host.append("s", name.encode(), headers)).status)
                await asyncio.sleep(0)
            return found

        answers = await asyncio.gather(produce(hosts[0], "a"), produce(hosts[1], "b"))
        assert answers == [[200] * 20] * 2
        body = (await hosts[0].ask("GET", "s")).body
        assert sorted(body) == sorted(b"a" * 20 + b"b" * 20)

    run(main())


def test_a_stream_that_could_not_be_filled_does_not_stand_in_the_way() -> None:
    """Its name is free for the next try."""

    async def main() -> None:
        store = MemoryStore(clock=now)
        asked = Asked(store=store)
        write, failing = store.write, [True]

        async def away(*arguments):
            if failing:
                raise StoreDownError("away")
            return await write(*arguments)

        store.write = away  # type: ignore[method-assign]
        assert (await asked.ask("PUT", "s", {"Content-Type": "text/plain"}, b"a")).status == 503
        failing.clear()
        await asked.create("s", b"a")

    run(main())


def test_an_expired_stream_with_forks_is_found_expired_by_its_writer() -> None:
    """Its writer is told that it is gone, and the forks read on: nobody waits for himself."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s", b"a", {"Stream-Expires-At": "2100-01-01T00:00:00Z"})
        fork = {"Stream-Forked-From": "/s", "Stream-Expires-At": "2100-01-02T00:00:00Z"}
        await asked.create("fork", b"", fork)
        logs = Logs(asked.store)
        log = await logs.get("s")
        log.facts.expires_at = PAST
        await logs.append(log, [], log.facts)
        async with asyncio.timeout(5):
            assert (await asked.append("s", b"b")).status == 410
        assert (await asked.ask("GET", "fork")).body == b"a"
        assert (await asked.ask("DELETE", "fork")).status == 204
        assert await asked.store.find("s") is None

    run(main())


def test_an_expired_stream_is_gone() -> None:
    """Whoever asks first takes it away."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s", b"a", {"Stream-Expires-At": PAST})
        assert (await asked.ask("GET", "s")).status == 404
        assert await asked.store.find("s") is None

    run(main())


def test_who_is_always_too_late_is_told_to_come_again() -> None:
    """A change is tried often, and not for ever."""

    async def main() -> None:
        logs = Logs(MemoryStore(clock=now))
        tries = []

        async def attempt(touch: bool) -> None:
            tries.append(touch)

        with pytest.raises(RefusedError) as refusal:
            await logs.change("s", attempt)
        assert refusal.value.status == 503
        assert tries == [True] + [False] * 99

    run(main())


def test_another_applications_stream_is_none_of_ours() -> None:
    """In a store that is shared with resumable answers, their names cannot be read here."""

    async def main() -> None:
        from sse_observe.reference import Stream

        store = MemoryStore(clock=now)
        await store.create(Stream("s", "e"))
        assert await Logs(store).find("s") is None
        assert not await Logs(store).create("s", Facts("text/plain", 1), -1, [])

    run(main())
