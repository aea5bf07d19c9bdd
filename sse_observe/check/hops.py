"""
The hop: between which two places of the way something happens to a stream, and what.

Compares what the checks found at each place, from outside to inside. What is there outside and
not inside was done in between; what is there at the innermost place comes from the application.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks.burst import size
from sse_observe.check.checks.hold import silence_before_end
from sse_observe.check.model import Cause, Checked, Place
from sse_observe.check.reading.pacing import pacing
from sse_observe.check.reading.traces import Trace, traces

_HOLDING: Sequence[Cause] = ("buffer", "whole", "late_tail", "batch", "bursts", "late_head")
"""The ways to hold events back; one place shows the first of them that fits."""
# A hop inside that holds back explains what is seen outside, unless it is much worse there.
_WORSE = 1.5
_SAME_SECONDS = 1.0
FIXES: Mapping[Cause, tuple[str, ...]] = {
    "idle_cut": ("nginx", "haproxy", "cloud"),
    "age_cut": ("haproxy", "cloud"),
    "cut": ("nginx", "haproxy"),
    "cached": ("varnish",),
}
"""The fixes of each cause, where no header tells the hop; others are nginx's."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One cause as it shows at one place; `amount` is its size in bytes or seconds."""

    cause: Cause
    words: str
    amount: float
    evidence: str
    sure: bool


@dataclass(frozen=True, slots=True)
class HopVerdict:
    """
    The effect of one hop: between `outer` and `inner`, which is empty where it is unknown.

    `sure` is False where it may be somewhere else.
    """

    outer: str
    inner: str
    cause: Cause
    words: str
    evidence: str
    sure: bool
    fixes: tuple[str, ...]

    @property
    def where(self) -> str:
        """The place, for a sentence."""
        if not self.inner:
            return self.outer
        return f"between {self.outer} and {self.inner}"

    def __str__(self) -> str:
        """Return the verdict as one sentence."""
        return f"{self.where}: {self.words}{'' if self.sure else ' (likely)'}"


def verdicts(places: Sequence[Place]) -> list[HopVerdict]:
    """Return what each hop does to the stream, outermost first; none where all flows."""
    shown = [
        _symptoms(place, places[number + 1] if number + 1 < len(places) else None)
        for number, place in enumerate(places)
    ]
    if len(places) == 1:
        # Where there is no answer at all, nothing is to be told of the way.
        tellable = (one for one in shown[0] if one.cause not in ("answer", "unreachable", "length"))
        return [_from_outside(places[0], one) for one in tellable]
    found = []
    for number, (place, here) in enumerate(zip(places, shown, strict=True)):
        last = number == len(places) - 1
        inside = [] if last else shown[number + 1]
        for one in here:
            if any(_explains(other, one) for other in inside):
                continue
            inner = "" if last else places[number + 1].name
            outer = f"{place.name} or behind it" if last else place.name
            seen = traces(place.evidence.main)
            fixes = _fixes(one.cause, seen)
            found.append(
                HopVerdict(outer, inner, one.cause, one.words, one.evidence, not last, fixes)
            )
    return found


def _from_outside(place: Place, symptom: Symptom) -> HopVerdict:
    """Return what can be told from one place: what happens is seen, who does it is guessed."""
    seen = traces(place.evidence.main)
    if seen:
        first = next((trace for trace in seen if trace.fix), seen[0])
        who = f"{first.name} ({first.shown_by})"
    else:
        who = "a hop that does not show, or the application"
    return HopVerdict(
        who, "", symptom.cause, symptom.words, symptom.evidence, False, _fixes(symptom.cause, seen)
    )


def _fixes(cause: Cause, seen: Sequence[Trace]) -> tuple[str, ...]:
    own = tuple(dict.fromkeys(trace.fix for trace in seen if trace.fix))
    return own or FIXES.get(cause, ("nginx",))


def _symptoms(place: Place, inside: Place | None) -> list[Symptom]:
    """Return what shows at a place: one way of holding back, and everything else."""
    if inside is not None and (ended := _ended_early(place.evidence.main, inside.evidence.main)):
        return [ended]
    causes: dict[Cause, Checked] = {}
    for checked in place.checked:
        cause = checked.finding.cause
        if cause is not None and checked.finding.result in ("warn", "fail"):
            causes.setdefault(cause, checked)
    held = [cause for cause in _HOLDING if cause in causes]
    if held:
        # What was built whole has a length, and came whole: that is one thing.
        causes.pop("length", None)
    kept = [cause for cause in causes if cause not in _HOLDING] + held[:1]
    return [_symptom(place, cause, causes[cause]) for cause in kept]


def _ended_early(outer: Recording, inner: Recording) -> Symptom | None:
    """
    Return the cut that looks like an end: in order, while the same stream goes on inside.

    After a silence at least, or any answer of another length would be one.
    """
    silence = silence_before_end(outer)
    same = abs(len(outer.log.content) - len(inner.log.content)) <= 1
    if (
        outer.end != "complete"
        or outer.log.terminal_at is not None
        or inner.end != "left"
        or inner.lasted < outer.lasted + _SAME_SECONDS / 2
        or silence < _SAME_SECONDS / 2
        or not same
    ):
        return None
    words = f"cuts the stream after {silence:.0f} s of silence, as if it had ended"
    return Symptom("idle_cut", words, silence, f"ended after {outer.lasted:.1f} s", sure=True)


def _symptom(place: Place, cause: Cause, checked: Checked) -> Symptom:
    recording = place.evidence.main
    pace = pacing(recording)
    amount = pace.held_seconds
    words = {
        "whole": "everything waits for the end of the answer",
        "late_tail": "the end of each event waits for the next one",
        "bursts": "events are collected and come in bursts",
        "late_head": "the head of the answer waits for the first event",
        "cursor": "Last-Event-ID does not bring what follows it",
        "cached": "a cache answers",
        "length": "the answer is built whole before it is sent",
        "answer": checked.finding.evidence,
        "unreachable": checked.finding.evidence,
        "cut": f"cuts the stream after {recording.lasted:.1f} s",
    }.get(cause, "")
    if cause == "buffer":
        amount = float(pace.buffer or 0)
        words = f"events wait for a {size(pace.buffer or 0)} buffer"
    elif cause == "batch":
        words = f"events are flushed every {pace.period or 0:.1f} s"
    elif cause == "whole":
        amount = recording.lasted
    elif cause == "compressor":
        compressed = place.evidence.one("compressed")
        encoding = compressed.encoding if compressed else recording.encoding
        words = f"{encoding} compression is not flushed after each event"
    elif cause == "idle_cut":
        amount = silence_before_end(recording)
        words = f"cuts the stream after {amount:.0f} s of silence"
    elif cause == "age_cut":
        amount = recording.lasted
        words = f"cuts the stream at an age of {amount:.0f} s, whatever flows"
    return Symptom(cause, words, amount, checked.finding.evidence, checked.finding.sure)


def _explains(inner: Symptom, outer: Symptom) -> bool:
    """Whether what shows inside is the reason for what shows outside."""
    if inner.cause in _HOLDING and outer.cause in _HOLDING:
        if inner.cause == "whole":
            return True
        if inner.cause == outer.cause == "buffer":
            return outer.amount <= _WORSE * inner.amount
        return outer.cause not in ("whole", "buffer")
    cuts = ("idle_cut", "age_cut", "cut")
    if inner.cause in cuts and outer.cause in cuts:
        return outer.amount >= inner.amount - _SAME_SECONDS
    return inner.cause == outer.cause
