"""The sections that are words and tables; each is a landmark with its heading."""

from collections.abc import Iterator

from sse_observe.report.findings import causes, process_starts, slo
from sse_observe.report.findings.conclusion import (
    CAUSE_WORDS,
    INCOMPLETE,
    LABEL_NAMES,
    sentences,
    severity,
)
from sse_observe.report.findings.episodes import STATES, Episode
from sse_observe.report.findings.impact import Impact
from sse_observe.report.findings.incident import Incident
from sse_observe.report.findings.limit_distance import SIGNAL_OF
from sse_observe.report.findings.process_starts import ProcessStart
from sse_observe.report.findings.slo import SLOCompliance
from sse_observe.report.findings.worst_minutes import WorstMinute
from sse_observe.report.logs.reading import LineKind, LogExcerpt
from sse_observe.report.output.markup import Child, Markup, Row, inner, table, tag
from sse_observe.report.output.timeline import episode_label
from sse_observe.report.units import format_duration, format_time, format_value

_HOW_CAUSED = (
    "Each failed stream has one cause, and none without evidence: docs/upstreams.md. "
    "Feeds are not among them: they have no end to reach."
)
_HOW_COMPARED = (
    "Each place is compared with the others: by the worst value of each alert's signal, and by "
    "counts made while alerts fired. “Times its limit” makes different measures comparable: "
    "1 is the alert's threshold."
)


def section(id_: str, title: str, *children: Child, own_sheet: bool = False) -> Markup:
    """Return a section that navigation can reach by its heading; printed on a sheet of its own."""
    heading = tag("h2", title, id=id_)
    class_ = "sheet" if own_sheet else None
    return tag("section", heading, *children, aria_labelledby=id_, class_=class_)


def opening(incident: Incident, created: float) -> Markup:
    """Return the conclusion, and what the report was asked."""
    window = incident.window
    start, end = format_time(window.start), format_time(window.end)
    narrowed = (("route", incident.route), ("alert", incident.alert))
    facts = {
        "Window": f"{start} to {end} UTC ({format_duration(window.seconds)})",
        "Only": ", ".join(f"{name} {value}" for name, value in narrowed if value),
        "Source": f"{incident.source} ({incident.asked} queries, "
        f"a point every {format_duration(window.step)})",
        "Created": f"{format_time(created)} UTC by sse-observe report",
    }
    conclusion = tag(
        "div",
        *(tag("p", words) for words in sentences(incident)),
        class_=f"conclusion {severity(incident)}".strip(),
        role="region",
        aria_label="Conclusion",
    )
    listed = (inner(tag("dt", key), tag("dd", value)) for key, value in facts.items() if value)
    return inner(conclusion, tag("dl", *listed, class_="facts"), _partial(incident))


def _partial(incident: Incident) -> Markup | None:
    if not incident.failures:
        return None
    reasons = {failure.name: failure.reason for failure in incident.failures}
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    count = "One query" if len(reasons) == 1 else f"{len(reasons)} queries"
    return tag(
        "div",
        tag(
            "p",
            tag("strong", "This report is partial."),
            f" {count} failed or returned only a part; what they would show is missing below.",
        ),
        tag(
            "details",
            tag("summary", "Which queries, and why"),
            tag("ul", *(tag("li", _because(*pair)) for pair in by_reason.items())),
        ),
        class_="partial",
        role="note",
    )


def _because(reason: str, names: list[str]) -> str:
    # Of a store that is away every query tells the same.
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{'; '.join(names[:10])}{more}: {reason}"


