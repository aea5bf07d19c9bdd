"""Waits and their limits: what may be asked again is given up early, everything else late."""

import asyncio
from typing import Any

import pytest

from sse_observe.consumer import StreamFailedError
from sse_observe.consumer.waiting import LateError, within
from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    HANG,
    Answer,
    Reading,
    Server,
    beat,
    hello,
    payload,
    words,
)
from tests.support.virtual import now, run

WORD = encode('{"choices":[{"delta":{"content":"x"}}]}')


def test_a_wait_that_takes_too_long_is_late() -> None:
    """It is given up at its limit, and what comes in time is handed on."""

    async def main() -> None:
        assert await within(5, asyncio.sleep(4, "in time")) == "in time"
        assert await within(None, asyncio.sleep(HANG, "in its time")) == "in its time"
        began = now()
        with pytest.raises(LateError) as late:
            await within(5, asyncio.sleep(6))
        assert now() - began == 5
        assert late.value.is_stall

    run(main())


def test_what_times_out_by_itself_is_not_late() -> None:
    """A library's own limit is its own error, whatever ours is."""

    async def fail() -> None:
        raise TimeoutError("read")

    async def main() -> None:
        with pytest.raises(TimeoutError, match="read"):
            await within(5, fail())

    run(main())


def test_silence_is_a_stall_after_two_and_a_half_heartbeats() -> None:
    """The limit follows what the server announces; recovery is timed from the stall."""

    async def main() -> None:
        server = Server(
            Answer(hello(heartbeat_seconds=4), payload(0), HANG),
            Answer(hello(resumed_from=f"0-{EPOCH}"), payload(1), DONE, after=0.5),
        )
        reading = await Reading(server).all()

        assert reading.got == words(0, 1)
        assert server.waits == [10 + 1]
        assert reading.count("sse_stall_detections_total", seen_by="client") == 1
        assert reading.count("sse_stall_recovery_seconds_sum") == pytest.approx(1.5)
        assert [name for name, _ in reading.statuses] == [
            *("connecting", "live", "waiting", "reconnecting", "live", "complete"),
        ]
        assert reading.count("sse_ui_messages_shown_total", message="waiting") == 1

    run(main())


def test_any_byte_keeps_a_stream_alive() -> None:
    """A comment is enough: the line is warm, whatever the application does."""

    async def main() -> None:
        pings = [step for _ in range(20) for step in (20.0, b": ping\n\n")]
        reading = await Reading(Server(Answer(payload(0), *pings, payload(1), DONE))).all()

        assert len(reading.server.asked) == 1
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_without_an_announced_heartbeat_the_limit_is_thirty_seconds() -> None:
    """Three heartbeats of the usual ten seconds, unless the caller knows better."""

    async def main() -> None:
        first = await Reading(Server(Answer(payload(0), HANG), Answer(DONE))).all()
        second = await Reading(
            Server(Answer(hello(heartbeat_seconds=1), HANG), Answer(DONE)), stall_seconds=5
        ).all()

        assert first.server.waits == [31]
        assert second.server.waits == [6]

    run(main())


def test_a_server_that_accepts_and_says_nothing_is_left() -> None:
    """Headers that never come are a failed attempt, not a wait without end."""

    async def main() -> None:
        server = Server(Answer(after=HANG), Answer(DONE))
        reading = await Reading(server, connect_seconds=3).all()

        assert server.waits == [3 + 1]
        assert (await Reading(Server(Answer(after=HANG), Answer(DONE))).all()).server.waits == [11]
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(WORD, after=3600),
        Answer(3600.0, WORD),
        Answer(encode("{}", event="response.created"), 3600.0, WORD),
        Answer(WORD, 599.0, WORD),
        Answer(WORD, 500.0, b": ping\n\n", 500.0, WORD),
    ],
    ids=["queued", "silent", "thinking", "tool", "pings"],
)
def test_a_slow_model_is_not_given_up(answer: Answer) -> None:
    """Its answer is paid for, and no second one would be quicker."""

    async def main() -> None:
        reading = await Reading(Server(answer), json={}).all()

        assert reading.stream.status == "complete"
        assert len(reading.server.asked) == 1
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


@pytest.mark.parametrize(
    ("answer", "options", "after"),
    [
        (Answer(after=HANG), {"first_event_timeout": 45}, 45),
        (Answer(40.0, HANG), {"first_event_timeout": 45}, 45),
        (Answer(20.0, beat(), 20.0, beat(), HANG), {"first_event_timeout": 45}, 45),
        (
            Answer(10.0, encode("{}", event="response.created"), HANG),
            {"first_event_timeout": 45},
            45,
        ),
        (Answer(10.0, WORD, HANG), {"first_event_timeout": 45, "stall_seconds": 60}, 70),
        (Answer(10.0, WORD, HANG), {}, 610),
        (Answer(10.0, hello(heartbeat_seconds=4), HANG), {}, 20),
        (Answer(after=HANG), {"connect_seconds": 5}, 5),
    ],
    ids=["head", "silence", "heartbeats", "prelude", "later", "long", "announced", "connect"],
)
def test_limits_that_are_set_hold_for_what_is_sent_once(
    answer: Answer, options: dict[str, Any], after: float
) -> None:
    """The first event is the first content: heartbeats and a prelude keep a user waiting."""

    async def main() -> None:
        began = now()
        reading = Reading(Server(answer), json={}, **options)
        with pytest.raises(StreamFailedError, match="in time") as failure:
            await reading.all()

        assert failure.value.reason == "interrupted"
        assert now() - began == after
        assert len(reading.server.asked) == 1

    run(main())


def test_a_first_event_that_does_not_come_is_waited_for_elsewhere() -> None:
    """A GET is asked again, as after any stall; once there was content, silence alone counts."""

    async def main() -> None:
        beats = [step for _ in range(9) for step in (10.0, beat())]
        server = Server(Answer(*beats, HANG), Answer(payload(0), *beats, payload(1), DONE))
        reading = await Reading(server, first_event_timeout=60).all()

        assert reading.got == words(0, 1)
        assert server.waits == [60 + 1]

    run(main())


def test_a_machine_that_slept_sees_no_stall() -> None:
    """If the alarm itself comes late, the server is not to blame; the line is opened anew."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()

        class Nap(Server):
            async def _chunks(self, answer: Answer) -> Any:
                async for chunk in super()._chunks(answer):
                    yield chunk
                if len(self.asked) == 1:
                    loop.call_later(1, lambda: setattr(loop.leap, "now", now() + 3600))
                    await asyncio.sleep(HANG)

        server = Nap(Answer(payload(0)), Answer(hello(), payload(1), DONE))
        reading = await Reading(server).all()

        assert reading.got == words(0, 1)
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_a_slow_caller_is_no_stall() -> None:
    """The clock of silence stands while the caller works on an event."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), payload(1), DONE)))
        async for item in reading.stream:
            reading.items.append(item)
            await asyncio.sleep(500)

        assert reading.got == words(0, 1)
        assert len(reading.server.asked) == 1

    run(main())
