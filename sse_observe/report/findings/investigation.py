"""Investigation of an incident: one source is asked in two rounds, and the answers are compared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sse_observe.catalog.dashboards.marks import STARTED
from sse_observe.render.runbooks import runbooks
from sse_observe.report.findings import (
    causes,
    episodes,
    impact,
    panels,
    process_starts,
    shares,
    slo,
    worst_minutes,
)
from sse_observe.report.findings.causes import CauseQueries
from sse_observe.report.findings.episodes import Episode, StateQueries
from sse_observe.report.findings.impact import Impact
from sse_observe.report.findings.incident import Incident
from sse_observe.report.findings.limit_distance import (
    PLACE_LABELS,
    LimitDistance,
    WatchedSignal,
    watched_signals,
)
from sse_observe.report.findings.panels import PanelQueries
from sse_observe.report.findings.slo import SLOQueries
from sse_observe.report.findings.subject import Subject, find_routes
from sse_observe.report.findings.worst_minutes import WorstMinute
from sse_observe.report.query.batch import BatchRunner, NamedQuery
from sse_observe.report.query.source import Source
from sse_observe.report.window import Window

# The shares of a comparison are counted over this long at least: a rate looks back 5m anyway.
_SHORTEST_COMPARISON = 300.0


@dataclass(frozen=True, slots=True)
class _FirstRound:
    """Everything that can be asked before it is known what fired."""

    causes: CauseQueries
    states: StateQueries
    slo: SLOQueries
    watched: tuple[WatchedSignal, ...]
    starts: NamedQuery
    panels: PanelQueries

    def __iter__(self) -> Iterator[NamedQuery]:
        yield from self.causes
        yield from self.states
        yield from self.slo
        yield from (signal.query for signal in self.watched)
        yield self.starts
        yield from self.panels.values()


def investigate(
    source: Source, subject: Subject, on_progress: Callable[[int, int], None] = lambda _, __: None
) -> Incident:
    """
    Ask everything; `on_progress` is called with how many of how many queries were answered.

    ReportError where the source cannot be asked at all, or has nothing of ours.
    """
    routes = find_routes(source, subject)
    window, objectives = subject.window, subject.settings.objectives
    limits = shares.limits(subject.alerts, subject.catalog.signals)
    first = _first_round(subject)
    total = len(tuple(first)) + _most_of_the_second_round(limits)
    runner = BatchRunner(source, lambda done: on_progress(done, total))

    answers = runner.run(first)
    states, since = (answers[query] for query in first.states)
    found = episodes.episodes(
        states, since, subject.alerts, window, evaluated_until=subject.evaluation.until
    )
    distances = [
        distance for one in first.watched for distance in one.distances(answers[one.query])
    ]

    compared_over = _comparison(found, subject)
    evidence = [
        *_evidence_of_signals(distances, compared_over, routes, subject),
        *_evidence_of_shares(runner, compared_over, limits, subject),
    ]
    worst = _refined(runner, worst_minutes.worst_minutes(distances, window), first.watched, subject)
    on_progress(total, total)
    return Incident(
        source=source.url,
        window=window,
        compared_over=compared_over,
        route=subject.route,
        alert=subject.alert.name if subject.alert else None,
        causes=causes.causes(first.causes, answers),
        episodes=found,
        slo=slo.compliance(first.slo, answers, objectives.completion),
        objective=objectives.completion,
        budget_window=objectives.window,
        impacts=impact.ranked(evidence, found),
        worst_minutes=worst,
        process_starts=process_starts.process_starts(answers[first.starts], window, found),
        boards=tuple(
            panels.board_views(
                subject.boards, subject.catalog.alerts, first.panels, answers, runner.failures
            )
        ),
        runbooks=_runbooks(found, subject),
        failures=tuple(runner.failures),
        asked=runner.asked,
    )


def _first_round(subject: Subject) -> _FirstRound:
    window, alerts = subject.window, subject.alerts
    builder = subject.builder(window)
    return _FirstRound(
        causes=causes.queries(builder, window.end),
        states=episodes.queries(alerts, window, subject.route),
        slo=slo.queries(builder, window),
        watched=watched_signals(subject.catalog, subject.settings, builder, window, alerts),
        starts=NamedQuery(process_starts.NAME, builder.build(STARTED), window),
        panels=panels.queries(subject.boards, builder, window),
    )


def _most_of_the_second_round(limits: Mapping[str, float]) -> int:
    """Return how many queries it has at most: two for each share, one for each worst minute."""
    counted = sum(len(share.labels) for share in shares.SHARES if share.alert in limits)
    return 2 * counted + worst_minutes.MOST_MINUTES


def _comparison(found: Iterable[Episode], subject: Subject) -> Window:
    """Return the time in which places are compared: while alerts fired, else the whole window."""
    window, settings = subject.window, subject.settings
    start, end = episodes.firing_span(found, window)
    least = min(window.seconds, _SHORTEST_COMPARISON / settings.time_scale)
    start = max(window.start, min(start, end - least))
    return Window.fitting(start, end, subject.evaluation.intervals.usual)


def _evidence_of_signals(
    distances: Iterable[LimitDistance], over: Window, routes: tuple[str, ...], subject: Subject
) -> Iterator[Impact]:
    within = (near for one in distances if (near := one.within(over)) is not None)
    labels = (*PLACE_LABELS, *subject.settings.group_by)
    return impact.from_signals(within, labels, {"route": routes})


def _evidence_of_shares(
    runner: BatchRunner, over: Window, limits: Mapping[str, float], subject: Subject
) -> Iterator[Impact]:
    asked = shares.asked_shares(subject.builder(over), over.end, limits)
    answers = runner.run(query for one in asked for query in (one.bad, one.others))
    return shares.from_shares(asked, answers)


def _refined(
    runner: BatchRunner,
    worst: tuple[WorstMinute, ...],
    watched: Iterable[WatchedSignal],
    subject: Subject,
) -> tuple[WorstMinute, ...]:
    """Find the minute within each worst point: points of a long window are wider than that."""
    window = subject.window
    finest = max(60.0 / subject.settings.time_scale, subject.evaluation.intervals.usual)
    if window.step <= finest:
        return worst
    by_alert = {signal.alert.name: signal for signal in watched}
    signals = [by_alert[minute.distance.alert.name] for minute in worst]
    asked = [
        signal.over(
            Window(minute.at - window.step, min(minute.at + window.step, window.end), finest)
        )
        for minute, signal in zip(worst, signals, strict=True)
    ]
    answers = runner.run(asked)
    return tuple(
        worst_minutes.refine(minute, signal.distances(answers[query]))
        for minute, signal, query in zip(worst, signals, asked, strict=True)
    )


def _runbooks(found: Iterable[Episode], subject: Subject) -> dict[str, str]:
    """Return the runbooks of what fired, and of the one alert that was asked about."""
    texts = runbooks(subject.catalog, subject.settings)
    names = [one.alert for one in found if one.fired]
    if subject.alert:
        names.append(subject.alert.name)
    return {name: texts[f"runbooks/{name}.md"] for name in dict.fromkeys(names)}
