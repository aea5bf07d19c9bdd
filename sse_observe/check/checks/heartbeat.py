"""D9: heartbeats keep the line warm, in a form that a browser can see."""

import itertools

from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed

TOLERANCE = 1.5
"""A heartbeat may be late by half of its interval."""
LONGEST_SILENCE_SECONDS = 30.0
"""Proxies cut after 60 s of silence, some after 30."""


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    log = recording.log
    beats = [event for event in log.events if event.is_heartbeat]
    with_id = [event for event in beats if event.own_id is not None]
    silence, watched = longest_silence(recording), recording.lasted
    if with_id:
        return Finding(
            "fail", f"heartbeat {with_id[0].type!r} takes an id: it looks like a lost event"
        )
    declared = evidence.heartbeat_seconds
    limit = LONGEST_SILENCE_SECONDS if declared is None else declared * TOLERANCE
    kind = (
        f"{len(beats)} heartbeat{'s' * (len(beats) > 1)}"
        if beats
        else f"{len(log.comments)} comments"
    )
    if silence > limit:
        words = "nothing declares an interval" if declared is None else f"declared: {declared:g} s"
        return Finding("fail", f"silent for {silence:.1f} s ({words}); {kind}")
    if log.comments and not beats and declared is not None and watched >= declared * TOLERANCE:
        return Finding(
            "warn",
            f"{len(log.comments)} comments and no event: a browser's watchdog sees no comment",
        )
    if beats:
        return passed(f"{kind} with data and without id; silent for {silence:.1f} s at most")
    if log.terminal_at is not None or recording.end == "complete":
        return passed(f"the answer ended after {watched:.1f} s; silent for {silence:.1f} s at most")
    if log.comments and watched > LONGEST_SILENCE_SECONDS / 2:
        return Finding("warn", f"{len(log.comments)} comments: a browser's watchdog sees none")
    return not_asked(f"none was due within {watched:.0f} s; --hold 75 waits for one")


def longest_silence(recording: Recording) -> float:
    """Return the longest time between two arrivals, the head being one, to the end of the watch."""
    times = [recording.headers_at or 0.0, *(read.at for read in recording.reads)]
    if recording.end in ("left", "cut"):
        times.append(recording.lasted)
    return max((after - at for at, after in itertools.pairwise(times)), default=0.0)


CHECK = Check(
    id="D9",
    name="heartbeat",
    question="Do heartbeats keep the line warm, and can a browser see them?",
    passes="Silence ≤ 1.5 declared intervals (30 s if none is declared); heartbeats have data and "
    "no id, and are no mere comments.",
    remedy=Remedy(
        words="Send `event: heartbeat` with data and without id after 10 s of silence.",
        runbook="SSEHeartbeatMissing",
    ),
    judge=_judge,
)
