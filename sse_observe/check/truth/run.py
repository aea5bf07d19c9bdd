"""
The asking of a truth test: each run once through the user's gateway, some of them beside another.

Everything sent and everything received is kept side by side; the judgement is another module's.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

from sse_observe.check.asking.exchange import Asking, ask
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.watch import Watch
from sse_observe.check.doctor import Doctor, Examination
from sse_observe.check.model import Options
from sse_observe.check.truth.judge import judge
from sse_observe.check.truth.readings import LEAVE_SECONDS, Reading, Readings
from sse_observe.check.truth.script import End, Pause, Repeated, Run, Script
from sse_observe.check.truth.upstream import Upstream, marks, serving
from sse_observe.check.visits import OnChange
from sse_observe.errors import CheckError

TWINS = 3
"""So many readers ask for the first run at once: whose answer does each get?"""
_GRACE_SECONDS = 10.0
_ASKED_SECONDS = 5.0
_LEAVING = Run("leaving", (Repeated("tokens", int(LEAVE_SECONDS * 5), 0.2), End()))


@dataclass(frozen=True)
class Stage:
    """A script, and the address at which its upstream is served."""

    script: Script
    host: str
    port: int

    def plan(self, question: Question, hold_seconds: float | None) -> str:
        """Return what will be done beside the checks, before anything is."""
        times = count(self.script, hold_seconds)
        return (
            f"Will serve the upstream at {self.host}:{self.port}, "
            f"and send {times} more requests to {question.shown}"
        )

    async def compared(
        self, doctor: Doctor, asking: Asking, options: Options, on_change: OnChange
    ) -> Examination:
        """Examine the gateway before this upstream, and compare what arrives with what is sent."""
        upstream = Upstream(self.script.protocol)
        async with serving(upstream, self.host, self.port):
            upstream.run = _always(self.script.runs[0])
            examination = await doctor.run(on_change)
            upstream.answers.clear()
            found = await readings(
                upstream, self.script, doctor.question, asking, options.hold_seconds
            )
        return examination.beside(judge(found))


def count(script: Script, hold_seconds: float | None) -> int:
    """Return how many requests a truth test sends."""
    return len(script.runs) + TWINS + 1 + (3 if hold_seconds else 0)


def check_repeats(question: Question, script: Script, *, repeat: bool) -> None:
    """Refuse to send a question again and again that is not safe, unless it is allowed."""
    if not (question.is_safe or repeat):
        times = count(script, None)
        raise CheckError(
            f"--upstream-script: would put a {question.method} {times} times; add --repeat"
        )


async def readings(
    upstream: Upstream,
    script: Script,
    question: Question,
    asking: Asking,
    hold_seconds: float | None,
) -> Readings:
    """Ask for every run, and for the runs that every truth test has."""

    async def read(run: Run, watch: Watch) -> Reading:
        recording = await ask(question, watch, asking)
        seen = [mark for event in recording.log.events for mark in marks(event.data)]
        return Reading(run, recording, upstream.by_name(seen[0].answer) if seen else None)

    found = Readings()
    for run in script.runs:
        upstream.run = _always(run)
        reading = await read(run, Watch(seconds=run.seconds + _GRACE_SECONDS))
        # Where nothing of it arrived, the last request is still the one that was asked for.
        answer = reading.answer or next(
            (one for one in reversed(upstream.answers) if one.run is run), None
        )
        found.runs.append(replace(reading, answer=answer))
    first = script.runs[0]
    upstream.run = _always(first)
    watch = Watch(seconds=first.seconds + _GRACE_SECONDS)
    found.twins = list(await asyncio.gather(*(read(first, watch) for _ in range(TWINS))))
    upstream.run = _always(_LEAVING)
    leave = Watch(seconds=LEAVE_SECONDS, until=lambda r: 0 if r.log.content_count else 60)
    found.leaving = await read(_LEAVING, leave)
    if found.leaving.answer is not None:
        await _wait(found.leaving.answer.over, LEAVE_SECONDS + 1)
    if hold_seconds is not None:
        found.held = await _held(upstream, hold_seconds, read)
    found.asked = len(upstream.answers)
    return found


async def _held(
    upstream: Upstream,
    seconds: float,
    read: Callable[[Run, Watch], Coroutine[object, object, Reading]],
) -> dict[str, Reading]:
    """Hold three streams open at once: one in which something flows, two that fall silent."""
    delay = min(seconds / 4, 10.0)
    end = (Pause(seconds + _GRACE_SECONDS), End())
    runs = {
        "tokens": Run("tokens", (Repeated("tokens", int(seconds + _GRACE_SECONDS), 1.0), End())),
        "silence": Run("silence", (Repeated("tokens", 1, 0.1), *end)),
        "late silence": Run("late silence", (Repeated("tokens", max(2, int(delay)), 1.0), *end)),
    }
    found = []
    for run in runs.values():
        # One after the other, so that each gets its own.
        upstream.run = _always(run)
        upstream.asked.clear()
        found.append(asyncio.create_task(read(run, Watch(seconds=seconds))))
        await _wait(upstream.asked, _ASKED_SECONDS)
    return dict(zip(runs, await asyncio.gather(*found), strict=True))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _always(run: Run) -> Callable[[], Run]:
    return lambda: run
