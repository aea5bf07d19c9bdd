"""Writes: idempotent producers, closing, forks, and what is refused."""

import pytest

from sse_observe.reference import MemoryStore
from tests.support.durable import JSON, Asked
from tests.support.virtual import now, run


def producer(seq: int, epoch: int = 0) -> dict[str, str]:
    return {"Producer-Id": "p", "Producer-Epoch": str(epoch), "Producer-Seq": str(seq)}


def test_an_append_that_comes_again_is_not_done_again() -> None:
    """Its answer was lost; the second one says where the producer stands."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s")
        first = await asked.append("s", b"a", producer(0))
        again = await asked.append("s", b"a", producer(0))
        assert (first.status, again.status) == (200, 204)
        assert again.headers["producer-seq"] == "0"
        assert (await asked.ask("GET", "s")).body == b"a"

    run(main())


def test_a_producer_of_an_older_epoch_is_fenced() -> None:
    """It was thought dead, and its successor writes already."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s")
        await asked.append("s", b"a", producer(0))
        assert (await asked.append("s", b"b", producer(0, epoch=1))).status == 200
        late = await asked.append("s", b"c", producer(1))
        assert (late.status, late.headers["producer-epoch"]) == (403, "1")
        assert (await asked.append("s", b"c", producer(3, epoch=1))).status == 409
        assert (await asked.append("s", b"c", producer(1, epoch=2))).status == 400

    run(main())


def test_a_closed_stream_takes_nothing_more() -> None:
    """But says so again to whoever closed it."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s")
        closing = {**producer(0), "Stream-Closed": "true"}
        assert (await asked.append("s", b"end", closing)).status == 200
        assert (await asked.append("s", b"end", closing)).status == 204
        assert (await asked.append("s", b"more")).status == 409
        assert (await asked.ask("GET", "s")).headers["stream-closed"] == "true"

    run(main())


def test_the_same_put_twice_is_no_mistake_and_another_one_is() -> None:
    """A PUT may be repeated after a lost answer."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s")
        assert (await asked.ask("PUT", "s", {"Content-Type": "text/plain"})).status == 200
        assert (await asked.ask("PUT", "s", JSON)).status == 409

    run(main())


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 409),
        ({"Content-Type": ""}, b"a", 400),
        ({}, b"", 400),
        ({"Stream-Seq": "a"}, b"a", 409),
    ],
)
def test_an_append_that_does_not_fit_is_refused(
    headers: dict[str, str], body: bytes, status: int
) -> None:
    """Another type, no type, no body, an order that goes back."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s")
        await asked.append("s", b"0", {"Stream-Seq": "b"})
        assert (await asked.append("s", body, headers)).status == status
        assert (await asked.ask("GET", "s")).body == b"0"

    run(main())


def test_a_store_that_is_full_refuses_with_a_line() -> None:
    """503 for a stream too many, and for bytes too many; what is there stays."""

    async def main() -> None:
        store = MemoryStore(max_streams=1, max_total_bytes=3, clock=now)
        asked = Asked(store=store)
        await asked.create("s", b"ab")
        refused = await asked.ask("PUT", "t", {"Content-Type": "text/plain"})
        assert refused.status == 503
        assert b"max_streams" in refused.body
        refused = await asked.append("s", b"cd")
        assert refused.status == 503
        assert b"max_total_bytes" in refused.body
        assert (await asked.ask("GET", "s")).body == b"ab"

    run(main())
