"""Delays between attempts: doubled, spread, and never under what the server asked for."""

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer.backoff import Backoff
from sse_observe.wire import encode
from tests.support.scripted_server import DONE, Answer, Reading, Server, hello, payload, words
from tests.support.virtual import run


def test_delays_double_up_to_thirty_seconds_and_never_give_up() -> None:
    """1, 2, 4, 8, 16, 30, 30 …: a deploy, a lift or a tunnel is no reason to fail."""

    async def main() -> None:
        refused = [ConnectionRefusedError("refused")] * 9
        reading = await Reading(Server(*refused, Answer(payload(0), DONE))).all()

        assert reading.server.waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert reading.got == words(0)
        assert ("reconnecting", 9) in reading.statuses

    run(main())


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 2000), st.floats(0, 400))
def test_jitter_spreads_by_half_and_never_undercuts_the_server(
    dice: float, attempts: int, floor: float
) -> None:
    """0.5 to 1.5 of the step, and a client that was asked to wait waits at least so long."""
    backoff = Backoff(lambda: dice)
    for _ in range(attempts - 1):
        backoff.next()
    step = min(2 ** (min(attempts, 9) - 1), 30)

    assert 0.5 * step <= backoff.next() <= 1.5 * step
    backoff.floor(floor)
    delay = backoff.next()
    assert delay >= min(floor, 300)
    assert delay <= max(45, 1.5 * 300)


def test_retry_is_a_floor_and_retry_after_is_obeyed() -> None:
    """The stream's own delay and an overloaded server's are both kept."""

    async def main() -> None:
        server = Server(
            Answer(encode(retry=7000), payload(0)),
            Answer(status=503, headers={"retry-after": "60"}),
            Answer(status=429, headers={"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}),
            Answer(DONE),
        )
        await Reading(server).all()

        assert server.waits == [7 * 1.25, 60 * 1.25, 7 * 1.25]

    run(main())


def test_only_a_healthy_connection_resets_the_delay() -> None:
    """A server that accepts and drops is not asked every second for ever."""

    async def main() -> None:
        brief = Answer(hello(), payload(0))
        healthy = Answer(hello(), 11.0, payload(0))
        mute = Answer(11.0)
        server = Server(brief, brief, brief, healthy, mute, brief, Answer(DONE))
        await Reading(server).all()

        assert server.waits == [1, 2, 4, 11 + 1, 11 + 2, 4]

    run(main())
