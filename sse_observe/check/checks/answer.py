"""D1: the answer is one that a browser takes as an event stream."""

import re

from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks.compression import CHECK as COMPRESSION
from sse_observe.check.model import Check, Evidence, Finding, Remedy, passed
from sse_observe.report.logs.masking import masked

_TITLE = re.compile(rb"<title[^>]*>([^<]{1,80})", re.IGNORECASE)
_TOKEN = Remedy(
    words="Give the credentials that the endpoint wants: --header 'Authorization: …', or "
    "--token-env NAME.",
    runbook="SSEStreamsRejected",
)
_REACH = Remedy(
    words="Mend that first: nothing else can be judged before it answers.",
    runbook="SSEStreamsRejected",
    section="Diagnosis",
)
_OVER = Remedy(words="Ask for a stream that has not ended.", runbook="SSEReconnectStorm")
_REFUSED = Remedy(
    words="The server takes no more streams now: ask later, or look at its limits.",
    runbook="SSEStreamsRejected",
)
_SMALLER = Remedy(
    words="End each event with a blank line, and keep events small: no page survives one of 1 MB.",
    runbook="SSEEventsOversized",
    section="Root-cause fix",
)


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    if recording.failure is not None:
        return Finding("fail", str(recording.failure), cause="unreachable", remedy=_REACH)
    status = recording.status
    if status == 204:
        words = "204: the stream is over, and a browser will not ask again"
        return Finding("warn", words, remedy=_OVER)
    if status in (429, 503):
        words = f"status {status}{_words(recording)}"
        return Finding("fail", words, cause="answer", remedy=_REFUSED)
    if status in (401, 403):
        return Finding("fail", f"{status}: the endpoint wants credentials", "answer", remedy=_TOKEN)
    if status != 200:
        return Finding("fail", f"status {status}{_words(recording)}", cause="answer")
    if recording.media_type != "text/event-stream":
        kind = recording.media_type or "no content type"
        return Finding("fail", f"{kind} instead of text/event-stream{_words(recording)}", "answer")
    length = recording.header("content-length")
    if length is not None:
        return Finding(
            "fail",
            f"Content-Length: {length}: the answer was built whole before it was sent",
            cause="length",
        )
    if recording.unreadable:
        remedy = _SMALLER if "large" in recording.log.faults else COMPRESSION.remedy
        return Finding("fail", recording.unreadable, cause="answer", remedy=remedy)
    return passed(f"200 text/event-stream, HTTP/{recording.http}")


def _words(recording: Recording) -> str:
    """Return what a page says of itself; no more of it, since it may hold anything."""
    if not recording.log.start.lstrip().startswith(b"<"):
        return ""
    title = _TITLE.search(recording.log.start)
    if title is None:
        return ": a web page"
    return f": a web page, “{masked(title[1].decode(errors='replace').strip())}”"


CHECK = Check(
    id="D1",
    name="answer",
    question="Does a browser take the answer as an event stream?",
    passes="Status 200, text/event-stream, no Content-Length.",
    remedy=Remedy(
        words="Answer 200 with `Content-Type: text/event-stream` and stream the body; anything "
        "else closes an EventSource for good.",
        runbook="SSEStreamsRejected",
        section="Diagnosis",
    ),
    judge=_judge,
    any_answer=True,
)