def causes_section(incident: Incident) -> Markup:
    """Return how many streams were good, and whose fault it was that others were not."""
    id_, title = "causes", "Whose fault"
    found = incident.causes
    if found is None:
        unknown = f"Not known: {INCOMPLETE}."
        nothing = unknown if incident.is_incomplete(causes.NAME) else "No stream ended."
        return section(id_, title, tag("p", nothing))
    rows = [
        (cause, words, f"{number:,.0f}", format_value(found.share(number), "ratio", 1))
        for cause, words, number in (
            ("good", "reached their end, in time", found.good),
            *((cause, CAUSE_WORDS.get(cause, "–"), n) for cause, n in found.failed.items()),
        )
    ]
    shown = table("Streams in the window", ("Cause", "They", "Streams", "Share"), rows)
    return section(id_, title, shown, _small(_HOW_CAUSED))


def alerts_section(incident: Incident, chart: Markup | None) -> Markup:
    """Return what fired and when."""
    incomplete = incident.is_incomplete(STATES)
    if not incident.episodes:
        nothing = "No alert fired, and none was pending."
        unknown = f"Not known: {INCOMPLETE}."
        return section("alerts", "What fired", tag("p", unknown if incomplete else nothing))
    head = ("Alert", "Severity", "Pending since", "Firing since", "Until", "Duration")
    rows = [_alert_row(one, incident) for one in incident.episodes]
    words = f"Times are UTC, exact to {format_duration(incident.window.step)} or better."
    if incomplete:
        words += f" More may have fired: {INCOMPLETE}."
    return section(
        "alerts",
        "What fired",
        chart,
        table("Alerts, the worst first", head, rows),
        _small(words),
    )


def _alert_row(one: Episode, incident: Incident) -> Row:
    day = incident.window.spans_days
    start = format_time(one.start, day=day)
    since = start if one.start > incident.window.start else f"before {start}"
    return (
        episode_label(one),
        tag("span", one.severity, class_=f"severity {one.severity}"),
        "–" if one.pending is None else format_time(one.pending, day=day),
        since if one.fired else "never fired",
        "still active at the end" if one.ongoing else format_time(one.end, day=day),
        format_duration(one.seconds),
    )


def slo_section(incident: Incident) -> Markup:
    """Return the completion objective, and how far each route met it."""
    objective = format_value(incident.objective, "ratio")
    words = tag(
        "p",
        f"The objective: {objective} of all streams complete, judged over "
        f"{incident.budget_window}. Routes whose streams have no end are not judged.",
    )
    doubt = None
    if incident.is_incomplete(slo.NAME):
        doubt = f"Not known for every stream: {INCOMPLETE}."
    if not incident.slo:
        return section("slo", "SLO", words, tag("p", doubt or "No stream ended in this window."))
    head = (
        *("Route", "Completed", "Lost", "Completion", "Objective"),
        *("Budget left before", "Budget left after"),
    )
    rows = [_slo_row(one) for one in incident.slo]
    shown = table("Completion in the window", head, rows)
    return section("slo", "SLO", words, shown, _small(doubt) if doubt else None)


def _slo_row(one: SLOCompliance) -> Row:
    def share(value: float | None, decimals: int = 2) -> str:
        return "–" if value is None else format_value(value, "ratio", decimals)

    completion = tag("span", share(one.completion), class_="good" if one.met else "bad")
    return (
        one.route,
        f"{one.completed:,.0f}",
        f"{one.lost:,.0f}",
        inner(completion, "" if one.met else " (missed)"),
        share(one.objective),
        share(one.budget_left_before, 0),
        share(one.budget_left_after, 0),
    )


def impact_section(incident: Incident) -> Markup:
    """Return the rankings."""
    over = incident.compared_over
    span = f"{format_time(over.start)} to {format_time(over.end)}"
    tables = [
        inner(tag("h3", f"By {LABEL_NAMES.get(label, label)}"), _ranking(label, found))
        for label, found in incident.impacts.items()
    ]
    return section(
        "impact",
        "Who was affected",
        _small(f"{_HOW_COMPARED} Compared over {span} UTC."),
        *(tables or [tag("p", "Nothing could be compared.")]),
    )


