"""Findings of a truth test: what arrived of a script, against what was sent."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean

from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks.hold import silence_before_end
from sse_observe.check.model import Finding, not_asked, passed
from sse_observe.check.reading.pacing import FELT_SECONDS
from sse_observe.check.truth.readings import LEAVE_SECONDS, Reading, Readings
from sse_observe.check.truth.script import Cut, End, Failure
from sse_observe.check.truth.upstream import Mark, marks
from sse_observe.protocols import NONE

LATE_SECONDS = 0.5
"""A piece that comes so much later than the promptest one is felt."""
NOTICE_SECONDS = 5.0
"""So soon an upstream has to know that its reader left."""
# Two cuts that are no further apart come from one timer: proxies look at theirs once a second.
_SAME_SECONDS = 1.0
# Two readings of one clock, on a busy machine.
_CLOCK_SECONDS = 0.05


def arrived(recording: Recording) -> list[tuple[Mark, float]]:
    """Return each piece that arrived, with its Unix time."""
    return [
        (mark, recording.began + event.at)
        for event in recording.log.events
        for mark in marks(event.data)
    ]


def reached(found: Readings) -> Finding:
    """Return whether the gateway asks the scripted upstream."""
    if not found.asked:
        seen = found.runs[0].recording
        answer = seen.failure or f"status {seen.status}"
        return Finding("fail", f"nobody asked the upstream; the gateway answers: {answer}")
    return passed(f"asked {found.asked} times")


def _with_answer(found: Readings) -> Iterator[tuple[Reading, list[tuple[Mark, float]]]]:
    """Yield each run of the script that the upstream was asked for, with what arrived of it."""
    for reading in found.runs:
        if reading.answer is not None:
            yield reading, arrived(reading.recording)


def whole(found: Readings) -> Finding:
    """Return whether each piece arrived once, in order."""
    total = 0
    for reading, got in _with_answer(found):
        sent = len(reading.answer.pieces) if reading.answer else 0
        own = [
            mark.number for mark, _ in got if reading.answer and mark.answer == reading.answer.name
        ]
        total += sent
        missing = sorted(set(range(sent)) - set(own))
        if missing:
            return Finding(
                "fail", f"{reading.run.name}: {len(missing)} of {sent} pieces did not arrive"
            )
        if len(own) > sent:
            return Finding("fail", f"{reading.run.name}: {len(own) - sent} pieces came twice")
        if own != sorted(own):
            return Finding("fail", f"{reading.run.name}: pieces came in another order")
    return passed(f"{total} pieces, each once, in order") if total else not_asked("nothing arrived")


def timing(found: Readings) -> Finding:
    """Return whether pieces came at the pace at which they were sent."""
    worst, words, pieces = 0.0, "", 0
    for reading, got in _with_answer(found):
        sent = reading.answer.pieces if reading.answer else []
        lates = [at - sent[mark.number] for mark, at in got if mark.number < len(sent)]
        if len(lates) < 2:
            continue
        pieces += len(lates)
        late = max(lates) - min(lates)
        if late > worst:
            worst = late
            took = got[-1][1] - got[0][1]
            words = (
                f"{reading.run.name}: {len(lates)} pieces sent over {sent[-1] - sent[0]:.1f} s "
                f"came over {took:.1f} s, some {late:.2f} s late"
            )
    if not pieces:
        return not_asked("fewer than two pieces arrived")
    if worst >= LATE_SECONDS:
        return Finding("fail", words, cause="bursts")
    if worst >= FELT_SECONDS:
        return Finding("warn", words, cause="bursts")
    return passed(f"{pieces} pieces, none over {1000 * worst:.0f} ms later than the promptest")


def error(found: Readings) -> Finding:
    """Return whether an error of the upstream is told to the reader."""
    tried = [one for one, _ in _with_answer(found) if one.run.has(Failure)]
    for reading in tried:
        recording = reading.recording
        shown = any(event.is_failure for event in recording.log.events)
        refused = recording.failure is not None or recording.status >= 400
        if not (shown or refused or recording.end == "cut"):
            how = "an end" if recording.log.terminal_at is not None else "silence"
            words = f"{reading.run.name}: the error was swallowed; {how} came instead"
            return Finding("fail", words)
    if not tried:
        return not_asked("no run has an error")
    return passed(f"the reader is told, in each of {len(tried)} runs")


def ending(found: Readings) -> Finding:
    """Return whether answers end as the upstream ended them."""
    looked = 0
    for reading, _ in _with_answer(found):
        ends, cuts = reading.run.has(End), reading.run.has(Cut)
        if ends == cuts:
            continue
        looked += 1
        fault = _wrong_cut(reading) if cuts else _wrong_end(reading)
        if fault:
            return fault
    return passed(f"{looked} runs ended as they were sent") if looked else not_asked("none ends")


def _wrong_cut(reading: Reading) -> Finding | None:
    """Return what is wrong with how a reader saw that the upstream was cut."""
    log = reading.recording.log
    if reading.recording.end != "complete" or any(event.is_failure for event in log.events):
        return None
    if log.terminal_at is not None:
        words = f"{reading.run.name}: the upstream was cut, and an end was invented"
        return Finding("fail", words)
    words = f"{reading.run.name}: the upstream was cut, and the answer ends in order"
    # A protocol that has an end shows by its absence that the answer is not whole.
    return Finding("fail" if log.dialect.name == NONE.name else "warn", words)


def _wrong_end(reading: Reading) -> Finding | None:
    log = reading.recording.log
    if log.terminal_at is None and log.dialect.name != NONE.name:
        return Finding("fail", f"{reading.run.name}: the end that was sent did not arrive")
    if reading.recording.end != "complete":
        return Finding("fail", f"{reading.run.name}: the answer ended, the reader's did not")
    return None


def own(found: Readings) -> Finding:
    """Return whether each reader got its own answer, and nothing of another's."""
    seen: list[str] = []
    for reading in (*found.runs, *found.twins):
        names = list(dict.fromkeys(mark.answer for mark, _ in arrived(reading.recording)))
        if len(names) > 1:
            words = f"{reading.run.name}: pieces of {len(names)} answers in one stream"
            return Finding("fail", words)
        seen += names
    if len(set(seen)) < len(seen):
        shared = len(seen) - len(set(seen))
        return Finding("fail", f"{shared} readers got the answer of another one", cause="cached")
    served = sum(reading.answer is not None for reading in found.twins)
    if served < len(found.twins):
        return not_asked(f"{served} of {len(found.twins)} readers at once got an answer")
    return passed(f"{len(found.twins)} readers at once, each its own answer")


