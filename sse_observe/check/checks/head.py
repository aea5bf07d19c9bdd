"""D3: the head of the answer comes at once, even when no event is due."""

from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.check.reading.pacing import pacing

MOST_SECONDS = 1.0
"""An EventSource that is not open by then is shown as connecting."""


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    at = recording.headers_at
    if recording.failure is not None and recording.failure.kind == "timeout":
        words = f"none within {recording.lasted:.0f} s: all may wait for the end of the answer"
        return Finding("fail", words, cause="whole", sure=False)
    if at is None:
        return not_asked("no answer")
    at -= recording.phases.get("tls", recording.phases.get("connect", 0.0))
    if at <= MOST_SECONDS:
        return passed(f"after {1000 * at:.0f} ms")
    pace = pacing(recording)
    if pace.collected:
        return Finding(
            "fail",
            f"after {at:.1f} s, together with the end of the answer: all of it was held back",
            cause="whole",
        )
    if pace.buffer is not None:
        return Finding(
            "fail",
            f"after {at:.1f} s, with the first {pace.bursts[0].size:,} bytes of the body",
            cause="buffer",
        )
    return Finding("warn", f"after {at:.1f} s, with the first event", cause="late_head", sure=False)


CHECK = Check(
    id="D3",
    name="head",
    question="Does the head of the answer come at once, even when no event is due?",
    passes="Within 1 s of the request.",
    remedy=Remedy(
        words="Send the head and a first comment before the first event is made; switch buffering "
        "off at every proxy on the way.",
        runbook="SSEDeliveryDelayed",
        fixes=("nginx",),
    ),
    judge=_judge,
    any_answer=True,
)