def _ranking(label: str, found: tuple[Impact, ...]) -> Markup:
    name = LABEL_NAMES.get(label, label)
    head = (name.capitalize(), "Differs most in", "Here", "Elsewhere", "Times its limit", "Alert")
    return table(
        f"Each {name}, the most different first", head, [_impact_row(one) for one in found]
    )


def _impact_row(one: Impact) -> Row:
    counted = f" ({one.counted.bad:,.0f} of {one.counted.whole:,.0f})" if one.counted else ""
    also = f"; also: {', '.join(one.also)}" if one.also else ""
    mark = tag("span", one.severity, class_=f"severity {one.severity}") if one.severity else None
    return (
        one.value,
        f"{one.measure}{also}",
        f"{format_value(one.own, one.unit)}{counted}",
        "–" if one.rest is None else format_value(one.rest, one.unit),
        f"{one.times_limit:.1f} ×",
        mark or ("no alert" if one.clear else "no clear difference"),
    )


def minutes_section(incident: Incident) -> Markup:
    """Return the worst minutes, and which processes were started."""
    minutes = [_minute_row(one, incident) for one in incident.worst_minutes]
    starts = [_start_row(one, incident) for one in incident.process_starts]
    minutes_head = ("Minute (UTC)", "Problem", "Where", "Value", "Limit", "Times its limit")
    starts_head = ("Started (UTC)", "Job", "Followed by")
    no_minute = tag(
        "p", "No signal was beyond its alert's threshold", _as_far_as_known(incident, SIGNAL_OF)
    )
    no_start = tag(
        "p", "No process started in this window", _as_far_as_known(incident, process_starts.NAME)
    )
    return section(
        "minutes",
        "Worst minutes, deploys and restarts",
        table("The worst minute of each signal", minutes_head, minutes) if minutes else no_minute,
        table("Processes started", starts_head, starts) if starts else no_start,
    )


def _minute_row(one: WorstMinute, incident: Incident) -> Row:
    distance, day = one.distance, incident.window.spans_days
    return (
        f"{format_time(one.at - one.seconds, day=day)} – {format_time(one.at, day=False)}",
        distance.alert.summary,
        " ".join(distance.labels.values()),
        format_value(one.value, distance.unit),
        format_value(distance.limit, distance.unit),
        f"{one.times_limit:.1f} ×",
    )


def _start_row(one: ProcessStart, incident: Incident) -> Row:
    followed = "–"
    if one.before:
        followed = f"{episode_label(one.before)}, {format_duration(one.seconds_before)} later"
    return (format_time(one.at, day=incident.window.spans_days), one.job, followed)


def _as_far_as_known(incident: Incident, name: str) -> str:
    """End a sentence that says that there was nothing."""
    return f", as far as is known: {INCOMPLETE}." if incident.is_incomplete(name) else "."


def log_section(log: LogExcerpt) -> Markup:
    """Return the lines of a log."""
    words = (
        f"{log.in_window:,} of {log.lines:,} lines of {log.name} are from the window. "
        "Lines that differ only in numbers are counted together; "
        "secrets and personal data are masked."
    )
    head = ("When (UTC)", "Lines", "Level", "Logger", "Message")
    nothing = tag("p", "None of them is about streams, a warning or an error.")
    rows = [_log_row(kind) for kind in log.kinds]
    shown = table("Log lines, our own first", head, rows) if rows else nothing
    return section("logs", "Log lines", tag("p", words), *_log_remarks(log), shown)


def _log_row(kind: LineKind) -> Row:
    until = "" if kind.count == 1 else f" – {format_time(kind.last, day=False)}"
    return (
        format_time(kind.first) + until,
        f"{kind.count:,}",
        kind.level or "–",
        kind.logger or "–",
        tag("div", kind.text, class_="log"),
    )


def _log_remarks(log: LogExcerpt) -> Iterator[Markup]:
    for remark in log.remarks:
        yield _small(f"{remark[0].upper()}{remark[1:]}.")


def _small(words: str) -> Markup:
    return tag("p", words, class_="soft small")
