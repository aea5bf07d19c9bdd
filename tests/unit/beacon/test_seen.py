"""Reports that other hosts have seen: asked for, and done without."""

import asyncio

import pytest

from sse_observe.beacon.seen import Seen
from sse_observe.errors import SSEObserveError
from tests.support.virtual import now, run


class Fleet:
    """A shared memory that knows some reports, is away, or takes its time."""

    def __init__(self) -> None:
        self.known: set[tuple[str, int]] = set()
        self.asked = 0
        self.error: Exception | None = None
        self.seconds = 0.0

    async def is_new_report(
        self, reporter: str, n: int, *, ends: bool, keep_seconds: float
    ) -> bool:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        is_new = (reporter, n) not in self.known
        self.known.add((reporter, n))
        return is_new


async def ask(seen: Seen, n: int = 1) -> bool:
    return await seen.is_new("nonce", n, ends=False, keep_seconds=60)


def test_a_report_that_another_host_has_seen_is_old() -> None:
    """The second host asks the same memory."""

    async def main() -> None:
        fleet = Fleet()
        assert await ask(Seen(fleet, now))
        assert not await ask(Seen(fleet, now))

    run(main())


def test_without_a_fleet_every_report_is_new_here() -> None:
    """One process knows all that there is to know."""
    assert asyncio.run(ask(Seen(None, lambda: 0.0)))


@pytest.mark.parametrize(("error", "seconds"), [(SSEObserveError("away"), 0.0), (None, 100.0)])
def test_a_fleet_that_does_not_answer_is_done_without(
    error: Exception | None, seconds: float
) -> None:
    """The report counts, the browser waits half a second at most, and the next not at all."""

    async def main() -> None:
        fleet = Fleet()
        fleet.error, fleet.seconds = error, seconds
        seen, began = Seen(fleet, now), now()
        assert [await ask(seen, n) for n in range(1, 50)] == [True] * 49
        assert now() - began <= 0.5
        assert fleet.asked == 1
        fleet.error, fleet.seconds = None, 0.0
        await asyncio.sleep(6)
        fleet.known.add(("nonce", 7))
        assert not await ask(seen, 7)

    run(main())


def test_nobody_tells_of_the_last_report_without_a_fleet_that_answers() -> None:
    """None is no number: whoever asks may not take it for silence."""

    class Memory(Fleet):
        async def last_report(self, reporter: str) -> int:
            if self.error is not None:
                raise self.error
            return 7

    async def main() -> list[int | None]:
        fleet = Memory()
        seen = Seen(fleet, now)
        found = [await Seen(None, now).last_report("r"), await seen.last_report("r")]
        fleet.error = SSEObserveError("away")
        found.append(await seen.last_report("r"))
        fleet.error = None
        # Whoever was away is not asked again at once.
        return [*found, await seen.last_report("r")]

    assert run(main()) == [None, 7, None, None]
