"""The handover: nothing is lost when a wait is given up, and nothing is read ahead."""

import asyncio

import pytest

from sse_observe.consumer.handover import Handover
from tests.support.virtual import run


def test_a_wait_that_is_given_up_loses_nothing() -> None:
    """The next one gets what would have come."""

    async def main() -> None:
        handover: Handover[int] = Handover()
        asyncio.get_running_loop().call_later(3, handover.put, [1, 2])
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handover.get(), 1)

        assert [await handover.get(), await handover.get()] == [1, 2]

    run(main())


def test_a_slow_caller_holds_the_reader_back() -> None:
    """More is put once all is taken; so a caller's pace reaches the connection."""

    async def main() -> None:
        handover: Handover[int] = Handover()
        await handover.taken()
        handover.put([1, 2])
        taken = asyncio.create_task(handover.taken())
        await asyncio.sleep(100)
        await handover.get()
        await asyncio.sleep(100)
        assert not taken.done()

        await handover.get()
        await taken

    run(main())


def test_an_error_comes_after_what_was_put_before_it_and_once() -> None:
    """A tail that arrived is given out; afterwards the end is the end."""

    async def main() -> None:
        handover: Handover[int] = Handover()
        handover.put([1])
        handover.end(ValueError("x"))
        handover.end(ValueError("y"))

        assert await handover.get() == 1
        with pytest.raises(ValueError, match="x"):
            await handover.get()
        with pytest.raises(StopAsyncIteration):
            await handover.get()

    run(main())


def test_what_is_dropped_is_the_end_for_whoever_waits() -> None:
    """Nobody is left waiting."""

    async def main() -> None:
        handover: Handover[int] = Handover()
        waiting = asyncio.create_task(handover.get())
        await asyncio.sleep(1)
        handover.drop()

        with pytest.raises((StopAsyncIteration, RuntimeError)):
            await waiting

    run(main())


def test_two_tasks_do_not_read_one_stream() -> None:
    """The second is told; the first goes on."""

    async def main() -> None:
        handover: Handover[int] = Handover()
        first = asyncio.create_task(handover.get())
        await asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="another task"):
            await handover.get()
        handover.put([1])

        assert await first == 1

    run(main())
