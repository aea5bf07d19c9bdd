"""The sections of the page that are words and tables; each is a landmark with its heading."""

from collections.abc import Iterator

from sse_observe.catalog.model import COMPARE
from sse_observe.report.findings.conclusion import NAMES, UNKNOWN, sentences, severity
from sse_observe.report.findings.episodes import STATES, Episode
from sse_observe.report.findings.impact import Suspect
from sse_observe.report.findings.incident import Incident
from sse_observe.report.findings.panels import View
from sse_observe.report.findings.slo import Promise
from sse_observe.report.logs.reading import Reading
from sse_observe.report.output.html import Child, Markup, inner, table, tag
from sse_observe.report.output.plots import label_of
from sse_observe.report.units import clock, said, span

_HOW = (
    "Compared is the worst moment of each alert's signal at one place with the median of the "
    "others, and counts over the time in which alerts fired. “Times its limit” makes unlike "
    "measures comparable: 1 is the alert's threshold."
)


def section(id_: str, title: str, *children: Child, page: bool = False) -> Markup:
    """Return a section that navigation can reach by its heading."""
    heading = tag("h2", title, id=id_)
    marked = "page" if page else None
    return tag("section", heading, *children, aria_labelledby=id_, class_=marked)


def opening(incident: Incident, made: float) -> Markup:
    """Return the verdict, and what the report was asked."""
    window = incident.window
    facts = {
        "Window": f"{clock(window.start)} to {clock(window.end)} UTC ({span(window.seconds)})",
        "Narrowed to": ", ".join(
            f"{name} {value}"
            for name, value in (("route", incident.route), ("alert", incident.alert))
            if value
        ),
        "Asked": f"{incident.source} ({incident.asked} queries, a point every {span(window.step)})",
        "Made": f"{clock(made)} UTC by sse-observe report",
    }
    said_first = tag(
        "div",
        *(tag("p", words) for words in sentences(incident)),
        class_=f"verdict {severity(incident)}".strip(),
        role="region",
        aria_label="Verdict",
    )
    listed = (inner(tag("dt", key), tag("dd", value)) for key, value in facts.items() if value)
    return inner(said_first, tag("dl", *listed, class_="facts"), _partial(incident))


def _days(incident: Incident) -> bool:
    """Whether a time of the day alone would be ambiguous."""
    return incident.window.seconds > 86400


def _partial(incident: Incident) -> Markup | None:
    if not incident.failures:
        return None
    names = {failure.name: failure.reason for failure in incident.failures}
    by_reason: dict[str, list[str]] = {}
    for name, reason in names.items():
        by_reason.setdefault(reason, []).append(name)
    return tag(
        "div",
        tag(
            "p",
            tag("strong", "This report is partial."),
            f" {_count(len(names))} failed or were "
            "answered in part; what they would show is missing below.",
        ),
        tag(
            "details",
            tag("summary", "Which, and why"),
            tag("ul", *(tag("li", _because(*pair)) for pair in by_reason.items())),
        ),
        class_="partial",
        role="note",
    )


def _because(reason: str, names: list[str]) -> str:
    # Of a store that is away every question tells the same.
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{'; '.join(names[:10])}{more}: {reason}"


def _count(number: int) -> str:
    return "One question" if number == 1 else f"{number} questions"


def alerts(incident: Incident, plot: Markup | None) -> Markup:
    """Return what fired and when."""
    if not incident.episodes:
        known = "Nothing fired, and nothing was pending."
        told = f"Not known: {UNKNOWN}." if incident.doubts(STATES) else known
        return section("alerts", "What fired", tag("p", told))
    day = _days(incident)
    rows: list[tuple[Child, ...]] = [
        (
            label_of(one),
            tag("span", one.severity, class_=f"sev {one.severity}"),
            clock(one.pending, day=day) if one.pending is not None else "–",
            _from(one, incident) if one.fired else "never fired",
            "still so at the end" if one.ongoing else clock(one.end, day=day),
            span(one.seconds),
        )
        for one in incident.episodes
    ]
    head = ("Alert", "Severity", "True since", "Fired from", "Until", "For")
    note = f"Moments in UTC, exact to {span(incident.window.step)} or better."
    if incident.doubts(STATES):
        note += f" More may have fired: {UNKNOWN}."
    return section(
        "alerts", "What fired", plot, table("Alerts, the worst first", head, rows),
        tag("p", note, class_="soft small"),
    )  # fmt: skip


def _from(one: Episode, incident: Incident) -> str:
    at = clock(one.start, day=_days(incident))
    return at if one.start > incident.window.start else f"before {at}"


def promise(incident: Incident) -> Markup:
    """Return the objective, and what was kept of it."""
    head = (
        "Route",
        "Completed",
        "Lost",
        "Completion",
        "Objective",
        "Budget before",
        "Budget after",
    )
    rows = [_promise(one) for one in incident.promises]
    told = tag(
        "p",
        f"{said(incident.objective, 'ratio')} of all streams are meant to reach their end, "
        f"judged over {incident.budget_window}. Routes whose streams have no end are not judged.",
    )
    doubt = f"Not known for every stream: {UNKNOWN}." if incident.doubts("Promise: ") else None
    if not rows:
        told_why = tag("p", doubt or "No stream ended in this window.")
        return section("promise", "The promise", told, told_why)
    return section(
        "promise", "The promise", told, table("Completion in the window", head, rows),
        tag("p", doubt, class_="soft small") if doubt else None,
    )  # fmt: skip


