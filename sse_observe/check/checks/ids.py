"""D11: content has ids that a browser can resume with."""

from sse_observe.check.briefly import briefly
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.check.reading.event_log import LONGEST_ID, SeenEvent
from sse_observe.contract import parse_event_id
from sse_observe.protocols import NONE


def _judge(evidence: Evidence) -> Finding:
    log = evidence.main.log
    content = log.content
    if "nul_id" in log.faults:
        return Finding("fail", "an id holds NUL: every client ignores it")
    if "long_id" in log.faults:
        size = f"an id is longer than {LONGEST_ID} bytes"
        return Finding("warn", f"{size}: cross-origin, each reconnect asks for permission first")
    if not content:
        return not_asked("no content came")
    named = [event for event in content if event.own_id]
    if not named:
        return _without(evidence, content)
    ids = [event.own_id or "" for event in named]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        return Finding("fail", f"id {briefly(twice)} stands at {ids.count(twice)} events")
    numbers = [number for one in ids if (number := _number(one)) is not None]
    if len(numbers) == len(ids) and numbers != sorted(numbers):
        return Finding("fail", "numeric ids do not rise")
    if len(named) < len(content):
        return Finding("warn", f"{len(content) - len(named)} of {len(content)} events have none")
    return passed(f"{len(ids)} ids, each once, {briefly(ids[0])} to {briefly(ids[-1])}")


def _without(evidence: Evidence, content: list[SeenEvent]) -> Finding:
    protocol = evidence.main.log.dialect.name
    if protocol != NONE.name:
        return not_asked(f"{protocol} has no ids")
    if not evidence.question.is_safe:
        return not_asked(f"a {evidence.question.method} is never resumed by itself")
    return Finding("warn", f"none of {len(content)} events has one: a cut stream starts again")


def _number(text: str) -> int | None:
    position = parse_event_id(text)
    if position is not None:
        return position.seq
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


CHECK = Check(
    id="D11",
    name="ids",
    question="Can a browser resume with the ids of the events?",
    passes="Content events have ids: unique, without NUL, ≤ 128 bytes, rising if numeric.",
    remedy=Remedy(
        words="Give each content event an id of its own, and heartbeats none.",
        runbook="SSEReplayMiss",
        section="Root-cause fix",
    ),
    judge=_judge,
)
