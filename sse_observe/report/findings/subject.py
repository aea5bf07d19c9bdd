"""The subject of a report: the tuned catalogue, the window, and what narrows them."""

from dataclasses import dataclass, replace
from difflib import get_close_matches

from sse_observe.catalog.model import Alert, Board, Catalog
from sse_observe.catalog.nearest import did_you_mean
from sse_observe.errors import ReportError
from sse_observe.render.settings import Settings
from sse_observe.report.query.builder import QueryBuilder
from sse_observe.report.query.evaluation import Evaluation
from sse_observe.report.query.source import Source
from sse_observe.report.window import Window

ROUTES = "count by (route) (last_over_time(route:sse_streams_open:sum[<< range >>]))"
_RAW = "count(last_over_time(sse_build_info[<< range >>]))"


@dataclass(frozen=True, slots=True)
class Subject:
    """All routes and alerts of a catalogue in a window, or one of them."""

    catalog: Catalog
    settings: Settings
    evaluation: Evaluation
    window: Window
    route: str | None = None
    alert: Alert | None = None

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts of the catalogue, or the one."""
        return self.catalog.alerts if self.alert is None else (self.alert,)

    @property
    def boards(self) -> tuple[Board, ...]:
        """The boards of the catalogue, or that of the one alert."""
        boards = self.catalog.boards
        if self.alert is None:
            return boards
        return tuple(board for board in boards if board.name == self.alert.dashboard)

    def builder(self, window: Window) -> QueryBuilder:
        """Return what builds queries for a window, this one's or another."""
        intervals = self.evaluation.intervals
        return QueryBuilder(self.catalog, self.settings, intervals, window, self.route)


def find_alert(catalog: Catalog, name: str) -> Alert:
    """Return an alert by its name in any case of letters; ReportError names the nearest."""
    names = {alert.name.lower(): alert for alert in catalog.alerts}
    if name.lower() in names:
        return names[name.lower()]
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.4)
    remedy = f"did you mean {names[near[0]].name}?" if near else "`sse-observe runbook` lists them"
    raise ReportError(f"--alert {name}: no such alert; {remedy}")


def find_routes(source: Source, subject: Subject) -> tuple[str, ...]:
    """Return the routes of the window; ReportError where there is nothing to report on."""
    everywhere = replace(subject, route=None).builder(subject.window)
    answer = source.at(everywhere.build(ROUTES), subject.window.end)
    routes = tuple(sorted({series.labels.get("route", "") for series in answer.series}))
    if not routes:
        if source.at(everywhere.build(_RAW), subject.window.end).series:
            raise ReportError(
                f"{source.url}: has metrics of sse-observe, but no recorded signals in this "
                "window; load the rules that `sse-observe render` writes"
            )
        raise ReportError(
            f"{source.url}: has no metrics of sse-observe in this window; "
            "does this Prometheus scrape the service, and is --since long enough?"
        )
    if subject.route is not None and subject.route not in routes:
        remedy = did_you_mean(subject.route, routes, f"there are {', '.join(routes[:5])}")
        raise ReportError(f"--route {subject.route}: no streams in this window; {remedy}")
    return routes
