"""D21: one slow reader hurts nobody else."""

import itertools

from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed

PAUSE_SECONDS = 5.0
"""For so long the slow reader does not read."""
_FELT_SECONDS = 1.0
_MOST_GROWTH_BYTES = 64 << 20


def _judge(evidence: Evidence) -> Finding:
    slow, beside = evidence.one("slow_reader"), evidence.one("beside_slow")
    if slow is None or beside is None:
        return not_asked("a question that is not safe is not put twice; --repeat allows it")
    if not beside.is_stream:
        why = beside.failure or f"status {beside.status}"
        return Finding("fail", f"beside a slow reader another one gets no stream: {why}")
    usual, held = _gap(evidence.main), _gap(beside)
    if beside.end != "complete" and held > max(4 * usual, _FELT_SECONDS):
        return Finding("fail", f"another stream was silent for {held:.1f} s ({usual:.1f} s alone)")
    if growth := _growth(evidence):
        return Finding("fail", f"the process grew by {growth / (1 << 20):.0f} MB meanwhile")
    how = "was cut" if slow.end == "cut" else "went on afterwards"
    return passed(f"it read nothing for {PAUSE_SECONDS:g} s and {how}; another one flowed")


def _gap(recording: Recording) -> float:
    times = [recording.headers_at or 0.0, *(read.at for read in recording.reads)]
    if recording.end in ("left", "cut"):
        times.append(recording.lasted)
    return max((b - a for a, b in itertools.pairwise(times)), default=0.0)


def _growth(evidence: Evidence) -> float:
    """Return by how much the process grew over what is normal, where it says so."""
    before, after = evidence.scrapes.get("before_slow"), evidence.scrapes.get("after_slow")
    if before is None or after is None:
        return 0.0
    name = "process_resident_memory_bytes"
    grown = (after.total(name) or 0.0) - (before.total(name) or 0.0)
    return grown if grown > _MOST_GROWTH_BYTES else 0.0


CHECK = Check(
    id="D21",
    name="slow-reader",
    question="Does one slow reader hurt the others?",
    passes="Beside a reader that reads nothing for 5 s another stream flows, and memory does not "
    "grow by 64 MB.",
    remedy=Remedy(
        words="Bound what waits for a reader, and cut one that takes nothing (a send timeout).",
        runbook="SSESendBlocked",
    ),
    judge=_judge,
    visits=("main", "slow_reader"),
    flag="slow_reader",
)
