"""Turns: what a task counts of itself, and what others still see of its work."""

import asyncio
from collections.abc import Callable

import pytest

from sse_observe.reference.turns import Turns


def test_a_task_counts_each_time_that_its_loop_lets_it_go_on() -> None:
    """Without a wait the number stays: nobody else had a turn."""

    async def work(turns: Turns[list[int]]) -> list[int]:
        seen = [turns.count, turns.count]
        await asyncio.sleep(0)
        seen.append(turns.count)
        await asyncio.sleep(0)
        return [*seen, turns.count]

    async def main() -> list[int]:
        return await asyncio.ensure_future(Turns(work))

    assert asyncio.run(main()) == [1, 1, 2, 3]


def test_a_cancelled_task_may_still_do_its_last_work() -> None:
    """The cancellation arrives in the work, which counts it as a turn and decides for itself."""

    async def work(turns: Turns[int]) -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return turns.count
        return 0

    async def main() -> int:
        task = asyncio.ensure_future(Turns(work))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == 2


async def broken(turns: Turns[None]) -> None:
    """Fail after a turn."""
    await asyncio.sleep(0)
    raise LookupError(turns.count)


@pytest.mark.parametrize("begun", [asyncio.ensure_future, lambda work: work])
def test_an_error_of_the_work_is_the_task_s_own(begun: Callable[[object], object]) -> None:
    """Also where another coroutine awaits it, and nothing is counted."""

    async def main() -> None:
        await begun(Turns(broken))  # type: ignore[misc]

    with pytest.raises(LookupError):
        asyncio.run(main())


def test_a_task_still_shows_its_work_by_name_and_line() -> None:
    """A dump of all tasks is how a producer that hangs is found."""

    async def main() -> tuple[str, int]:
        task = asyncio.ensure_future(Turns(broken))
        shown = repr(task), len(task.get_stack())
        task.cancel()
        await asyncio.wait([task])
        return shown

    text, depth = asyncio.run(main())
    assert "broken()" in text
    assert depth == 1


def test_work_that_never_begins_can_be_given_up() -> None:
    """Closed, it is forgotten without a warning, and never runs."""
    turns = Turns(broken)
    turns.close()
    assert turns.count == 0
