"""Closing of what an application gave: generators are closed, others need not be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from sse_observe.reference.closing import closable


def test_a_generator_is_closed() -> None:
    """Its `finally` runs where it stopped, not when the collector finds it."""
    closed = []

    async def words() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    async def main() -> None:
        async with aclosing(closable(words())) as source:
            async for _ in source:
                break
        assert closed == [True]

    asyncio.run(main())


def test_an_iterable_that_cannot_be_closed_is_left() -> None:
    """A class with `__aiter__` alone is enough for an application."""

    class Words:
        def __aiter__(self) -> AsyncIterator[str]:
            return self._words()

        async def _words(self) -> AsyncIterator[str]:
            yield "a"

    async def main() -> None:
        async with aclosing(closable(Words())) as source:
            assert [word async for word in source] == ["a"]

    asyncio.run(main())
