"""D17: HTTP/2 where browsers need it, and no header that it forbids."""

from sse_observe.check.asking.addresses import public_address
from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Check, Evidence, Finding, Remedy, passed
from sse_observe.check.reading.traces import traces

FORBIDDEN = ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
"""Headers that HTTP/2 forbids (RFC 9113, 8.2.2)."""
TABS = 7
"""One more than a browser opens to one host over HTTP/1.1."""


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    parallel = evidence.recordings.get("parallel", [])
    stuck = [each for each in parallel if not each.is_stream]
    if stuck:
        why = stuck[0].failure or f"status {stuck[0].status}"
        return Finding("fail", f"{len(stuck)} of {len(parallel)} streams at once failed: {why}")
    together = f"; {len(parallel)} streams at once" if parallel else ""
    forbidden = forbidden_header(recording)
    if recording.http == "2":
        if forbidden:
            return Finding("fail", f"HTTP/2 with `{forbidden}`: browsers break off such a stream")
        return passed(f"HTTP/2{together}")
    if forbidden:
        return Finding("warn", f"the application sends `{forbidden}`, which HTTP/2 forbids")
    if recording.question.origin.scheme == "https":
        return Finding(
            "warn", f"HTTP/{recording.http}: a browser opens six streams to a host{together}"
        )
    if public_address(recording.address):
        return Finding("warn", f"plain HTTP: no encryption, and six streams to a host{together}")
    return passed(f"HTTP/{recording.http} inside{together}")


def forbidden_header(recording: Recording) -> str | None:
    """Return the header that the application must not send; between hops it is a proxy's own."""
    http2 = recording.http == "2"
    for name in FORBIDDEN if http2 else ("connection",):
        value = recording.header(name)
        between_hops = not http2 and (value == "close" or bool(traces(recording)))
        if value is not None and not between_hops:
            return f"{name}: {value}"
    return None


CHECK = Check(
    id="D17",
    name="protocol-version",
    question="Can a browser open more than six streams, and is every header allowed?",
    passes="HTTP/2 over TLS; no connection header; 7 streams at once with --parallel.",
    remedy=Remedy(
        words="Switch HTTP/2 on at the edge; never send `Connection` from the application.",
        runbook="SSEResponseHeadersWrong",
    ),
    judge=_judge,
    visits=("main", "parallel"),
)
