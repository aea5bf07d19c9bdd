"""D16: the bytes are what a strict reader of the event-stream format expects."""

from collections.abc import Mapping

from sse_observe.check.model import Check, Evidence, Finding, Remedy, Result, passed
from sse_observe.check.reading.event_log import Fault
from sse_observe.report.logs.masking import masked

FAULTS: Mapping[Fault, tuple[Result, str]] = {
    "large": ("fail", "an event is too large"),
    "utf8": ("fail", "not UTF-8"),
    "unknown_field": ("fail", "no field of the format"),
    "no_data": ("fail", "an event without data is never dispatched"),
    "unfinished": ("warn", "the last event has no blank line, so nobody gets it"),
    "bom": ("warn", "a byte order mark within the stream"),
    "retry": ("warn", "`retry` is no number"),
    "retry_range": ("warn", "`retry` is outside 500 to 60000 ms"),
    "lone_cr": ("warn", "a lone CR ends a line: few parsers know that"),
}
"""Wire faults in the order of their weight; those of ids are another check's."""


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    log = recording.log
    found = [
        (result, fault, words) for fault, (result, words) in FAULTS.items() if fault in log.faults
    ]
    if recording.end == "left":
        # What was under way when we left is nobody's fault.
        found = [each for each in found if each[1] != "unfinished"]
    if recording.end == "too_large":
        return Finding("warn", f"over {recording.bytes_read:,} bytes; reading stopped there")
    if not found:
        return passed(f"{len(log.events)} events, {recording.bytes_read:,} bytes")
    result, fault, words = found[0]
    seen = log.faults[fault]
    more = f"; and {len(found) - 1} other faults" if len(found) > 1 else ""
    times = f" ({seen.times} times)" if seen.times > 1 else ""
    return Finding(result, f"{words}: {masked(seen.example)!r}{times}{more}")


CHECK = Check(
    id="D16",
    name="wire-format",
    question="Do the bytes read as a strict reader expects?",
    passes="UTF-8, known fields, `retry` of 500 to 60000 ms, events ≤ 64 KB with data, each ended "
    "by a blank line.",
    remedy=Remedy(
        words="Write events with an encoder, such as sse_observe.wire.encode, and keep them small.",
        runbook="SSEEventsOversized",
        section="Root-cause fix",
    ),
    judge=_judge,
)
