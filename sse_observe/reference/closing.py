"""
Closing of what an application gave us to iterate: a generator can be closed, others need not.

Knows iterators.
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class closable(Generic[T]):  # noqa: N801 - used as a function
    """An async iterable that can be closed, as a generator can and another need not."""

    def __init__(self, source: AsyncIterable[T]) -> None:
        self._source = source

    def __aiter__(self) -> AsyncIterator[T]:
        """Return its iterator."""
        return aiter(self._source)

    async def aclose(self) -> None:
        """Close it, if it can be closed."""
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()
