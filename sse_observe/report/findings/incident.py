"""Everything that is known about an incident, asked of one source in two rounds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from sse_observe.catalog.dashboards.marks import STARTED
from sse_observe.catalog.model import Alert, Catalog
from sse_observe.errors import ReportError
from sse_observe.render.runbooks import runbooks
from sse_observe.render.settings import Settings
from sse_observe.report.findings import episodes, impact, limit_distance, panels, slo, worst_minutes
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.impact import Suspect
from sse_observe.report.findings.limit_distance import SPLIT
from sse_observe.report.findings.panels import BoardView
from sse_observe.report.findings.slo import Promise
from sse_observe.report.findings.worst_minutes import Moment, Start
from sse_observe.report.query.batch import Failure, Question, Survey
from sse_observe.report.query.builder import Wording
from sse_observe.report.query.source import Source
from sse_observe.report.query.window import Window, window

_ROUTES = "count by (route) (last_over_time(route:sse_streams_open:sum[<< range >>]))"
_RAW = "count(last_over_time(sse_build_info[<< range >>]))"
# The shares of a comparison are counted over this long at least: a rate looks back 5m anyway.
_SHORTEST_SPAN = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    What a report tells, in the order of its pages.

    `span` is the time in which places were compared. `runbooks` are Markdown by alert.
    `failures` are what could not be asked, or only in part.
    """

    source: str
    window: Window
    span: Window
    route: str | None
    alert: str | None
    episodes: tuple[Episode, ...]
    promises: tuple[Promise, ...]
    objective: float
    budget_window: str
    suspects: Mapping[str, tuple[Suspect, ...]]
    worst: tuple[Moment, ...]
    starts: tuple[Start, ...]
    boards: tuple[BoardView, ...]
    runbooks: Mapping[str, str]
    failures: tuple[Failure, ...]
    asked: int

    @property
    def fired(self) -> tuple[Episode, ...]:
        """The episodes that got beyond pending, the worst first."""
        return tuple(one for one in self.episodes if one.fired)

    def doubts(self, about: str) -> bool:
        """Whether a question of this name, or this beginning of it, got less than an answer."""
        return any(failure.name.startswith(about) for failure in self.failures)


@dataclass(frozen=True, slots=True)
class Scene:
    """
    What is asked about: the tuned catalogue, the window, and what narrows them.

    `recorded` is until when the rules are known to have been evaluated.
    """

    catalog: Catalog
    settings: Settings
    window: Window
    route: str | None = None
    alert: str | None = None
    recorded: float = math.inf

    def alerts(self) -> tuple[Alert, ...]:
        """Return the alerts of the catalogue, or the one; ReportError names the nearest."""
        names = {alert.name.lower(): alert for alert in self.catalog.alerts}
        if self.alert is None:
            return self.catalog.alerts
        if self.alert.lower() not in names:
            near = get_close_matches(self.alert.lower(), names, n=1, cutoff=0.4)
            remedy = (
                f"did you mean {names[near[0]].name}?"
                if near
                else "`sse-observe runbook` lists them"
            )
            raise ReportError(f"--alert {self.alert}: no such alert; {remedy}")
        return (names[self.alert.lower()],)

    def wording(self, window: Window | None = None) -> Wording:
        """Word queries for this window, or another."""
        return Wording(self.catalog, self.settings, window or self.window, self.route)


