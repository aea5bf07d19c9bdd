"""D6: an event is whole when it comes, and does not wait for the next one."""

import itertools

from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.check.reading.pacing import FELT_SECONDS, pacing
from sse_observe.check.reading.stamps import Delay, delays

_FEWEST = 3
# A clock that is set by the network is right within this; so is our own machine's.
_CLOCK_SECONDS = 0.1
_ALIKE = 0.25


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    pace = pacing(recording)
    if pace.late_tails >= _FEWEST and not pace.in_bursts:
        return Finding(
            "fail",
            f"{pace.late_tails} of {pace.events} events were completed only when the next came",
            cause="late_tail",
        )
    stamped = delays(recording.log.events, recording.began)
    if stamped is not None and (waits := _one_behind(stamped.each)):
        return Finding(
            "fail" if stamped.ours else "warn",
            f"{waits} events came when the next was stamped, one interval late",
            cause="late_tail",
            sure=False,
        )
    if not pace.judgeable:
        return not_asked(f"{pace.events} events that could come apart are too few to judge")
    stamps = "stamps agree" if stamped is not None else "no stamps to compare"
    return passed(f"each event was whole when it came; {stamps}")


def _one_behind(each: tuple[Delay, ...]) -> int:
    """Return how many events came just when the one after them was made, if most did."""
    # With clocks that agree, an event that is late by the gap to the next one waits for it.
    behind = apart = 0
    for event, after in itertools.pairwise(each):
        gap = after.sent - event.sent
        if gap < FELT_SECONDS:
            continue
        apart += 1
        late = event.at - event.sent
        behind += abs(late - gap) <= max(gap * _ALIKE, _CLOCK_SECONDS)
    return behind if apart >= _FEWEST and behind >= apart * 0.8 else 0


CHECK = Check(
    id="D6",
    name="one-behind",
    question="Is an event whole when it comes, or does its end wait for the next one?",
    passes="Fewer than 3 events completed by a later arrival; stamps are not one interval late.",
    remedy=Remedy(
        words="A hop passes on full pieces only, so the end of each event waits for the next: "
        "switch buffering off there.",
        runbook="SSEDeliveryDelayed",
        fixes=("nginx",),
    ),
    judge=_judge,
)
