"""Bodies of strangers: bounded in size and in time, with one timer for all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sse_observe.beacon.body import Bodies
from tests.support.virtual import now, run


def pieces(*chunks: bytes) -> Callable[[], Awaitable[Any]]:
    """Return a `receive` that hands a body over in these chunks."""
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    return receive


async def never() -> Any:
    await asyncio.Event().wait()


async def trickle() -> dict[str, Any]:
    await asyncio.sleep(2)
    return {"type": "http.request", "body": b" ", "more_body": True}


async def given_up_after(bodies: Bodies, receive: Any, delay: float = 0) -> float:
    """Begin to read after a delay; return how long reading took."""
    await asyncio.sleep(delay)
    began = now()
    assert await bodies.read(receive) == b""
    return now() - began


def test_a_body_in_pieces_is_read_whole() -> None:
    """Servers hand it over as it arrives."""
    assert run(Bodies(9, 5).read(pieces(b"in", b"", b" three"))) == b"in three"


def test_a_large_body_is_read_no_further_than_shows_it() -> None:
    """The rest of a stranger's body is never taken."""
    left = [b"xxxx"] * 9

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(), "more_body": True}

    assert len(run(Bodies(10, 5).read(receive))) == 12
    assert len(left) == 6


@pytest.mark.parametrize("receive", [never, trickle])
def test_a_slow_body_is_given_up_in_its_time(receive: Any) -> None:
    """Nobody holds anything of ours for longer, whether a byte comes now and then or none."""

    async def main() -> None:
        assert await given_up_after(Bodies(100, 5), receive) == 5

    run(main())


def test_each_of_many_has_its_own_time_and_all_share_one_timer() -> None:
    """A timer for each would be a fifth of all that a beacon report costs."""

    async def main() -> None:
        bodies = Bodies(100, 5)
        slow = [asyncio.create_task(given_up_after(bodies, never, n)) for n in (0, 3, 3, 4)]
        await asyncio.sleep(4.5)
        for _ in range(100):
            await bodies.read(pieces(b"x"))
        timers: Any = asyncio.get_running_loop()
        assert len(timers._scheduled) == 1
        assert await asyncio.gather(*slow) == [5, 5, 5, 5]
        assert await given_up_after(bodies, never, 60) == 5

    run(main())


def test_a_loop_that_is_new_has_a_timer_of_its_own() -> None:
    """A timer that died with an earlier loop is not waited for."""
    bodies = Bodies(100, 5)

    run(bodies.read(pieces(b"x")))

    assert run(given_up_after(bodies, never)) == 5


@pytest.mark.parametrize("at", [1, 5])
def test_a_cancellation_by_somebody_else_passes_through(at: float) -> None:
    """A server that shuts down gets its cancellation back, even at the same time as ours."""

    async def main() -> None:
        task = asyncio.create_task(Bodies(100, 5).read(never))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(at, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
