"""D14: a cursor in the query does what the header does."""

from sse_observe.check.checks.resume import compared, cursor_of
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed


def _judge(evidence: Evidence) -> Finding:
    cursor = cursor_of(evidence.main)
    asked = evidence.one("query_cursor")
    if cursor is None:
        return not_asked("the events have no ids to resume from")
    if asked is None:
        return not_asked("a question that is not safe is not put twice; --repeat allows it")
    found = compared(evidence.main, asked, cursor)
    if found.result == "pass":
        return passed(f"last_event_id in the query: {found.evidence}")
    header = evidence.one("resume")
    by_header = header is not None and compared(evidence.main, header, cursor).result == "pass"
    if not by_header:
        return not_asked("the header does not resume either")
    return Finding("warn", f"last_event_id in the query: {found.evidence}; the header resumes")


CHECK = Check(
    id="D14",
    name="query-cursor",
    question="Does a cursor in the query do what the header does?",
    passes="`?last_event_id=k` gives the same as `Last-Event-ID: k`.",
    remedy=Remedy(
        words="Read `last_event_id` from the query where there is no header: polyfills and "
        "hand-made reconnects cannot send it.",
        runbook="SSEReplayMiss",
        section="Root-cause fix",
    ),
    judge=_judge,
    visits=("main", "resume", "query_cursor"),
    flag="resume",
)
