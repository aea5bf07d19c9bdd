"""The outbox of a producer: what waits for a store that is away is bounded, in events and bytes."""

import pytest

from sse_observe.reference import MemoryStore, StoreDownError, Stream, Write
from sse_observe.reference.outbox import Outbox, OverflowingError
from sse_observe.reference.store import Written
from tests.support.virtual import now, run


class AwayStore(MemoryStore):
    """A shared store that does not answer."""

    in_process = False

    async def write(self, stream_id: str, write: Write) -> Written:
        raise StoreDownError("redis://store: not reachable")


@pytest.mark.parametrize(
    ("size", "waited"), [(1, r"11 events \(11 bytes\)"), (300, r"4 events \(1200 bytes\)")]
)
def test_so_many_events_or_bytes_wait_for_the_store(size: int, waited: str) -> None:
    """One more ends the stream, in one line that says what waited and for whom."""

    async def main() -> None:
        store = AwayStore(clock=now)
        outbox = Outbox(store, Stream("s", "e"), "w", max_events=10, max_bytes=1000)

        async def fill() -> None:
            for _ in range(100):
                await outbox.put(b"x" * size)

        line = rf"^redis://store: not reachable; {waited} waited for it, and no more may$"
        with pytest.raises(OverflowingError, match=line):
            await fill()
        assert outbox._flusher is not None
        outbox._flusher.cancel()

    run(main())
