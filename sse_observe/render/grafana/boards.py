"""
Dashboard files; the only module that knows grafanalib.

grafanalib gives the frame (dashboard, variables, links, targets, grid). Its panel classes write
the options of Grafana 6 to 9 (string "null" thresholds, gauges without options, the Angular
heatmap). So panels get their options from `visual`, and the last pass drops the unset keys.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from grafanalib import core
from grafanalib._gen import DashboardEncoder

from sse_observe.catalog.durations import duration
from sse_observe.catalog.model import Board, Catalog, Panel, Row
from sse_observe.render.banner import banner
from sse_observe.render.grafana.annotations import annotations
from sse_observe.render.grafana.fields import JSON
from sse_observe.render.grafana.visual import visual
from sse_observe.render.grafana.vocabulary import FORMATS, VARIABLES, ref_id
from sse_observe.render.limits import Limit, limits_of
from sse_observe.render.queries import Scope
from sse_observe.render.settings import Settings

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG = "sse-observe"
# The schema of Grafana 11.0; later migrations change nothing of what is written here.
SCHEMA_VERSION = 39
PLUGIN_VERSION = "11.0.0"
GRID_WIDTH = 24
# grafanalib writes these; Grafana dropped them long ago, or never had them.
_NO_DASHBOARD_KEYS = (
    *("__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style"),
)
_NO_VARIABLE_KEYS = (*("useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count"),)
_NO_PANEL_KEYS = (
    *("cacheTimeout", "editable", "error", "height", "hideTimeOverride", "maxDataPoints"),
    *("minSpan", "repeatDirection", "maxPerRow", "span", "timeFrom", "timeShift"),
)


def panel_id(board: str, title: str) -> int:
    """Return an id that depends on the title alone: links to a panel keep working."""
    return zlib.crc32(f"{board}/{title}".encode()) % 1_000_000


def render_boards(catalog: Catalog, settings: Settings) -> dict[str, str]:
    """
    Return the text of each dashboard file, by its path in the bundle.

    The catalogue is a tuned one: its thresholds are numbers.
    """
    dashboards = _Dashboards(catalog, settings)
    return {f"dashboards/{board.name}.json": dashboards.text(board) for board in catalog.boards}


class _Place(NamedTuple):
    """A panel and its upper left corner on the grid."""

    panel: Panel
    x: int
    y: int


class _Dashboards:
    """Writes the boards of one catalogue under one user's settings."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self.catalog = catalog
        self.settings = settings
        self.scope = Scope(catalog.signals, settings, VARIABLES)

    def text(self, board: Board) -> str:
        source = f"sse_observe/catalog/dashboards/{board.name.replace('-', '_')}.py"
        dashboard = core.Dashboard(
            title=board.title,
            uid=board.uid,
            description=f"{board.question}\n\n{banner(source)}",
            tags=[TAG, "sse"],
            schemaVersion=SCHEMA_VERSION,
            version=1,
            editable=False,
            graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
            refresh="30s",
            time=core.Time("now-3h", "now"),
            timezone="browser",
            links=[
                core.DashboardLink(
                    title="SSE boards",
                    tags=[TAG],
                    asDropdown=False,
                    includeVars=True,
                    keepTime=True,
                ),
            ],
            templating=core.Templating(list=list(self._variables())),
            annotations=core.Annotations(
                list=annotations(self.scope, DATASOURCE, self.settings.rule_seconds)
            ),
            panels=list(self._grid(board)),
        )
        written = dashboard.to_json_data()
        for key in _NO_DASHBOARD_KEYS:
            del written[key]
        written |= {"fiscalYearStartMonth": 0, "timepicker": {}, "weekStart": ""}
        plain = json.loads(json.dumps(written, cls=DashboardEncoder), object_hook=_pruned)
        text = json.dumps(plain, sort_keys=True, ensure_ascii=False)
        # Ten times as fast as the `indent` of json.
        return msgspec.json.format(text, indent=2) + "\n"

    def _names(self) -> tuple[str, ...]:
        """Return the variables of every row, in their order; `instance` serves one row alone."""
        return ("datasource", "job", *self.settings.group_by, "route")

    def _variables(self) -> Iterator[JSON]:
        yield {
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "regex": "",
            "refresh": 1,
            "hide": 0,
            "includeAll": False,
            "multi": False,
            "options": [],
        }
        recorded = "route:sse_streams_open:sum"
        narrowed: list[str] = []
        for label in (*self._names()[1:], "instance"):
            series = "sse_concurrent_streams" if label == "instance" else recorded
            matchers = ", ".join(narrowed)
            query = f"label_values({series}{f'{{{matchers}}}' if matchers else ''}, {label})"
            yield self._variable(label, self.scope.select(query))
            narrowed.append(f'{label}=~"${label}"')

    def _variable(self, label: str, query: str) -> JSON:
        template = core.Template(
            name=label,
            label=label.replace("_", " ").capitalize(),
            dataSource=DATASOURCE,
            query=query,
            # Raw series of a whole fleet would take seconds: the reader chooses instances.
            includeAll=label != "instance",
            multi=True,
            allValue=".+",
            refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
            sort=core.SORT_ALPHA_ASC,
            regex="",
        ).to_json_data()
        template |= {"current": {"text": ["All"], "value": ["$__all"]}, "definition": query}
        if label == "instance":
            template |= {"current": None, "description": "Serves the row “Per instance” alone."}
        for key in _NO_VARIABLE_KEYS:
            del template[key]
        return dict(template)

    def _grid(self, board: Board) -> Iterator[JSON]:
        """Lay rows from top to bottom."""
        top = 0
        for row in board.rows:
            header = 1 if row.title else 0
            places = _places(row, top + header)
            panels = [self._panel(board, place) for place in places]
            if header:
                yield _header(board, row, top, panels if row.collapsed else [])
            if row.collapsed:
                # Its panels take no space until it is opened.
                top += header
                continue
            yield from panels
            top = max(place.y + place.panel.height for place in places)

    def _panel(self, board: Board, place: _Place) -> JSON:
        panel = place.panel
        limits = limits_of(panel, self.catalog.alerts)
        drawn = visual(panel, limits, board.uid, self._names())
        frame = core.Panel(
            title=panel.title,
            id=panel_id(board.name, panel.title),
            description=self._description(panel, limits),
            dataSource=DATASOURCE,
            gridPos=core.GridPos(h=panel.height, w=panel.width, x=place.x, y=place.y),
            links=[
                {
                    "title": f"Runbook: {name}",
                    "url": self.settings.runbook(name),
                    "targetBlank": True,
                }
                for name in _alerts_of(limits)
            ],
            targets=[self._target(panel, number) for number in range(len(panel.queries))],
            transformations=drawn.get("transformations", []),
            transparent=False,
        )
        plain = frame.panel_json({})
        for key in _NO_PANEL_KEYS:
            del plain[key]
        # Signals change once per evaluation: finer steps would only repeat them. Raw series cost at
        # each step: a rate needs four scrapes anyway.
        step = self.settings.rule_seconds
        if any(query.by_instance for query in panel.queries):
            step = 4 * self.settings.scrape_seconds
        return {
            **plain,
            "type": drawn["type"],
            "fieldConfig": drawn["fieldConfig"],
            "options": drawn["options"],
            "pluginVersion": PLUGIN_VERSION,
            "interval": duration(step),
        }

    def _target(self, panel: Panel, number: int) -> JSON:
        query = panel.queries[number]
        target = core.Target(
            expr=self.scope.narrow(query.expr),
            format=FORMATS.get(panel.kind, "time_series"),
            instant=query.instant,
            legendFormat=query.legend or "__auto",
            refId=ref_id(number),
            datasource=DATASOURCE,
        ).to_json_data()
        keep = ("datasource", "expr", "format", "instant", "legendFormat", "refId")
        more = {"editorMode": "code", "range": not query.instant, "exemplar": query.exemplar}
        return {**{key: target[key] for key in keep}, **more}

    def _description(self, panel: Panel, limits: Iterable[Limit]) -> str:
        names = _alerts_of(limits)
        links = ", ".join(f"[{name}]({self.settings.runbook(name)})" for name in names)
        return f"{panel.description}\n\nAlert: {links}" if names else panel.description


