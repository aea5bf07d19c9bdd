"""
The report as one HTML file: its sections, style and scripts, and a policy that allows no others.

Inlines every script.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from sse_observe.report.findings.incident import Incident
from sse_observe.report.output import sections
from sse_observe.report.output.boards import Charts, board_section
from sse_observe.report.output.figure import milliseconds, thin_out
from sse_observe.report.output.markup import Markup, data_block, inner, tag
from sse_observe.report.output.report import Report
from sse_observe.report.output.runbook_html import runbook_reader, without_banner
from sse_observe.report.output.scripts import PLOTLY, asset
from sse_observe.report.output.timeline import background, timeline
from sse_observe.report.units import format_time

MOST_BYTES = 6_000_000
"""How large a file may be that is sent around; plotly's script alone is 4.8 MB."""

# Fewer points than these would not make the file smaller.
_FEWEST_POINTS = 2000
_FOOTER = (
    "In every chart: shaded while alerts fired, dotted where a process started, dashed at the "
    "threshold of an alert. All times are UTC. This file loads nothing: it can be read offline."
)
_THINNED = " To keep the file small, charts show only some of their points."
_SIBLING = re.compile(r"^(SSE\w+)\.md$")


class _Part(NamedTuple):
    """A section, and its name in the contents."""

    id: str
    name: str
    html: Markup


def html_file(report: Report) -> str:
    """Return the whole report as HTML."""
    incident, charts = report.incident, Charts(report.incident.window)
    parts = list(_parts(report, charts))
    title = _title(incident)
    opening = sections.opening(incident, report.created)
    body = inner(
        tag("a", "Skip to the report", href="#report", class_="skip"),
        tag("header", tag("h1", title), opening, _contents(parts)),
        tag("main", *(part.html for part in parts), id="report"),
    )
    footer = _FOOTER
    while True:
        data = data_block(_chart_data(incident, charts), "figures")
        html = _document(title, inner(body, tag("footer", tag("p", footer)), data))
        if len(html.encode()) <= MOST_BYTES or _points(charts) < _FEWEST_POINTS:
            return html
        thin_out(charts.figures.values())
        footer = _FOOTER + _THINNED


def _parts(report: Report, charts: Charts) -> Iterator[_Part]:
    """Yield every section, in order."""
    incident = report.incident
    fired = None
    if incident.fired:
        bars = timeline(incident.episodes, incident.window)
        fired = charts.place(bars, "Bars over time; the table below says the same.", "timeline")
    yield _Part("causes", "Whose fault", sections.causes_section(incident))
    yield _Part("alerts", "What fired", sections.alerts_section(incident, fired))
    yield _Part("slo", "SLO", sections.slo_section(incident))
    yield _Part("impact", "Who was affected", sections.impact_section(incident))
    yield _Part("minutes", "Worst minutes", sections.minutes_section(incident))
    for view in incident.boards:
        yield _Part(view.board.name, view.board.title, board_section(view, charts))
    if report.log is not None:
        yield _Part("logs", "Log lines", sections.log_section(report.log))
    if incident.runbooks:
        runbooks = _runbooks(incident.runbooks, report.runbook_url)
        html = sections.section("runbooks", "Runbooks", *runbooks, own_sheet=True)
        yield _Part("runbooks", "Runbooks", html)


def _contents(parts: Iterable[_Part]) -> Markup:
    links = (tag("li", tag("a", part.name, href=f"#{part.id}")) for part in parts)
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _chart_data(incident: Incident, charts: Charts) -> dict[str, object]:
    """Return what the script needs to draw the charts."""
    window = incident.window
    return {
        "figures": charts.figures,
        "range": [milliseconds(window.start), milliseconds(window.end)],
        "background": background(incident.episodes, incident.process_starts, window),
    }


def _points(charts: Charts) -> int:
    traces = (trace for figure in charts.figures.values() for trace in figure["data"])
    return sum(len(trace.get("y", ())) for trace in traces)


def _title(incident: Incident) -> str:
    what = incident.alert or (incident.fired[0].alert if incident.fired else "no alert fired")
    where = f" on {incident.route}" if incident.route else ""
    end = format_time(incident.window.end, seconds=False)
    return f"Incident report: {what}{where}, {end} UTC"


def _document(title: str, body: Markup) -> str:
    scripts = [asset(PLOTLY), asset("charts.js") + asset("report.js")]
    # Even if a text could become a script, it would not be run.
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    head = inner(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Markup(f"<style>{asset('report.css')}</style>"),
    )
    run = inner(*(Markup(f"<script>{script}</script>") for script in scripts))
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body, run), lang='en')}\n"


def _hash(script: str) -> str:
    # A browser reads line ends as \n before it hashes.
    normal = script.replace("\r\n", "\n").replace("\r", "\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(normal.encode()).digest()).decode()}'"


def _runbooks(runbooks: Mapping[str, str], runbook_url: Callable[[str], str]) -> Iterator[Markup]:
    reader = runbook_reader()
    for name, text in runbooks.items():
        tokens = reader.parse(without_banner(text))
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                # Below the section's own heading.
                token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
            for part in token.children or ():
                sibling = _SIBLING.match(str(part.attrs.get("href", "")))
                if sibling:
                    other = sibling[1]
                    here = f"#runbook-{other}" if other in runbooks else runbook_url(other)
                    part.attrs["href"] = here
        html = Markup(reader.renderer.render(tokens, reader.options, {}))
        yield tag("article", html, class_="runbook", id=f"runbook-{name}", aria_label=name)
