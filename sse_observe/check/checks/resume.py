"""D12: a reader that comes back gets what it missed, and nothing twice."""

from sse_observe.check.asking.recording import Recording
from sse_observe.check.briefly import briefly
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed

_REMEDY = Remedy(
    words="Replay what follows `Last-Event-ID`; all instances must share the buffer, and no proxy "
    "may drop the header.",
    runbook="SSEReplayMiss",
)


def _judge(evidence: Evidence) -> Finding:
    cursor = cursor_of(evidence.main)
    if cursor is None:
        return not_asked("the events have no ids to resume from")
    resumed = evidence.recordings.get("resume", [])
    if not resumed:
        return not_asked("a question that is not safe is not put twice; --repeat allows it")
    found = [compared(evidence.main, each, cursor) for each in resumed]
    order = ("fail", "warn", "pass", "not_asked")
    return min(found, key=lambda finding: order.index(finding.result))


def cursor_of(main: Recording) -> str | None:
    """Return the id from which a reader resumes: one in the middle, so that something follows."""
    ids = [event.own_id for event in main.log.content if event.own_id]
    return ids[(len(ids) - 1) // 2] if len(ids) > 1 else None


def compared(main: Recording, resumed: Recording, cursor: str) -> Finding:
    """Return whether a resumed stream continues right after the cursor."""
    ids = [event.own_id for event in main.log.content if event.own_id]
    at = ids.index(cursor)
    before, expected = ids[: at + 1], ids[at + 1 :]
    if resumed.failure is not None or resumed.status not in (200, 204):
        why = resumed.failure or f"status {resumed.status}"
        return Finding("fail", f"after {briefly(cursor)}: {why}", "cursor", remedy=_REMEDY)
    got = [event.own_id for event in resumed.log.content if event.own_id]
    announced = _lost(resumed)
    if announced:
        return Finding("warn", f"after {briefly(cursor)}: {announced} events are announced as lost")
    if not got:
        return Finding(
            "fail", f"after {briefly(cursor)}: nothing follows, {briefly(expected[0])} should"
        )
    if again := [one for one in got if one in before]:
        starts = "the stream starts again" if again[0] == ids[0] else "what was read comes again"
        return Finding("fail", f"after {briefly(cursor)}: {starts} ({briefly(again[0])})", "cursor")
    if got[0] not in ids:
        return Finding(
            "fail", f"after {briefly(cursor)}: another stream began ({briefly(got[0])})", "cursor"
        )
    missing = [one for one in expected[: expected.index(got[0])] if one not in got]
    if missing:
        return Finding(
            "fail", f"after {briefly(cursor)}: {len(missing)} missing, {briefly(missing[0])} first"
        )
    return passed(
        f"after {briefly(cursor)} follows {briefly(got[0])}, {len(resumed.log.content)} events"
    )


def _lost(resumed: Recording) -> int:
    value = (resumed.log.hello or {}).get("lost")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


CHECK = Check(
    id="D12",
    name="resume",
    question="Does a reader that comes back get exactly what it missed?",
    passes="After `Last-Event-ID: k` the next id follows k; none comes twice, none is missing; "
    "twice over fresh connections.",
    remedy=_REMEDY,
    judge=_judge,
    visits=("main", "resume"),
    flag="resume",
)