def heartbeats(found: Readings) -> Finding:
    """Return whether heartbeats pass, and at once."""
    total = 0
    for reading, _ in _with_answer(found):
        sent = reading.answer.heartbeats if reading.answer else []
        if not sent:
            continue
        began = reading.recording.began
        got = [began + at for at in reading.recording.log.comments]
        got += [began + event.at for event in reading.recording.log.events if event.is_heartbeat]
        if not got:
            words = f"{reading.run.name}: none of {len(sent)} heartbeats arrived; pieces did"
            return Finding("fail", words)
        late = max(_wait(one, got) for one in sent)
        if late >= LATE_SECONDS:
            return Finding("fail", f"{reading.run.name}: a heartbeat was held for {late:.1f} s")
        total += len(sent)
    return passed(f"{total} heartbeats, none held") if total else not_asked("no run has heartbeats")


def _wait(sent: float, arrivals: Sequence[float]) -> float:
    """Return how long it took until something arrived that may be what was sent."""
    after = (at - sent for at in arrivals if at >= sent - _CLOCK_SECONDS)
    return min(after, default=LEAVE_SECONDS)


def leaving(found: Readings) -> Finding:
    """Return whether the upstream's work ends when its reader leaves."""
    reading = found.leaving
    if reading is None or reading.answer is None:
        return not_asked("no piece arrived before the reader left")
    left = reading.recording.began + reading.recording.lasted
    noticed = reading.answer.left_at
    if noticed is None:
        return Finding(
            "fail", f"the upstream worked on to its end, over {LEAVE_SECONDS / 2:g} s, for nobody"
        )
    after = max(0.0, noticed - left)
    words = f"the upstream was told {after:.1f} s after its reader left"
    return passed(words) if after <= NOTICE_SECONDS else Finding("fail", f"{words}: too late")


def limits(found: Readings) -> Finding:
    """Return whether something cuts by age, or by silence."""
    if not found.held:
        return not_asked("--hold SECONDS holds three streams open")
    early = {name: one.recording for name, one in found.held.items() if _cut_early(one)}
    if not early:
        held = max(one.recording.lasted for one in found.held.values())
        return passed(f"three streams held for {held:.0f} s, two of them silent")
    ages = [one.lasted for one in early.values()]
    silent = [silence_before_end(one) for name, one in early.items() if name != "tokens"]
    if len(early) == len(found.held) and _alike(ages):
        return Finding(
            "fail",
            f"cut at an age of {_about(ages)}, whatever flows: an absolute limit",
            cause="age_cut",
        )
    if "tokens" not in early and len(silent) == 2 and _alike(silent):
        return Finding(
            "fail", f"cut after {_about(silent)} of silence: an idle limit", cause="idle_cut"
        )
    words = ", ".join(f"{name} after {one.lasted:.1f} s" for name, one in early.items())
    return Finding("fail", f"cut: {words}", cause="cut", sure=False)


def _cut_early(reading: Reading) -> bool:
    return reading.recording.end in ("cut", "complete") or reading.recording.failure is not None


def _alike(values: Sequence[float]) -> bool:
    return all(abs(a - b) <= _SAME_SECONDS for a, b in pairwise(sorted(values)))


def _about(values: Sequence[float]) -> str:
    spread = (max(values) - min(values)) / 2
    return f"{mean(values):.2f} s ± {1000 * spread:.0f} ms"
