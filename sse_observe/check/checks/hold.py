"""D10: nothing cuts the stream at a time limit."""

import itertools
from collections.abc import Mapping

from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Cause, Check, Evidence, Finding, Remedy, not_asked, passed

LIMITS: Mapping[int, str] = {
    10: "a proxy with a short limit",
    30: "a Google Cloud backend service, or a corporate proxy",
    55: "the Heroku router",
    60: "nginx `proxy_read_timeout`, or the idle timeout of an AWS ALB",
    100: "Cloudflare",
    120: "a proxy's limit of two minutes",
    300: "a gateway or firewall",
    350: "an AWS NAT gateway or NLB",
}
"""Well-known limits in seconds, and who has them."""
_WORDS: Mapping[str, str] = {
    "age_cut": "a limit on age, whatever flows",
    "idle_cut": "a limit on silence",
    "cut": "a limit on age, or the server died",
}
# Two cuts that are no further apart come from one timer: proxies look at theirs once a second.
_SAME_SECONDS = 1.0
_NEAR_SECONDS = 2.0
_LEAST_SILENCE_SECONDS = 0.5


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    if recording.end != "cut":
        return _not_cut(evidence, recording)
    again = evidence.one("again_cut")
    words = _cut(recording)
    if recording.log.terminal_at is not None:
        return Finding("warn", f"{words}; the stream had said that it is whole", "cut")
    if again is not None and again.end == "cut":
        words += f"; again {_cut(again)}"
    cause = cut_cause(recording, again)
    limit = silence_before_end(recording) if cause == "idle_cut" else recording.lasted
    known = next((who for at, who in LIMITS.items() if abs(limit - at) <= _NEAR_SECONDS), None)
    return Finding(
        "fail",
        f"{words}: {_WORDS[cause]}" + (f" ({known}?)" if known else ""),
        cause,
        sure=cause != "cut",
    )


def _cut(recording: Recording) -> str:
    silence = silence_before_end(recording)
    return f"cut after {recording.lasted:.1f} s, {silence:.1f} s after the last byte"


def _not_cut(evidence: Evidence, recording: Recording) -> Finding:
    watched = recording.lasted
    if recording.end == "complete":
        return passed(f"it ended by itself after {watched:.1f} s")
    if evidence.options.hold_seconds is None:
        return not_asked(f"watched for {watched:.0f} s only; --hold 75 or --long holds it open")
    return passed(f"held for {watched:.0f} s")


def _arrivals(recording: Recording) -> list[float]:
    return [recording.headers_at or 0.0, *(read.at for read in recording.reads)]


def silence_before_end(recording: Recording) -> float:
    """Return the time between the last arrival and the end."""
    return recording.lasted - _arrivals(recording)[-1]


def cut_cause(first: Recording, again: Recording | None = None) -> Cause:
    """
    Return which clock cut.

    A limit on silence cuts after the longest one; at the same age whatever flows it is absolute.
    """
    silence = silence_before_end(first)
    if again is not None and again.end == "cut":
        same_age = abs(first.lasted - again.lasted) <= _SAME_SECONDS
        same_silence = abs(silence - silence_before_end(again)) <= _SAME_SECONDS
        if same_age != same_silence:
            return "age_cut" if same_age else "idle_cut"
    earlier = max((b - a for a, b in itertools.pairwise(_arrivals(first))), default=0.0)
    if earlier > silence + _LEAST_SILENCE_SECONDS / 2:
        return "age_cut"
    if silence >= _LEAST_SILENCE_SECONDS and silence > 1.5 * earlier:
        return "idle_cut"
    return "age_cut" if again is not None and again.end == "cut" else "cut"


CHECK = Check(
    id="D10",
    name="hold",
    question="Does something cut the stream at a time limit?",
    passes="No cut while it is held open: 75 s with --hold 75, 330 s with --long.",
    remedy=Remedy(
        words="A limit on silence: send heartbeats at a third of it. A limit on age: raise it, or "
        "let clients resume.",
        runbook="SSEIdleTimeoutCliff",
        fixes=("nginx", "haproxy", "cloud"),
    ),
    judge=_judge,
    visits=("main", "again_cut"),
)
