"""
Boards as Grafana reads them; the only module that knows grafanalib.

grafanalib gives the frame (dashboard, variables, links, targets, grid). Its panel classes write
the options of Grafana 6 to 9 (string "null" thresholds, gauges without options, the Angular
heatmap), so panels take theirs from `visuals`, and one pass at the end drops what it adds unasked.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from sse_observe.catalog.dashboards.phrases import BEGAN, STARTED
from sse_observe.catalog.durations import duration
from sse_observe.catalog.model import Board, Catalog, Panel, Query, Row
from sse_observe.render.banner import banner
from sse_observe.render.queries import Scope, limits_of
from sse_observe.render.settings import Settings
from sse_observe.render.visuals import COLOURS, JSON, Limit, ref_id, visual

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG = "sse-observe"
# Grafana 11.0's own schema: later migrations change nothing in what is written here.
SCHEMA_VERSION = 39
PLUGIN_VERSION = "11.0.0"
GRID_WIDTH = 24
# What grafanalib writes and Grafana dropped long ago, or never had.
_NO_DASHBOARD_KEYS = (
    *("__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style"),
)
_NO_VARIABLE_KEYS = (*("useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count"),)
_NO_PANEL_KEYS = (
    *("cacheTimeout", "editable", "error", "height", "hideTimeOverride", "maxDataPoints"),
    *("minSpan", "repeatDirection", "maxPerRow", "span", "timeFrom", "timeShift"),
)


def panel_id(board: str, title: str) -> int:
    """Return an id that stays when neighbours come and go: links to a panel keep working."""
    return zlib.crc32(f"{board}/{title}".encode()) % 1_000_000


def render_boards(catalog: Catalog, settings: Settings) -> dict[str, str]:
    """
    Return the text of each dashboard file, by its path in the bundle.

    The catalogue is a tuned one: its thresholds are numbers.
    """
    easel = _Easel(catalog, settings)
    return {f"dashboards/{board.name}.json": easel.draw(board) for board in catalog.boards}


class _Easel:
    """Draws the boards of one catalogue under one user's settings."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self.catalog = catalog
        self.settings = settings
        self.scope = Scope(catalog.signals, settings)

    def draw(self, board: Board) -> str:
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
            annotations=core.Annotations(list=self._annotations()),
            panels=list(self._grid(board)),
        )
        plain = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
        for key in _NO_DASHBOARD_KEYS:
            del plain[key]
        plain |= {"fiscalYearStartMonth": 0, "timepicker": {}, "weekStart": ""}
        return json.dumps(_pruned(plain), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

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
            yield self._variable(label, query)
            narrowed.append(f'{label}=~"${label}"')

    def _variable(self, label: str, query: str) -> JSON:
        template = core.Template(
            name=label,
            label=label.replace("_", " ").capitalize(),
            dataSource=DATASOURCE,
            query=query,
            # Raw series of a whole fleet would cost seconds: the reader chooses instances.
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

    def _annotations(self) -> list[JSON]:
        def marks(name: str, colour: str, expr: str, **more: Any) -> JSON:
            query = self.scope.narrow(expr, by_instance=False)
            facts = {"name": name, "iconColor": colour, "expr": query, **more}
            # Early releases of Grafana 11 read the query from the mark, later ones from its target.
            facts["target"] = {"expr": query, "interval": more["step"], "refId": "Anno"}
            return {"datasource": DATASOURCE, "enable": True, "hide": False, **facts}

        return [
            {
                "builtIn": 1,
                "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                "enable": True,
                "hide": True,
                "iconColor": "rgba(0, 211, 255, 1)",
                "name": "Annotations & Alerts",
                "type": "dashboard",
            },
            marks(
                "Firing alerts",
                COLOURS["bad"],
                BEGAN,
                titleFormat="{{alertname}}",
                textFormat="{{severity}}",
                tagKeys="severity",
                step=duration(self.settings.rule_seconds),
            ),
            marks(
                "Restarts",
                COLOURS["calm"],
                f"1000 * {STARTED}",
                titleFormat="{{job}} started",
                textFormat="A process of this job started.",
                tagKeys="job",
                step="60s",
                useValueForTime=True,
            ),
        ]

    def _grid(self, board: Board) -> Iterator[JSON]:
        """Lay rows from top to bottom and panels from left to right; what overflows wraps."""
        top = 0
        for row in board.rows:
            if row.title:
                header = core.RowPanel(
                    title=row.title,
                    collapsed=row.collapsed,
                    gridPos=core.GridPos(h=1, w=GRID_WIDTH, x=0, y=top),
                    id=panel_id(board.name, f"row {row.title}"),
                ).to_json_data()
                top += 1
                places, bottom = _places(row, top)
                panels = [self._panel(board, *place) for place in places]
                slim = {key: header[key] for key in ("collapsed", "gridPos", "id", "title", "type")}
                yield {**slim, "panels": panels if row.collapsed else []}
                if row.collapsed:
                    continue
            else:
                places, bottom = _places(row, top)
                panels = [self._panel(board, *place) for place in places]
            yield from panels
            top = bottom

    def _panel(self, board: Board, panel: Panel, x: int, y: int) -> JSON:
        limits = limits_of(panel, self.catalog.alerts)
        drawn = visual(panel, limits, board.uid, self._names())
        frame = core.Panel(
            title=panel.title,
            id=panel_id(board.name, panel.title),
            description=self._description(panel, limits),
            dataSource=DATASOURCE,
            gridPos=core.GridPos(h=panel.height, w=panel.width, x=x, y=y),
            links=[
                {
                    "title": f"Runbook: {name}",
                    "url": self.settings.runbook(name),
                    "targetBlank": True,
                }
                for name in _alerts_of(limits)
            ],
            targets=[self._target(query, i) for i, query in enumerate(panel.queries)],
            transformations=drawn.get("transformations", []),
            transparent=False,
        )
        plain = frame.panel_json({})
        for key in _NO_PANEL_KEYS:
            del plain[key]
        # Signals change once per evaluation: finer steps would only repeat them. Over raw series of
        # a whole fleet each step costs: four scrapes are the least that a rate needs anyway.
        step = self.settings.rule_seconds
        if any("$instance" in target["expr"] for target in plain["targets"]):
            step = 4 * self.settings.scrape_seconds
        return {
            **plain,
            "type": drawn["type"],
            "fieldConfig": drawn["fieldConfig"],
            "options": drawn["options"],
            "pluginVersion": PLUGIN_VERSION,
            "interval": duration(step),
        }

    def _target(self, query: Query, index: int) -> JSON:
        target = core.Target(
            expr=self.scope.narrow(query.expr),
            format=query.format,
            instant=query.instant,
            legendFormat=query.legend or "__auto",
            refId=ref_id(index),
            datasource=DATASOURCE,
        ).to_json_data()
        keep = ("datasource", "expr", "format", "instant", "legendFormat", "refId")
        more = {"editorMode": "code", "range": not query.instant, "exemplar": query.exemplar}
        return {**{key: target[key] for key in keep}, **more}

    def _description(self, panel: Panel, limits: Iterable[Limit]) -> str:
        names = _alerts_of(limits)
        links = ", ".join(f"[{name}]({self.settings.runbook(name)})" for name in names)
        return f"{panel.description}\n\nAlert: {links}" if names else panel.description


def _pruned(node: Any) -> Any:
    """Drop what is unset: grafanalib writes a null for it, Grafana's schema knows none."""
    if isinstance(node, list):
        return [_pruned(item) for item in node]
    if isinstance(node, dict):
        # The base threshold alone is a null that means something: from minus infinity on.
        base = node.keys() == {"color", "value"}
        return {k: _pruned(v) for k, v in node.items() if v is not None or base}
    return node


def _places(row: Row, top: int) -> tuple[list[tuple[Panel, int, int]], int]:
    """Return each panel of a row with its corner, and where the next row starts."""
    places: list[tuple[Panel, int, int]] = []
    left, tallest = 0, 0
    for panel in row.panels:
        if left + panel.width > GRID_WIDTH:
            left, top, tallest = 0, top + tallest, 0
        places.append((panel, left, top))
        left, tallest = left + panel.width, max(tallest, panel.height)
    return places, top + tallest


def _alerts_of(limits: Iterable[Limit]) -> list[str]:
    return list(dict.fromkeys(limit.alert for limit in limits))