def investigate(
    source: Source, scene: Scene, told: Callable[[int, int], None] = lambda _, __: None
) -> Incident:
    """
    Ask everything; `told` is called with how many of how many queries were answered.

    ReportError where the source cannot be asked at all, or has nothing of ours.
    """
    alerts = scene.alerts()
    routes = _routes(source, scene)
    wording = scene.wording()
    at = scene.window
    states = episodes.questions(alerts, at, scene.route)
    promised = slo.questions(wording, at)
    watches = limit_distance.watches(scene.catalog, scene.settings, wording, at, alerts)
    started = Question("Starts", wording.of(STARTED), at)
    panelled = panels.questions(_narrowed(scene, alerts), wording, at)
    first = [
        *states,
        *promised.values(),
        *(watch.question for watch in watches),
        started,
        *panelled.values(),
    ]
    signals = {signal.record: signal for signal in scene.catalog.signals}
    limits = impact.limits(alerts, signals)
    second = len(impact.questions(wording, at.end, limits)) * 2 + worst_minutes.MOST_MOMENTS
    survey = Survey(source, lambda count: told(count, len(first) + second))
    answers = survey.ask(first)

    fired = episodes.episodes(answers[states[0]], answers[states[1]], alerts, at, scene.recorded)
    found = [one for watch in watches for one in watch.found(answers[watch.question])]
    span = _span(fired, scene)
    shares = impact.questions(scene.wording(span), span.end, limits)
    compared = survey.ask([question for pair in shares.values() for question in pair])
    labels = (*SPLIT, *scene.settings.group_by)
    within = [one for place in found if (one := place.within(span)) is not None]
    evidence = [
        *impact.from_signals(within, labels, {"route": routes}),
        *impact.from_shares(shares, compared, limits),
    ]
    failed = {failure.name: failure.reason for failure in survey.failures}
    narrowed = _narrowed(scene, alerts)
    worst = _zoomed(survey, worst_minutes.worst(found, at), watches, scene)
    told(len(first) + second, len(first) + second)
    books = runbooks(scene.catalog, scene.settings)
    opened = dict.fromkeys(
        [*(one.alert for one in fired if one.fired), *([alerts[0].name] if scene.alert else [])]
    )
    return Incident(
        source=source.url,
        window=at,
        span=span,
        route=scene.route,
        alert=alerts[0].name if scene.alert else None,
        episodes=fired,
        promises=slo.promises(promised, answers, scene.settings.objectives.completion),
        objective=scene.settings.objectives.completion,
        budget_window=scene.settings.objectives.window,
        suspects=impact.ranked(evidence, fired),
        worst=worst,
        starts=worst_minutes.starts(answers[started], at, fired),
        boards=tuple(panels.views(narrowed, panelled, answers, failed)),
        runbooks={name: books[f"runbooks/{name}.md"] for name in opened},
        failures=tuple(survey.failures),
        asked=survey.asked,
    )


def _routes(source: Source, scene: Scene) -> tuple[str, ...]:
    """Return the routes of the window; ReportError where there is nothing to report on."""
    everywhere = Wording(scene.catalog, scene.settings, scene.window)
    answer = source.at(everywhere.of(_ROUTES), scene.window.end)
    routes = tuple(sorted({series.labels.get("route", "") for series in answer.series}))
    if not routes:
        raw = source.at(everywhere.of(_RAW), scene.window.end)
        if raw.series:
            raise ReportError(
                f"{source.url}: metrics of sse-observe, but no recorded signals in this window; "
                "load the rules that `sse-observe render` writes"
            )
        raise ReportError(
            f"{source.url}: no metrics of sse-observe in this window; "
            "does this Prometheus scrape the service, and is --since long enough?"
        )
    if scene.route is not None and scene.route not in routes:
        near = get_close_matches(scene.route, routes, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(routes[:5])}"
        raise ReportError(f"--route {scene.route}: no streams in this window; {remedy}")
    return routes


def _narrowed(scene: Scene, alerts: tuple[Alert, ...]) -> Catalog:
    """Return the catalogue with the one board that an alert names, where one is asked for."""
    if scene.alert is None:
        return scene.catalog
    boards = tuple(one for one in scene.catalog.boards if one.name == alerts[0].dashboard)
    return Catalog(signals=scene.catalog.signals, boards=boards, alerts=scene.catalog.alerts)


def _span(episodes: tuple[Episode, ...], scene: Scene) -> Window:
    start, end = worst_minutes.span(episodes, scene.window)
    least = min(scene.window.seconds, _SHORTEST_SPAN / scene.settings.time_scale)
    start = max(scene.window.start, min(start, end - least))
    return window(start, end, scene.settings.rule_seconds)


def _zoomed(
    survey: Survey,
    worst: tuple[Moment, ...],
    watches: tuple[limit_distance.Watch, ...],
    scene: Scene,
) -> tuple[Moment, ...]:
    """Find the minute within each worst point: points of a long window are wider than that."""
    finest = max(60.0 / scene.settings.time_scale, scene.settings.rule_seconds)
    by_alert = {watch.alert.name: watch for watch in watches}
    asked: dict[int, Question] = {}
    for number, moment in enumerate(worst):
        if moment.seconds > finest:
            end = min(moment.at + moment.seconds, scene.window.end)
            near = Window(moment.at - moment.seconds, end, finest)
            asked[number] = by_alert[moment.excess.alert.name].over(near)
    answers = survey.ask(list(asked.values()))
    return tuple(
        worst_minutes.within(
            moment, by_alert[moment.excess.alert.name].found(answers[asked[number]])
        )
        if number in asked
        else moment
        for number, moment in enumerate(worst)
    )
