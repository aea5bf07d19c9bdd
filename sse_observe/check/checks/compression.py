"""D7: compression, if any, is flushed after each event."""

from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks.burst import paced
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.check.reading.decoding import ENCODINGS
from sse_observe.check.reading.pacing import pacing


def _judge(evidence: Evidence) -> Finding:
    main, compressed = evidence.main, evidence.one("compressed")
    if main.encoding != "identity" and main.accepts == "identity":
        return Finding(
            "fail", f"{main.encoding} although only identity was accepted", cause="compressor"
        )
    if compressed is None:
        return not_asked("a question that is not safe is not put twice; --repeat allows it")
    if compressed.failure is not None and main.is_stream:
        return Finding(
            "fail",
            f"asked with {ENCODINGS}: no answer within {compressed.lasted:.0f} s; "
            "without it the stream flows",
            cause="compressor",
        )
    if not compressed.is_stream:
        return Finding(
            "warn", f"asked with {ENCODINGS}: status {compressed.status} instead of a stream"
        )
    encoding = compressed.encoding
    if encoding == "identity":
        return passed(f"asked with {ENCODINGS}: not compressed")
    if compressed.unreadable:
        return Finding("fail", f"{encoding}: {compressed.unreadable}", cause="compressor")
    return _flushed(main, compressed)


def _flushed(main: Recording, compressed: Recording) -> Finding:
    """Compare the pace of the compressed stream with that of the plain one."""
    encoding = compressed.encoding
    found = paced(compressed)
    plain = pacing(main)
    held = _head(compressed) > max(1.0, 2 * _head(main))
    nothing = not compressed.log.content and len(main.log.content) > 1
    if (found.result in ("warn", "fail") or held or nothing) and not plain.in_bursts:
        seen = found.evidence if found.result in ("warn", "fail") else "nothing comes meanwhile"
        return Finding(
            "fail",
            f"{encoding} is not flushed: {seen}; without it the stream flows",
            cause="compressor",
        )
    return passed(f"{encoding}, flushed after each event")


def _head(recording: Recording) -> float:
    return recording.headers_at or recording.lasted


CHECK = Check(
    id="D7",
    name="compression",
    question="Does the stream flow as well when the client accepts compression, as browsers do?",
    passes=f"With `Accept-Encoding: {ENCODINGS}` events come as they do without.",
    remedy=Remedy(
        words="Switch compression off for text/event-stream, or flush it after each event; "
        "`Cache-Control: no-transform` asks proxies to leave it.",
        runbook="SSEDeliveryDelayed",
        fixes=("nginx",),
    ),
    judge=_judge,
    visits=("main", "compressed"),
)
