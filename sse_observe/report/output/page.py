"""
The page as one file: its sections, its style, its scripts, and a policy that allows no others.

The one importer of plotly, whose script it inlines; runbooks are read by markdown-it.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

from markdown_it import MarkdownIt
from plotly.offline import get_plotlyjs

from sse_observe.report.findings.incident import Incident
from sse_observe.report.output import sections
from sse_observe.report.output.charts import Gallery
from sse_observe.report.output.html import Markup, data, inner, tag
from sse_observe.report.output.plots import marks, thinned, timeline
from sse_observe.report.run import Findings
from sse_observe.report.units import clock

MOST_BYTES = 6_000_000
"""What a file may weigh that is sent around; plotly's script alone is 4.8 MB."""

_BANNER = re.compile(r"\A<!--.*?-->\n")
_SIBLING = re.compile(r"^(SSE\w+)\.md$")


def page(findings: Findings) -> str:
    """Return the whole report as HTML."""
    incident, reading = findings.incident, findings.reading
    gallery = Gallery(incident.window)
    bars = timeline(incident.episodes, incident.window) if incident.fired else None
    told = "Bars over time; the table below says the same."
    plot = gallery.place(bars, told, "timeline") if bars else None
    parts = {
        "alerts": ("What fired", sections.alerts(incident, plot)),
        "promise": ("The promise", sections.promise(incident)),
        "where": ("Who was affected", sections.where(incident)),
        "when": ("Worst minutes", sections.when(incident)),
    }
    for view in incident.boards:
        parts[view.board.name] = (view.board.title, gallery.board(view))
    if reading is not None:
        parts["logs"] = ("Log lines", sections.logs(reading))
    if incident.runbooks:
        parts["runbooks"] = ("Runbooks", _runbooks(incident.runbooks, findings.runbook_url))
    title = _title(incident)
    window = incident.window
    head = inner(
        tag("a", "Skip to the report", href="#report", class_="skip"),
        tag(
            "header", tag("h1", title), sections.opening(incident, findings.made), _contents(parts)
        ),
    )
    main = tag("main", *(part for _, part in parts.values()), id="report")
    figures = {
        "figures": gallery.figures,
        "range": [round(1000 * window.start), round(1000 * window.end)],
        "marks": marks(incident.episodes, incident.starts, window),
    }
    ending = _ENDING
    while True:
        footer = tag("footer", tag("p", ending))
        written = _whole(title, inner(head, main, footer, data(figures, "figures")))
        points = sum(len(one.get("y", ())) for f in gallery.figures.values() for one in f["data"])
        if len(written.encode()) <= MOST_BYTES or points < _FEWEST_POINTS:
            return written
        thinned(gallery.figures.values())
        ending = f"{_ENDING} To keep the file small, plots show only some of their points."


# Thinning further would not make the file smaller.
_FEWEST_POINTS = 2000
_ENDING = (
    "Shaded in every plot: while alerts fired. Dotted: a process started. Dashed: the threshold "
    "of an alert. All times are UTC. This file asks nobody for anything: it can be read offline."
)


def _whole(title: str, body: Markup) -> str:
    here = files("sse_observe.report.output")
    scripts = [get_plotlyjs(), here.joinpath("page.js").read_text("utf-8")]
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
        Markup(f"<style>{here.joinpath('page.css').read_text('utf-8')}</style>"),
    )
    run = inner(*(Markup(f"<script>{script}</script>") for script in scripts))
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body, run), lang='en')}\n"


def _hash(script: str) -> str:
    # A browser reads line ends as \n before it hashes.
    normal = script.replace("\r\n", "\n").replace("\r", "\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(normal.encode()).digest()).decode()}'"


def _title(incident: Incident) -> str:
    what = incident.alert or (incident.fired[0].alert if incident.fired else "no alert fired")
    where = f" on {incident.route}" if incident.route else ""
    return f"Incident report: {what}{where}, {clock(incident.window.end, fine=False)} UTC"


def _contents(parts: Mapping[str, tuple[str, Markup]]) -> Markup:
    links = (tag("li", tag("a", name, href=f"#{key}")) for key, (name, _) in parts.items())
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _runbooks(runbooks: Mapping[str, str], runbook_url: str) -> Markup:
    return sections.section(
        "runbooks", "Runbooks", *_books(runbooks, runbook_url), page=True
    )  # fmt: skip


def _books(runbooks: Mapping[str, str], runbook_url: str) -> Iterator[Markup]:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    # As wide as it likes, on a screen of any width.
    around = '<div class="scroll" role="region" aria-label="Table" tabindex="0">'
    reader.add_render_rule("table_open", lambda *_: f"{around}<table>")
    reader.add_render_rule("table_close", lambda *_: "</table></div>")
    for name, text in runbooks.items():
        tokens = reader.parse(_BANNER.sub("", text))
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                # Below the section's own heading.
                token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
            for part in token.children or ():
                sibling = _SIBLING.match(str(part.attrs.get("href", "")))
                if sibling:
                    own = sibling[1] in runbooks
                    link = f"#runbook-{sibling[1]}" if own else f"{runbook_url}/{sibling[0]}"
                    part.attrs["href"] = link
        html = Markup(reader.renderer.render(tokens, reader.options, {}))
        yield tag("article", html, class_="runbook", id=f"runbook-{name}", aria_label=name)
