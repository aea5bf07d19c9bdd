"""D20: the server notices when a reader leaves."""

from sse_observe.check.model import Check, Evidence, Finding, Remedy, Scrape, not_asked, passed

OPEN = "sse_concurrent_streams"
CLOSED = "sse_streams_closed_total"
ORPHANED = "sse_orphaned_streams"


def _judge(evidence: Evidence) -> Finding:
    if evidence.options.metrics is None:
        return not_asked("--metrics URL says where the service exports its metrics")
    found = [evidence.scrapes.get(name) for name in ("before_leaving", "open", "left")]
    before, opened, left = found
    if before is None or opened is None or left is None:
        return not_asked("no stream was open long enough to leave it")
    if error := before.error or opened.error or left.error:
        return not_asked(error)
    if opened.total(OPEN) is None:
        return not_asked(f"{OPEN} is not among the metrics")
    words = (
        f"{opened.total(OPEN):g} open with ours, {left.total(OPEN):g} {left.seconds:.1f} s later"
    )
    if noticed(before, opened, left):
        return passed(words)
    orphans = left.total(ORPHANED) or 0
    return Finding("fail", f"{words}, {orphans:g} without a reader: work goes on for nobody")


def noticed(before: Scrape, opened: Scrape, left: Scrape) -> bool:
    """Whether the server has noticed that a reader left, and the application has stopped."""
    closed = (left.total(CLOSED) or 0) - (opened.total(CLOSED) or 0)
    fewer = (left.total(OPEN) or 0) < (opened.total(OPEN) or 0)
    return (closed >= 1 or fewer) and (left.total(ORPHANED) or 0) <= (before.total(ORPHANED) or 0)


CHECK = Check(
    id="D20",
    name="leaving",
    question="Does the server notice that a reader left?",
    passes="sse_concurrent_streams falls within a heartbeat and 5 s after we hang up (--metrics).",
    remedy=Remedy(
        words="Stop producing when the client is gone; StreamRoute(watch_disconnect=True) asks "
        "the server for applications that do not.",
        runbook="SSEStreamLeak",
    ),
    judge=_judge,
    visits=("main", "leaving"),
    flag="metrics",
)