def _promise(one: Promise) -> tuple[Child, ...]:
    def share(value: float | None, decimals: int = 2) -> str:
        return "–" if value is None else said(value, "percentunit", decimals)

    verdict = tag("span", share(one.completion), class_="good" if one.kept else "bad")
    return (
        one.route,
        f"{one.completed:,.0f}",
        f"{one.lost:,.0f}",
        inner(verdict, "" if one.kept else " (missed)"),
        share(one.objective),
        share(one.left_before, 0),
        share(one.left_after, 0),
    )


def where(incident: Incident) -> Markup:
    """Return the rankings."""
    tables = [
        inner(tag("h3", f"By {NAMES.get(label, label)}"), _ranking(label, found))
        for label, found in incident.suspects.items()
    ]
    return section(
        "where",
        "Who was affected",
        tag(
            "p",
            f"{_HOW} Compared over {clock(incident.span.start)} to {clock(incident.span.end)}.",
            class_="soft small",
        ),
        *(tables or [tag("p", "Nothing could be compared.")]),
    )


def _ranking(label: str, found: tuple[Suspect, ...]) -> Markup:
    rows: list[tuple[Child, ...]] = []
    for one in found:
        counted = f" ({one.counted[0]:,.0f} of {one.counted[1]:,.0f})" if one.counted else ""
        also = f"; also: {', '.join(one.also)}" if one.also else ""
        mark = tag("span", one.severity, class_=f"sev {one.severity}") if one.severity else None
        rows.append(
            (
                one.value,
                f"{one.measure}{also}",
                f"{said(one.own, one.unit)}{counted}",
                "–" if one.rest is None else said(one.rest, one.unit),
                f"{one.beyond:.1f} ×",
                mark or ("no alert" if one.clear else "no clear difference"),
            )
        )
    name = NAMES.get(label, label)
    head = (name.capitalize(), "Differs most in", "Here", "The rest", "Times its limit", "Alert")
    return table(f"Each {name}, what differs most first", head, rows)


def when(incident: Incident) -> Markup:
    """Return the worst minutes, and what was started."""
    worst = [
        (
            f"{clock(one.at - one.seconds, day=_days(incident))} – {clock(one.at, day=False)}",
            one.excess.alert.summary,
            " ".join(one.excess.labels.values()),
            said(one.value, one.excess.unit),
            said(one.excess.limit, one.excess.unit),
            f"{one.times:.1f} ×",
        )
        for one in incident.worst
    ]
    starts = [
        (
            clock(one.at, day=_days(incident)),
            one.job,
            f"{span((one.before.pending or one.before.start) - one.at)} before "
            f"{label_of(one.before)}"
            if one.before
            else "–",
        )
        for one in incident.starts
    ]
    head = ("Minute (UTC)", "What", "Where", "Value", "Limit", "Times its limit")
    return section(
        "when",
        "Worst minutes, deploys and restarts",
        table("The worst moment of each signal", head, list(worst))
        if worst
        else tag("p", "No signal was beyond its alert's threshold", _known(incident, "Signal of")),
        table("Processes started", ("Started (UTC)", "Job", "Followed by"), list(starts))
        if starts
        else tag("p", "No process started in this window", _known(incident, "Starts")),
    )  # fmt: skip


def _known(incident: Incident, about: str) -> str:
    """End a sentence that says that there was nothing."""
    return f", as far as is known: {UNKNOWN}." if incident.doubts(about) else "."


def logs(reading: Reading) -> Markup:
    """Return the lines of a log."""
    told = (
        f"{reading.within:,} of {reading.lines:,} lines of {reading.name} fall into the window. "
        "Lines that differ in numbers only stand together; secrets and personal data are masked."
    )
    rows: list[tuple[Child, ...]] = [
        (
            clock(kind.first) + ("" if kind.count == 1 else f" – {clock(kind.last, day=False)}"),
            f"{kind.count:,}",
            kind.level or "–",
            kind.logger or "–",
            tag("div", kind.text, class_="log"),
        )
        for kind in reading.kinds
    ]
    head = ("When (UTC)", "Lines", "Level", "Logger", "What")
    body = table("Log lines, our own first", head, rows) if rows else tag("p", "None of them is "
        "about streams, a warning or an error.")  # fmt: skip
    notes = (
        tag("p", f"{note[0].upper()}{note[1:]}.", class_="soft small") for note in reading.notes
    )
    return section("logs", "Log lines", tag("p", told), *notes, body, page=True)


def tiles(views: list[View]) -> Markup | None:
    """Return the panels that are numbers."""
    shown = [_tile(view) for view in views]
    return tag("div", *shown, class_="tiles") if shown else None


def _tile(view: View) -> Markup:
    return tag(
        "div",
        tag("h4", view.panel.title),
        *_values(view),
        tag("span", "answered in part", class_="soft small")
        if view.lines and view.failed
        else None,
        class_="tile",
        title=view.panel.description,
    )


def _values(view: View) -> Iterator[Markup]:
    panel = view.panel
    if not view.lines:
        yield tag("span", (view.failed and "not answered") or panel.no_value, class_="soft")
    for line in view.lines[:6]:
        value = said(line.series.last, panel.unit, panel.decimals)
        beyond = [
            limit.alert
            for limit in view.limits
            if limit.query == line.query and COMPARE[limit.compare](line.series.last, limit.value)
        ]
        yield tag("div", value, class_="value bad" if beyond else "value")
        if beyond:
            yield tag("span", f"beyond the limit of {beyond[0]}", class_="bad small")
        values = [value for _, value in line.series.points]
        name = line.name
        if len(values) > 1:
            low, high = (
                said(one, panel.unit, panel.decimals) for one in (min(values), max(values))
            )
            name = f"{name} {low} to {high} in the window".strip()
        if name:
            yield tag("span", name, class_="soft small")
