"""D22: HEAD, and a stranger's GET, are answered without opening a stream."""

from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed

MOST_SECONDS = 2.0


def _judge(evidence: Evidence) -> Finding:
    head, stranger = evidence.one("head"), evidence.one("stranger")
    if stranger is not None and stranger.is_stream:
        return Finding("fail", "without credentials the stream opens all the same")
    if head is None:
        return not_asked("HEAD was not asked")
    if head.failure is not None:
        return Finding("fail", f"HEAD: {head.failure}")
    if head.end == "left":
        return Finding(
            "warn",
            f"HEAD: status {head.status}, and the answer was not over after {MOST_SECONDS:g} s: "
            "it opened a stream",
        )
    words = f"HEAD: {head.status} after {1000 * head.lasted:.0f} ms"
    if stranger is not None:
        words += f"; without credentials: {stranger.status}"
    return passed(words)


CHECK = Check(
    id="D22",
    name="health-check",
    question="Are HEAD and strangers answered without opening a stream?",
    passes="HEAD, and GET without credentials, end within 2 s and are no stream.",
    remedy=Remedy(
        words="Answer HEAD with the headers alone: behind a proxy that reuses the connection, the "
        "next request waits for the end of the stream. Give balancers a path of their own.",
        runbook="SSEStreamLeak",
        section="Root-cause fix",
    ),
    judge=_judge,
    visits=("main", "head", "stranger"),
)
