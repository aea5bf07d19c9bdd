"""The point about load: many readers at once, for a few seconds, never more than was told."""

import asyncio
from collections.abc import Sequence

from sse_observe.check.asking.exchange import Asking, ask
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.asking.watch import Watch
from sse_observe.check.production.point import Point, done, failed, person

MOST_USERS = 500
SECONDS = 10.0
_OPENED_PER_SECOND = 50.0
"""A fleet of browsers comes over time; all in one instant is another test."""
_BYTES = 1 << 20
_MOST_WAIT_SECONDS = 2.0
_WORSE = 3.0
_TEXT = "Load tested (100+ concurrent users)"


async def load(question: Question, asking: Asking, users: int, alone: Recording) -> Point:
    """Open so many streams at once; compare how long they wait with one that is alone."""
    question_for_people = "With how many users at once was it tested? Or give --users 100."
    if not users:
        return person(_TEXT, "--users was not given", question_for_people)
    if not alone.is_stream:
        return failed(_TEXT, "there is no stream to load")
    watch = Watch(seconds=SECONDS, most_bytes=_BYTES)

    async def one(number: int) -> Recording:
        await asyncio.sleep(number / _OPENED_PER_SECOND)
        return await ask(question, watch, asking)

    found = await asyncio.gather(*(one(number) for number in range(users)))
    return _judged(found, alone)


def _served_at(recording: Recording, alone: Recording) -> float | None:
    """Return when a reader had its first event, or its head where none was due; None if never."""
    if not recording.is_stream:
        return None
    if not alone.log.events or alone.log.events[0].at > SECONDS:
        return recording.headers_at
    return recording.log.events[0].at if recording.log.events else None


def _judged(found: Sequence[Recording], alone: Recording) -> Point:
    served = [_served_at(each, alone) for each in found]
    waits = sorted(at for at in served if at is not None)
    bad = [each for each, at in zip(found, served, strict=True) if at is None]
    words = f"{len(waits)} of {len(found)} readers at once were served"
    if bad:
        first = bad[0]
        why = first.failure or (
            f"no event in {SECONDS:g} s" if first.is_stream else f"status {first.status}"
        )
        return failed(_TEXT, f"{words}; {len(bad)} not: {why}")
    late = waits[int(0.95 * (len(waits) - 1))]
    single = _served_at(alone, alone) or 0.0
    words += f", served p95 {late:.1f} s ({single:.1f} s alone)"
    if late > max(_MOST_WAIT_SECONDS, _WORSE * single):
        return failed(_TEXT, words)
    cut = [each for each in found if each.end == "cut"]
    return failed(_TEXT, f"{words}; {len(cut)} cut") if cut else done(_TEXT, words)
