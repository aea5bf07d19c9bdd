"""D2: at most one redirect lies before the stream."""

from sse_observe.check.asking.exchange import REDIRECTS
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.shown_url import shown_url


def _judge(evidence: Evidence) -> Finding:
    recording = evidence.main
    redirects = recording.redirects
    if recording.failure is not None:
        return not_asked(f"{len(redirects)}, and no answer at the end")
    if recording.status in REDIRECTS:
        location = shown_url(recording.header("location") or "nowhere")
        return Finding(
            "fail", f"{recording.status} to {location} would turn a {_method(evidence)} into a GET"
        )
    if not redirects:
        return passed("none")
    final = f"{len(redirects)}, to {shown_url(redirects[-1])}"
    return passed(final) if len(redirects) == 1 else Finding("warn", final)


def _method(evidence: Evidence) -> str:
    return evidence.question.method


CHECK = Check(
    id="D2",
    name="redirects",
    question="Is the stream where it is asked for?",
    passes="At most one redirect (301, 302, 307 or 308).",
    remedy=Remedy(
        words="Ask the final URL: each redirect costs a round trip at every reconnect, and one to "
        "another origin loses credentials and the cursor.",
        runbook="SSEStreamsRejected",
    ),
    judge=_judge,
    any_answer=True,
)
