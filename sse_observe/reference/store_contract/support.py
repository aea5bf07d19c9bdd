"""Parts that the tests of a store share: a loop for each, fresh names, and a little patience."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import wraps
from itertools import count
from typing import TypeVar

from sse_observe.errors import SSEObserveError
from sse_observe.reference.store import Backlog, Stream, StreamStore

Self = TypeVar("Self", bound="StoreTests")
Error = TypeVar("Error", bound=SSEObserveError)
Test = Callable[[Self], Coroutine[object, None, None]]
_NAMES = count()
PATIENCE_SECONDS = 20


def runs(test: Test[Self]) -> Callable[[Self], None]:
    """Let pytest run a coroutine, in a loop of its own."""

    @wraps(test)
    def run(self: Self) -> None:
        asyncio.run(test(self))

    del run.__wrapped__  # pytest would look for its arguments
    return run


async def refused(kind: type[Error], doing: Coroutine[object, None, object]) -> Error:
    """Return the error with which a call is refused."""
    try:
        found = await doing
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised; it returned {found!r}")


def new_stream(owner: str = "", keep_seconds: float | None = None, holder: str = "") -> Stream:
    """Return a stream of a name that no test had before."""
    name = next(_NAMES)
    return Stream(f"stream{name}", f"epoch{name}", owner, keep_seconds, holder)


class StoreTests:
    """Questions that the tests of a store ask of the class that has them run."""

    def store(self, **bounds: float) -> AbstractAsyncContextManager[StreamStore]:
        """Give an empty store with these bounds."""
        raise NotImplementedError

    async def pause(self, seconds: float) -> None:
        """Let the store's time pass."""
        await asyncio.sleep(seconds)

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait for news that travel by themselves."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not claim():  # noqa: ASYNC110 - any store's news
                await asyncio.sleep(0.005)

    async def read(self, store: StreamStore, stream: Stream, after: int = -1) -> Backlog:
        """Return a backlog that must be there."""
        found = await store.read(stream.id, after)
        assert found is not None
        return found
