"""D5: events come one by one, as they are made."""

from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Cause, Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.check.reading.pacing import FELT_SECONDS, Pacing, pacing
from sse_observe.check.reading.stamps import Delays, delays

# A stamp of the server that came so late is felt.
_LATE_SECONDS = 0.5


def _judge(evidence: Evidence) -> Finding:
    return paced(evidence.main)


def paced(recording: Recording) -> Finding:
    """Return what the times of a recording's events say."""
    pace = pacing(recording)
    stamped = delays(recording.log.events, recording.began)
    if not pace.judgeable:
        return not_asked(f"{pace.events} events that could come apart are too few to judge")
    if not pace.in_bursts:
        return _in_flow(pace, stamped)
    cause, words = _cause(pace)
    evidence = (
        f"{pace.events} events at {pace.instants} instants, silent for up to "
        f"{pace.held_seconds:.1f} s between: {words}"
    )
    proven = stamped is not None and stamped.most >= _LATE_SECONDS
    if proven:
        evidence += f"; stamped up to {stamped.most:.1f} s before they came" if stamped else ""
    certain = proven or cause == "buffer"
    return Finding("fail" if certain or pace.collected else "warn", evidence, cause, sure=certain)


def _in_flow(pace: Pacing, stamped: Delays | None) -> Finding:
    apart = f"{pace.events} events at {pace.instants} instants"
    if stamped is not None and stamped.most >= _LATE_SECONDS:
        return Finding(
            "warn" if not stamped.ours else "fail",
            f"{apart}, some stamped {stamped.most:.1f} s before they came",
            cause="bursts",
            sure=stamped.ours,
        )
    return passed(apart)


def _cause(pace: Pacing) -> tuple[Cause, str]:
    if pace.buffer is not None:
        return "buffer", f"they wait for a {size(pace.buffer)} buffer"
    if pace.collected:
        return "whole", "they wait for the end of the answer"
    if pace.period is not None:
        return "batch", f"flushed every {pace.period:.1f} s"
    return "bursts", "something collects them"


def size(number: int) -> str:
    """Return bytes as people write the size of a buffer."""
    return f"{number // 1024} KB" if number % 1024 == 0 else f"{number:,} byte"


CHECK = Check(
    id="D5",
    name="burst",
    question="Do events come one by one, as they are made?",
    passes="Distinct arrival instants to events ≥ 0.8, or no burst after a silence of "
    f"{FELT_SECONDS:g} s; stamps agree within {_LATE_SECONDS:g} s.",
    remedy=Remedy(
        words="Send `X-Accel-Buffering: no` and `Cache-Control: no-transform`; switch buffering "
        "off at the hop that collects.",
        runbook="SSEDeliveryDelayed",
        fixes=("nginx",),
    ),
    judge=_judge,
)
