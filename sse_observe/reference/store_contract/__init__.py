"""
The contract of a store as tests: every store passes them, a third party's too.

    class TestMyStore(StoreContract):
        @asynccontextmanager
        async def store(self, **bounds):
            yield MyStore(**bounds)

pytest collects the methods of such a class; it needs no plugin. `store(**bounds)` gives an empty
store with these bounds. `pause(seconds)` lets the store's time pass: override it where its clock
is turned by hand. Entry: `StoreContract`.
"""

from sse_observe.reference.store_contract.lifetime import LifetimeContract
from sse_observe.reference.store_contract.reading import ReadingContract, follow
from sse_observe.reference.store_contract.writing import WritingContract

__all__ = ["StoreContract", "follow"]


class StoreContract(ReadingContract, WritingContract, LifetimeContract):
    """All that is asked of `StreamStore`, one test each."""
