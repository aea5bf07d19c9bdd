"""The examination as one HTML page that loads nothing and runs nothing: for a ticket."""

from collections.abc import Iterator
from importlib.resources import files

from sse_observe.check.output.arrival_plot import arrival_plot
from sse_observe.check.output.document import CheckEntry, Document, VerdictEntry
from sse_observe.check.output.terminal import WORDS
from sse_observe.check.production.point import PointEntry, State
from sse_observe.report.output.markup import Markup, inner, table, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STATES: dict[State, tuple[str, str]] = {
    "done": ("done", "pass"),
    "failed": ("FAILED", "fail"),
    "person": ("ask a person", "not_asked"),
}
"""The words of a state, and the result whose colour it has."""


def html_page(document: Document) -> str:
    """Return the whole page."""
    title = f"Event stream check: {document['url']}"
    body = inner(
        tag("h1", title),
        tag("p", _opening(document), class_=f"result {document['result']}"),
        *_verdicts(document["verdicts"]),
        tag("h2", "Arrivals"),
        *(arrival_plot(stream) for stream in document["streams"] if stream["arrivals"]),
        tag("h2", "Checks"),
        _checks(document["checks"]),
        *_points(document["points"]),
        *_fixes(document),
        tag("h2", "Answers"),
        *_headers(document),
    )
    head = inner(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Markup(f"<style>{_style()}</style>"),
    )
    page = tag("html", tag("head", head), tag("body", tag("main", body)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _style() -> str:
    return files("sse_observe.check.output").joinpath("check.css").read_text("utf-8")


def _opening(document: Document) -> str:
    words = {
        "pass": "All that was asked is well.",
        "not_asked": "Nothing could be judged.",
        "warn": "Some things may hurt.",
        "fail": "Something is wrong.",
    }[document["result"]]
    return (
        f"{words} {document['method']}, {document['requests']} requests in "
        f"{document['seconds']:.1f} s, {document['began']}."
    )


def _verdicts(verdicts: list[VerdictEntry]) -> Iterator[Markup]:
    if not verdicts:
        return
    yield tag("h2", "Which hop")
    items = (
        tag(
            "li",
            tag("strong", f"{one['where']}: {one['words']}"),
            " (certain)" if one["certain"] else " (likely)",
            tag("br"),
            one["evidence"],
        )
        for one in verdicts
    )
    yield tag("ul", *items)


def _checks(checks: list[CheckEntry]) -> Markup:
    rows = (
        (
            f"{check['id']} {check['name']}",
            tag("span", WORDS[check["result"]], class_=f"mark {check['result']}"),
            check["question"],
            check["evidence"],
            _remedy(check),
        )
        for check in checks
    )
    return table("Every check", ("Check", "Result", "Question", "Evidence", "Remedy"), rows)


def _remedy(check: CheckEntry) -> str:
    if check["result"] not in ("warn", "fail"):
        return "–"
    return f"{check['remedy']} Runbook {check['runbook']}, {check['section']}."


def _points(points: list[PointEntry]) -> Iterator[Markup]:
    if not points:
        return
    yield tag("h2", "Production checklist")
    rows = (
        (
            point["text"],
            tag("span", _STATES[point["state"]][0], class_=f"mark {_STATES[point['state']][1]}"),
            point["evidence"],
            point["ask"] or "–",
        )
        for point in points
    )
    yield table("Every point", ("Point", "State", "Evidence", "Ask"), rows)


def _fixes(document: Document) -> Iterator[Markup]:
    if document["fixes"]:
        yield tag("h2", "Fixes")
    for name, text in document["fixes"].items():
        yield tag("details", tag("summary", name), tag("pre", text))


def _headers(document: Document) -> Iterator[Markup]:
    for stream in document["streams"]:
        lines = [f"HTTP/{stream['http']} {stream['status']}"] if stream["http"] else []
        lines += [f"{name}: {value}" for name, value in stream["headers"].items()]
        lines += [f"# {phase}: {at:.3f} s" for phase, at in stream["phases"].items()]
        lines.append(f"# {stream['end']} after {stream['ended_at']:.1f} s, {stream['bytes']} bytes")
        if stream["failure"]:
            lines.append(f"# {stream['failure']}")
        summary = f"{stream['visit']}, {stream['place']}, accepting {stream['accepts']}"
        yield tag("details", tag("summary", summary), tag("pre", "\n".join(lines)))
