"""Points that the stream itself shows: heartbeat, replay, headers, the fallback to polling."""

from collections.abc import Sequence

from sse_observe.check.asking.connection import Dialing
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.fetch import fetch
from sse_observe.check.asking.question import Question
from sse_observe.check.checks.protocol_version import forbidden_header
from sse_observe.check.doctor import Examination
from sse_observe.check.model import Checked
from sse_observe.check.production.point import Point, done, failed, person

_HEADERS = ("D1", "D3", "D19")
"""The checks that together say whether the headers are right."""


def heartbeat(examination: Examination) -> Point:
    """Return whether heartbeats keep the line warm."""
    return _of(
        examination,
        ("D9",),
        "Server-side heartbeat implemented (10s interval)",
        "How often is something sent while the application has nothing to say?",
    )


def replay(examination: Examination) -> Point:
    """Return whether a reader that comes back gets what it missed."""
    return _of(
        examination,
        ("D12", "D13"),
        "Last-Event-ID replay mechanism working",
        "What does a reader get that comes back after a cut?",
    )


def headers(examination: Examination) -> Point:
    """Return whether the headers keep proxies and caches away."""
    text = "Proper SSE headers sent"
    if forbidden := forbidden_header(examination.main):
        return failed(text, f"D17 the application sends `{forbidden}`")
    return _of(examination, _HEADERS, text, "Which headers are sent?")


def _of(examination: Examination, ids: Sequence[str], text: str, ask: str) -> Point:
    found = [one for one in examination.checked if one.check.id in ids]
    bad = [one for one in found if one.finding.result == "fail"]
    weak = [one for one in found if one.finding.result == "warn"]
    for one in (*bad, *weak):
        return failed(text, _words(one))
    passing = [one for one in found if one.finding.result == "pass"]
    if passing:
        return done(text, "; ".join(_words(one) for one in passing[:2]))
    return person(text, "; ".join(_words(one) for one in found[:1]) or "not asked", ask)


def _words(one: Checked) -> str:
    return f"{one.check.id} {one.finding.evidence}"


async def degradation(question: Question, dialing: Dialing) -> Point:
    """Return whether a poll answers where streaming is held back."""
    text = "Graceful degradation (fallback to polling) ready"
    ask = "What does a browser do behind a proxy that holds the whole stream back?"
    if not question.is_safe:
        return person(text, f"a {question.method} is not put again", ask)
    try:
        found = await fetch(question.with_query({"mode": "poll"}), dialing, "text/event-stream")
    except AskError as error:
        return person(text, f"?mode=poll: {error}", ask)
    kind = next((value for name, value in found.headers if name == "content-type"), "")
    if found.status == 200 and kind.startswith("text/event-stream"):
        return done(text, f"?mode=poll answers {len(found.body):,} bytes at once")
    return person(text, f"?mode=poll: status {found.status}", ask)
