"""The sections of the page that are boards: plots with a text and a table each, numbers, tables."""

from dataclasses import dataclass, field
from typing import Any

from sse_observe.catalog.model import Panel
from sse_observe.report.findings.panels import BoardView, RowView, View
from sse_observe.report.output.html import Child, Markup, inner, table, tag
from sse_observe.report.output.plots import Hues, bounds, figure
from sse_observe.report.output.sections import section, tiles
from sse_observe.report.output.summary import digest
from sse_observe.report.query.window import Window
from sse_observe.report.units import clock, said


@dataclass
class Gallery:
    """Writes the places of plots, and keeps their figures for the script that draws them."""

    window: Window
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    hues: Hues = field(default_factory=Hues)

    def board(self, view: BoardView) -> Markup:
        """Return a board with its rows; those that Grafana shows collapsed are closed."""
        rows = [self._row(row) for row in view.rows]
        left_out = [
            tag(
                "p",
                f"Left out: “{title}”. It reads raw series of instances that somebody chooses; "
                "open the board for it.",
                class_="soft small",
            )
            for title in view.skipped
        ]
        name = view.board.name
        question = tag("p", view.board.question)
        return section(name, view.board.title, question, *rows, *left_out, page=True)

    def _row(self, view: RowView) -> Markup:
        numbers = [one for one in view.views if one.panel.kind in ("stat", "gauge")]
        tables = [one for one in view.views if one.panel.kind == "table"]
        plots = [one for one in view.views if one not in numbers and one not in tables]
        places = [self.plot(one) for one in plots]
        body = inner(
            tiles(numbers),
            tag("div", *places, class_="plots") if places else None,
            *(_table(one) for one in tables),
        )
        if view.row.collapsed:
            summary = tag("summary", tag("h3", view.row.title))
            return tag("details", summary, body, class_="row")
        return inner(tag("h3", view.row.title or "The answer"), body)

    def plot(self, view: View) -> Markup:
        """Return one panel: its title, its plot or why there is none, and its numbers."""
        panel = view.panel
        drawn = figure(view, self.window, self.hues)
        if drawn is None:
            words = f"Not answered: {view.failed}" if view.failed else panel.no_value
            place = tag("p", words, class_="none")
        else:
            place = self.place(drawn, _words(view))
        partial = tag("p", f"Partial: {view.failed}") if drawn and view.failed else None
        return tag(
            "figure",
            tag("figcaption", tag("h4", panel.title), tag("p", panel.description)),
            partial,
            place,
            self._numbers(view) if drawn else None,
        )

    def place(self, drawn: dict[str, Any], words: str, look: str = "plot") -> Markup:
        """Keep a figure, and return the element that it will be drawn in."""
        key = f"f{len(self.figures)}"
        self.figures[key] = drawn
        waiting = tag("span", "The plot is drawn by a script; its numbers stand below.")
        return tag("div", waiting, class_=look, data_figure=key, role="img", aria_label=words)

    def _numbers(self, view: View) -> Markup:
        panel = view.panel
        if panel.kind == "heatmap":
            rows = _buckets(view)
            head: tuple[str, ...] = ("Up to", "Per second, mean")
        elif panel.kind == "bargauge":
            head = ("What", "At the end")
            rows = [(one.name, _said(panel, one.series.last)) for one in view.lines]
        else:
            head = ("Line", "Last", "Mean", "Lowest", "at", "Highest", "at")
            rows = [self._line(panel, one.name, digest(one.series)) for one in view.lines]
        shown = table(f"{panel.title} in numbers", head, rows)
        return tag("details", tag("summary", "Numbers"), shown, class_="numbers")

    def _line(self, panel: Panel, name: str, known: Any) -> tuple[Child, ...]:
        day = self.window.seconds > 86400
        return (
            name or panel.title,
            _said(panel, known.last),
            _said(panel, known.mean),
            _said(panel, known.low),
            clock(known.low_at, day=day),
            _said(panel, known.high),
            clock(known.high_at, day=day),
        )


def _said(panel: Panel, value: float) -> str:
    # A decimal more than on a wall: here nobody can zoom into the number.
    decimals = None if panel.decimals is None else panel.decimals + 1
    return said(value, panel.unit, decimals)


def _words(view: View) -> str:
    """Say what a plot shows, for those who do not see it."""
    panel = view.panel
    said_limits = "".join(
        f" Limit of {limit.alert}: {_said(panel, limit.value)}." for limit in view.limits
    )
    if panel.kind == "heatmap":
        return f"Heatmap: {panel.title}. Its buckets stand in the table below."
    lines = [
        f"{line.name or panel.title} {_said(panel, known.last)} at the end, "
        f"from {_said(panel, known.low)} to {_said(panel, known.high)}"
        for line in view.lines[:3]
        for known in (digest(line.series),)
    ]
    more = len(view.lines) - len(lines)
    rest = f"; and {more} more in the table below" if more > 0 else ""
    return f"Plot: {panel.title}. {'; '.join(lines)}{rest}.{said_limits}"


def _buckets(view: View) -> list[tuple[Child, ...]]:
    rows: list[tuple[Child, ...]] = []
    below = 0.0
    for bound, series in bounds(view):
        mean = digest(series).mean
        name = "more" if bound == float("inf") else said(bound, view.panel.unit)
        rows.append((name, f"{max(0.0, mean - below):.3g}"))
        below = mean
    return rows


def _table(view: View) -> Markup:
    panel = view.panel
    label, title = next(iter(panel.columns.items()))
    cells: dict[str, dict[int, float]] = {}
    for line in view.lines:
        cells.setdefault(line.series.labels.get(label, ""), {})[line.query] = line.series.last
    rows: list[tuple[Child, ...]] = [
        (
            name,
            *(
                said(values[n], query.unit or panel.unit, query.decimals)
                if n in values
                else panel.no_value
                for n, query in enumerate(panel.queries)
            ),
        )
        for name, values in cells.items()
    ]
    head = (title, *(query.legend for query in panel.queries))
    told = tag("p", panel.description, class_="soft small")
    partial = tag("p", f"Partial: {view.failed}") if view.failed else None
    return inner(told, partial, table(f"{panel.title} at the end of the window", head, rows))
