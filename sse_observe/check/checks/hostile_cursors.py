"""D13: a cursor that means nothing starts a stream, and the stream says so."""

from collections.abc import Mapping

from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed

CURSORS: Mapping[str, str] = {
    "empty": "",
    "garbage": "%%garbage;--",
    "9e99": "9e99",
    "the future": "999999999-future",
    "another stream's": "3-anotherstream00",
    "200 bytes": "x" * 200,
}
"""The `Last-Event-ID` of each hostile reader."""
_SIGNS = ("gap", "reset", "stale", "resync", "restart")


def _judge(evidence: Evidence) -> Finding:
    found = evidence.recordings.get("hostile_cursors", [])
    if not found:
        return not_asked("a question that is not safe is not put twice; --repeat allows it")
    named = dict(zip(CURSORS, found, strict=False))
    refused = {name: each for name, each in named.items() if not _taken(each)}
    if refused:
        name, each = next(iter(refused.items()))
        why = each.failure or f"status {each.status}"
        others = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        return Finding("fail", f"{name}: {why}{others}; a browser gives up for good")
    silent = [name for name, each in named.items() if name != "empty" and not _says_so(each)]
    if silent:
        return Finding("warn", f"{', '.join(silent)}: a stream starts and does not say so")
    return passed(f"{len(named)} cursors: each starts a stream that says so")


def _taken(recording: Recording) -> bool:
    return recording.failure is None and (recording.is_stream or recording.status == 204)


def _says_so(recording: Recording) -> bool:
    """Whether a stream tells its reader that its cursor meant nothing."""
    hello = recording.log.hello
    if recording.status == 204:
        return True
    if hello is not None:
        return hello.get("resumed_from") is None or bool(hello.get("lost"))
    return any(sign in event.type.lower() for event in recording.log.events for sign in _SIGNS)


CHECK = Check(
    id="D13",
    name="hostile-cursors",
    question="What does a reader get whose cursor means nothing?",
    passes="Status 200 and a sign in the stream (hello, or a gap event) for six hostile cursors.",
    remedy=Remedy(
        words="Never answer a bad cursor with 4xx: an EventSource would never come back. Start a "
        "stream and say so in its first event.",
        runbook="SSEReplayMiss",
        section="Root-cause fix",
    ),
    judge=_judge,
    visits=("main", "hostile_cursors"),
    flag="hostile_cursors",
)
