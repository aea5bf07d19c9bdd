"""The sections that are boards: charts with a text and a table each, numbers, tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sse_observe.catalog.model import COMPARE, Colour, Panel
from sse_observe.render.limits import colour_at, judged
from sse_observe.report.findings.panels import BoardView, Line, PanelView, RowView
from sse_observe.report.output.charts import NameStyles, buckets, panel_chart
from sse_observe.report.output.figure import Figure
from sse_observe.report.output.markup import Markup, Row, inner, table, tag
from sse_observe.report.output.sections import section
from sse_observe.report.output.summary import summarise
from sse_observe.report.units import format_time, format_value
from sse_observe.report.window import Window


@dataclass
class Charts:
    """
    The charts of a document: their figures by key, for the script that draws them.

    `links` returns what leads on from a panel; a document that is read offline leads nowhere.
    """

    window: Window
    links: Callable[[PanelView], Markup | None] = lambda _: None
    figures: dict[str, Figure] = field(default_factory=dict)
    styles: NameStyles = field(default_factory=NameStyles)

    def place(self, figure: Figure, words: str, class_: str = "chart") -> Markup:
        """Keep a figure, and return the element that it will be drawn in."""
        key = f"f{len(self.figures)}"
        self.figures[key] = figure
        waiting = tag("span", "A script draws this chart; its numbers are in the table below.")
        return tag("div", waiting, class_=class_, data_figure=key, role="img", aria_label=words)


def board_section(view: BoardView, charts: Charts) -> Markup:
    """Return a board with its rows; those that Grafana shows collapsed are closed."""
    left_out = [
        tag(
            "p",
            f"Left out: “{title}”. It shows single instances; open the board in Grafana for it.",
            class_="soft small",
        )
        for title in view.skipped
    ]
    question = tag("p", view.board.question)
    rows = (_row(row, charts) for row in view.rows)
    return section(view.board.name, view.board.title, question, *rows, *left_out)


def _row(view: RowView, charts: Charts) -> Markup:
    numbers = [one for one in view.panels if one.panel.kind in ("stat", "gauge")]
    tables = [one for one in view.panels if one.panel.kind == "table"]
    drawn = [one for one in view.panels if one not in numbers and one not in tables]
    body = inner(
        tag("div", *(_tile(one, charts) for one in numbers), class_="tiles") if numbers else None,
        tag("div", *(_figure(one, charts) for one in drawn), class_="charts") if drawn else None,
        *(_table(one, charts) for one in tables),
    )
    if view.row.collapsed:
        return tag("details", tag("summary", tag("h3", view.row.title)), body, class_="row")
    return inner(tag("h3", view.row.title or "The answer"), body)


def _figure(view: PanelView, charts: Charts) -> Markup:
    """Return one panel: its title, its chart or why there is none, and its numbers."""
    panel = view.panel
    chart = panel_chart(view, charts.window, charts.styles)
    caption = tag(
        "figcaption", tag("h4", panel.title), tag("p", panel.description), charts.links(view)
    )
    if chart is None:
        reason = f"Not answered: {view.failure}" if view.failure else panel.no_value
        return tag("figure", caption, tag("p", reason, class_="none"))
    place = charts.place(chart, _description(view))
    return tag("figure", caption, _partial(view), place, _numbers(view, charts.window))


def _partial(view: PanelView) -> Markup | None:
    return tag("p", f"Partial: {view.failure}") if view.failure else None


def _numbers(view: PanelView, window: Window) -> Markup:
    panel = view.panel
    if panel.kind == "heatmap":
        head: tuple[str, ...] = ("Up to", "Per second, mean")
        rows = _bucket_rows(view)
    elif panel.kind == "bargauge":
        head = ("Bar", "At the end")
        rows = [(one.name, _value(panel, one.series.last)) for one in view.lines]
    else:
        head = ("Line", "Last", "Mean", "Lowest", "at", "Highest", "at")
        rows = [_line_row(panel, line, window) for line in view.lines]
    shown = table(f"{panel.title} in numbers", head, rows)
    return tag("details", tag("summary", "Numbers"), shown, class_="numbers")


def _line_row(panel: Panel, line: Line, window: Window) -> Row:
    known = summarise(line.series)
    return (
        line.name or panel.title,
        _value(panel, known.last),
        _value(panel, known.mean),
        _value(panel, known.low),
        format_time(known.low_at, day=window.spans_days),
        _value(panel, known.high),
        format_time(known.high_at, day=window.spans_days),
    )


def _bucket_rows(view: PanelView) -> list[Row]:
    rows: list[Row] = []
    below = 0.0
    for bound, series in buckets(view):
        mean = summarise(series).mean
        name = "more" if bound == float("inf") else format_value(bound, view.panel.unit)
        rows.append((name, f"{max(0.0, mean - below):.3g}"))
        below = mean
    return rows


def _value(panel: Panel, value: float) -> str:
    # A decimal more than on a wall: here nobody can zoom into the number.
    decimals = None if panel.decimals is None else panel.decimals + 1
    return format_value(value, panel.unit, decimals)


def _description(view: PanelView) -> str:
    """Describe a chart in words, for those who do not see it."""
    panel = view.panel
    if panel.kind == "heatmap":
        return f"Heatmap: {panel.title}. Its buckets are in the table below."
    lines = [
        f"{line.name or panel.title} {_value(panel, known.last)} at the end, "
        f"from {_value(panel, known.low)} to {_value(panel, known.high)}"
        for line in view.lines[:3]
        for known in (summarise(line.series),)
    ]
    more = len(view.lines) - len(lines)
    rest = f"; and {more} more in the table below" if more > 0 else ""
    limits = "".join(
        f" Limit of {limit.alert}: {_value(panel, limit.value)}." for limit in view.limits
    )
    return f"Chart: {panel.title}. {'; '.join(lines)}{rest}.{limits}"


def _table(view: PanelView, charts: Charts) -> Markup:
    panel = view.panel
    label, title = next(iter(panel.columns.items()))
    by_name: dict[str, dict[int, float]] = {}
    for line in view.lines:
        cells = by_name.setdefault(line.series.labels.get(label, ""), {})
        cells[line.query] = line.series.last
    rows = [(name, *_cells(view, cells)) for name, cells in by_name.items()]
    head = (title, *(query.legend for query in panel.queries))
    description = tag("p", panel.description, class_="soft small")
    shown = table(f"{panel.title} at the end of the window", head, rows)
    return inner(description, charts.links(view), _partial(view), shown)


def _cells(view: PanelView, values: Mapping[int, float]) -> Iterator[Markup | str]:
    panel = view.panel
    for number, query in enumerate(panel.queries):
        if number not in values:
            yield panel.no_value
            continue
        limits = [limit for limit in view.limits if limit.query == number]
        colour = colour_at(judged(panel, limits, "plain", query.legend), values[number])
        shown = format_value(values[number], query.unit or panel.unit, query.decimals)
        yield shown if colour == "plain" else tag("span", shown, class_=colour)


def _tile(view: PanelView, charts: Charts) -> Markup:
    description, links = view.panel.description, charts.links(view)
    partial = tag("span", "answered in part", class_="soft small")
    about = tag("details", tag("summary", "About"), tag("p", description), links, class_="about")
    return tag(
        "div",
        tag("h4", view.panel.title),
        *_tile_values(view),
        partial if view.lines and view.failure else None,
        about if links else None,
        class_="tile",
        title=None if links else description,
    )


def _tile_values(view: PanelView) -> Iterator[Markup]:
    panel = view.panel
    if not view.lines:
        yield tag("span", "not answered" if view.failure else panel.no_value, class_="soft")
    for line in view.lines[:6]:
        beyond = _limit_beyond(view, line)
        colour = _colour(view, line)
        value = format_value(line.series.last, panel.unit, panel.decimals)
        yield tag("div", value, class_=f"value {colour}")
        if beyond:
            yield tag("span", f"beyond the limit of {beyond}", class_=f"{colour} small")
        below = f"{line.name} {_range(panel, line)}".strip()
        if below:
            yield tag("span", below, class_="soft small")


def _colour(view: PanelView, line: Line) -> Colour:
    """Return the colour of a number, as on the board: its alerts', else the panel's own."""
    limits = [limit for limit in view.limits if limit.query == line.query]
    return colour_at(judged(view.panel, limits), line.series.last)


def _limit_beyond(view: PanelView, line: Line) -> str | None:
    """Return the first alert beyond whose limit a line ends."""
    for limit in view.limits:
        if limit.query == line.query and COMPARE[limit.compare](line.series.last, limit.value):
            return limit.alert
    return None


def _range(panel: Panel, line: Line) -> str:
    points = line.series.points
    if len(points) < 2:
        return ""
    values = [point.value for point in points]
    low, high = (
        format_value(one, panel.unit, panel.decimals) for one in (min(values), max(values))
    )
    return f"{low} to {high} in the window"