def _pruned(node: JSON) -> JSON:
    """Drop nulls: grafanalib writes them for unset keys, Grafana's schema has none."""
    # Only the null of the base threshold has a meaning: from minus infinity on.
    base = node.keys() == {"color", "value"}
    return {key: value for key, value in node.items() if value is not None or base}


def _header(board: Board, row: Row, top: int, panels: list[JSON]) -> JSON:
    """Return the line above a row; a collapsed one holds its panels."""
    header = core.RowPanel(
        title=row.title,
        collapsed=row.collapsed,
        gridPos=core.GridPos(h=1, w=GRID_WIDTH, x=0, y=top),
        id=panel_id(board.name, f"row {row.title}"),
    ).to_json_data()
    keep = ("collapsed", "gridPos", "id", "title", "type")
    return {**{key: header[key] for key in keep}, "panels": panels}


def _places(row: Row, top: int) -> list[_Place]:
    """Lay the panels of a row from left to right; what overflows wraps."""
    places: list[_Place] = []
    left, tallest = 0, 0
    for panel in row.panels:
        if left + panel.width > GRID_WIDTH:
            left, top, tallest = 0, top + tallest, 0
        places.append(_Place(panel, left, top))
        left, tallest = left + panel.width, max(tallest, panel.height)
    return places


def _alerts_of(limits: Iterable[Limit]) -> list[str]:
    return list(dict.fromkeys(limit.alert for limit in limits))
