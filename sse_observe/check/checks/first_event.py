"""D4: a first byte, and a first event, come soon."""

from sse_observe.check.model import Check, Evidence, Finding, Remedy, passed

MOST_BYTE_SECONDS = 2.0
_USUAL_HEARTBEAT_SECONDS = 10.0
_GRACE_SECONDS = 2.0


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    byte = recording.first_byte_at
    watched = recording.lasted
    if byte is None:
        if watched < MOST_BYTE_SECONDS:
            return Finding("warn", f"the answer ended after {watched:.1f} s without a byte")
        return Finding("fail", f"no byte within {watched:.0f} s", cause="whole", sure=False)
    events = recording.log.events
    content = recording.log.content
    interval = evidence.heartbeat_seconds or _USUAL_HEARTBEAT_SECONDS
    words = [f"first byte {_after(byte)}"]
    words.append(
        f"first event {_after(events[0].at)}" if events else f"no event in {watched:.0f} s"
    )
    if content:
        words.append(f"first content {_after(content[0].at)}")
    late = (events[0].at if events else watched) > interval + _GRACE_SECONDS
    text = ", ".join(words)
    if byte > MOST_BYTE_SECONDS or late:
        return Finding("warn", text, sure=False)
    return passed(text)


def _after(seconds: float) -> str:
    return f"after {1000 * seconds:.0f} ms" if seconds < 1 else f"after {seconds:.1f} s"


CHECK = Check(
    id="D4",
    name="first-event",
    question="How long does a user wait for the first byte, and for the first event?",
    passes="First byte within 2 s, first event within a heartbeat interval and 2 s.",
    remedy=Remedy(
        words="Send a hello or a comment at once. If the first content is late, the backend is "
        "slow or something holds it back.",
        runbook="SSESlowFirstEvent",
        section="First five minutes",
    ),
    judge=_judge,
)
