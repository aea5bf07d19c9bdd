"""
Answers of a real Prometheus about the services, and the laws that they are held to.

A law holds for every signal, or for every signal of a kind; none knows an expression.
"""

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache

from sse_observe.catalog import promql
from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert, Signal
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.expressions import Expressions
from sse_observe.render.groups import Rules
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from tests.support.history import History, Points, growing, steady
from tests.support.schedule import Missed, nothing_missed, schedule
from tests.support.services import CASES, END, FAULT, Case, points


class Ruled:
    """The catalogue under some settings: signals, their expressions, alerts, rules."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = tune(load(), settings)
        expressions = Expressions(settings)
        self.signals = {signal.record: signal for signal in self.catalog.signals}
        self.recorded = {s.record: expressions.record(s) for s in self.catalog.signals}
        self.alerts = {alert.name: alert for alert in self.catalog.alerts}
        self.rules = Rules(self.catalog, settings)
        self.step = int(settings.rule_seconds)
        self.scrape = int(settings.scrape_seconds)

    @property
    def slack(self) -> int:
        """How much later an alert may resolve than under the default intervals."""
        return 3 * (self.step - 30) + 2 * (self.scrape - 15)


DEFAULT = Ruled(Settings())
CATALOG = DEFAULT.catalog
SIGNALS = DEFAULT.signals
RECORDED = DEFAULT.recorded
"""Each signal's expression under default settings."""
ALERTS = DEFAULT.alerts
RULES = DEFAULT.rules
PACES = schedule(RULES)
STEP = DEFAULT.step
HOUR = 3600
# It needs six hours of history, and has a proof of its own in time.
LATE = {"route:sse_streams_unexplained:min2h"}
# These do not double when every process has a twin: shares, means, and words.
ALIKE = ("ratio", "percent", "flag", "seconds")
ALIKE_NAMES = (":info", ":burn_rate1h", "storm:rate")
OUTCOMES = ("completed", "broken", "stopped", "cancelled", "confirmed")

Labels = frozenset[tuple[str, str]]
Series = Mapping[Labels, Mapping[float, float]]


@dataclass(frozen=True)
class World:
    """The evaluated history: what fired, by alert and job, and each recorded series."""

    history: History
    fired: Mapping[str, Mapping[str, list[float]]]
    recorded: Mapping[str, Series]
    ruled: Ruled


@cache
def undisturbed(prometheus: Prometheus) -> World:
    """Return what Prometheus makes of all services under default rules, when nothing fails."""
    return evaluated(prometheus)


def evaluated(
    prometheus: Prometheus, missed: Missed = nothing_missed, ruled: Ruled = DEFAULT
) -> World:
    """
    Push every service, replay the recordings, and evaluate every alert.

    Groups may miss evaluations; the group of the alerts is called so, too.
    """
    return judged(prometheus, CASES, missed, ruled)


def judged(
    prometheus: Prometheus,
    cases: Mapping[str, Case],
    missed: Missed = nothing_missed,
    ruled: Ruled = DEFAULT,
) -> World:
    """Do the same for services of one's own."""
    history = History(prometheus)
    for job, service in cases.items():
        for instance, series in service.series.items():
            shifted = {
                # A start is an instant, not a distance from the beginning.
                name: (
                    lambda at, value=value: None if value(at) is None else history.start + value(at)
                )
                if name[0] == "sse_start_time_seconds" or name[0].endswith("_timestamp_seconds")
                else value
                for name, value in series.items()
            }
            history.push(
                (
                    {"__name__": name, **dict(labels), "job": job, "instance": instance},
                    points(value, ruled.scrape),
                )
                for (name, labels), value in shifted.items()
            )
    paces = schedule(ruled.rules, missed)
    recorded = history.record(ruled.recorded.items(), END, paces=paces)
    unseen = {at for at in range(0, END + 1, ruled.step) if missed("alerts", at)}
    fired = {
        name: firings(history, alert, ruled=ruled, unseen=unseen)
        for name, alert in ruled.alerts.items()
    }
    answers = {name: nameless(series) for name, series in recorded.items()}
    return World(history, fired, answers, ruled)


def firings(
    history: History,
    alert: Alert,
    renamed: Mapping[str, str] | None = None,
    unseen: Container[float] = (),
    ruled: Ruled = DEFAULT,
) -> dict[str, list[float]]:
    """Return the instants at which an alert fires for each job; `renamed` signals stand in."""
    found: dict[str, list[float]] = {}
    for rule in ruled.rules.of(alert):
        expr = rename(rule.expr, renamed or {})
        answer = history.firing(expr, rule.hold_for, END, step=ruled.step, missed=unseen)
        for labels, instants in answer.items():
            if instants:
                found.setdefault(dict(labels).get("job", ""), []).extend(instants)
    return found


def rename(expr: str, renamed: Mapping[str, str]) -> str:
    """Put other series in the place of signals."""
    return promql.renamed(expr, lambda name: renamed.get(name, name))


def nameless(series: Series) -> Series:
    """Drop the names: what is recorded under another one is the same."""
    return {
        frozenset(pair for pair in labels if pair[0] != "__name__"): values
        for labels, values in series.items()
    }


def judge_service(job: str, fired: Mapping[str, Mapping[str, list[float]]], slack: int = 0) -> None:
    """Nothing is missed, nothing else fires, nothing before the fault or for too long."""
    raised = {alert: jobs[job] for alert, jobs in fired.items() if job in jobs}
    expected = CASES[job]

    assert set(raised) == expected.alerts, set(raised) ^ expected.alerts
    for alert, instants in raised.items():
        assert min(instants) >= FAULT
        assert max(instants) < expected.until.get(alert, math.inf) + slack


def judge_signal(record: str, series: Series, world: World) -> None:
    """Hold one signal to every law."""
    assert bool(series) == (record not in LATE)
    for labels, values in series.items():
        assert {name for name, _ in labels} == set(world.ruled.signals[record].labels)
        assert all(map(math.isfinite, values.values()))
    _judge_idle(record, series)
    _judge_steady(record, series, world)
    _judge_pair(series, world.ruled.signals[record])
    _judge_presence(record, series, world)
    if record == "route:sse_message_loss:increase15m":
        # Five on an old process and one on a new one: the larger number counts.
        [lost] = _of(series, "loss-of-old-and-young").values()
        assert beats(lost, world)[FAULT + 300] >= 5
    if record == "route:sse_streams_left_late:share1h":
        # Of 0.91 streams that leave each second since the fault, 0.8 had a gap before.
        [late] = _of(series, "left-after-a-gap").values()
        assert math.isclose(late[max(late)], 0.8 / 0.91, rel_tol=0.05)
    if record == "sse_stream_completion_rate":
        _judge_alias(series, world)


def _of(series: Series, job: str) -> dict[Labels, Mapping[float, float]]:
    return {
        frozenset(labels - {("job", job)}): values
        for labels, values in series.items()
        if ("job", job) in labels
    }


def _judge_idle(record: str, series: Series) -> None:
    """Where nothing happens there is no share of it: neither 0 nor 100 %."""
    if ":ratio_rate" in record and "coverage" not in record:
        assert not _of(series, "idle")
        assert not _of(series, "asleep")


def _judge_steady(record: str, series: Series, world: World) -> None:
    """A service that does the same all the time looks so over every window that is full."""
    # What is left of a budget looks back over its whole month.
    if record.endswith(("2h", "6h", "1d", "3d", "_left")):
        return
    # What a fault changes goes on evenly, and fills the short windows before the end; but for rates
    # of scrapes that fail.
    even = [job for job in CASES if "missed-scrapes" not in job]
    for job in even if record.endswith((":rate5m", ":rate2m", ":rate4m")) else ("healthy", "pair"):
        for labels, values in _of(series, job).items():
            late = [value for at, value in values.items() if at >= END - 900]
            near = 1e-6 * max(1, *map(abs, late), 0)
            near += _between_scrapes(record, job, labels, world)
            assert max(late, default=0) - min(late, default=0) <= near


def _between_scrapes(record: str, job: str, labels: Labels, world: World) -> float:
    """
    Return how much a rate of lost streams may jump although nothing changes.

    It takes the growth of open streams over five minutes. Where these are no whole number of
    scrapes, it sees the growth of one scrape more at times.
    """
    prefix, _, name = record.partition(":")
    if name != "sse_streams_lost:rate5m" or 300 % world.ruled.scrape == 0:
        return 0
    still = world.recorded[f"{prefix}:sse_streams_open:sum"][labels | {("job", job)}]
    late = [at for at in still if at > FAULT]
    if len(late) < 2:
        return 0
    first, last = min(late), max(late)
    growth = abs(still[last] - still[first]) / (last - first)
    # Both ends of the growth are known to a scrape, too.
    return growth * world.ruled.scrape / 300 * 1.05


def _judge_pair(series: Series, signal: Signal) -> None:
    """Twice the processes are twice as much, and the same share."""
    alike = signal.unit in ALIKE or any(name in signal.record for name in ALIKE_NAMES)
    factor = 1 if alike else 2
    twins = _of(series, "pair")
    for labels, values in _of(series, "healthy").items():
        last = max(values)
        assert last > END - 200
        assert math.isclose(twins[labels][last], factor * values[last], rel_tol=1e-6, abs_tol=1e-6)


def _judge_presence(record: str, series: Series, world: World) -> None:
    """A count that can be 0 is 0, not absent: a missing one would take the ratio with it."""
    prefix, _, name = record.partition(":")
    whole: Series = {}
    if name in {f"sse_streams_{outcome}:rate5m" for outcome in OUTCOMES}:
        whole = world.recorded[f"{prefix}:sse_streams_started:rate5m"]
    elif name == "sse_store_failed:ratio_rate5m":
        calls = world.recorded["route:sse_store_calls:rate5m"]
        whole = {labels: _above_zero(values) for labels, values in calls.items()}
    elif name == "sse_duplicates:ratio_rate15m":
        whole = {
            labels: _above_zero(values)
            for labels, values in world.recorded[
                "route:sse_client_events_received:increase15m"
            ].items()
        }
    if name.startswith("sse_streams_") and name.endswith(":rate5m") and whole:
        assert not _of(series, "errors-without-an-end")
    for labels, values in whole.items():
        # What is recorded in another group begins an interval later.
        there = beats(values, world).keys()
        begun = {at for at in there if at - world.ruled.step in there}
        assert begun <= beats(series.get(labels, {}), world).keys()


def _above_zero(values: Mapping[float, float]) -> dict[float, float]:
    return {at: value for at, value in values.items() if value > 0}


def beats(values: Mapping[float, float], world: World) -> dict[float, float]:
    """Return values by the interval that they fall into: groups have moments of their own."""
    return {at // world.ruled.step * world.ruled.step: value for at, value in values.items()}


def _judge_alias(series: Series, world: World) -> None:
    """Where a route has one network and one segment, its split says what its route says."""
    routes = world.recorded["route:sse_stream_failures:ratio_rate1h"]
    compared = 0
    alike = ("healthy", "server-errors", "left-without-a-word")
    for labels, values in series.items():
        if dict(labels)["job"] not in alike:
            continue
        own = frozenset(pair for pair in labels if pair[0] in ("job", "route"))
        split, whole = beats(values, world), beats(routes.get(own, {}), world)
        # Before its counters have a past of five minutes a route has no verdict worth comparing.
        for at in sorted(at for at in split.keys() & whole.keys() if at > 600):
            # For an hour both remember their first ratio, which the slow split has later. While the
            # ratio moves, one of them is an interval behind.
            still = at > HOUR + 480 and dict(labels)["job"] == "healthy"
            near = 1e-6 if still else world.ruled.step / 20
            assert math.isclose(split[at], 100 * (1 - whole[at]), abs_tol=near)
            compared += 1
    assert compared > 9000 / world.ruled.step


def judge_blackout(prometheus: Prometheus, expr: Mapping[str, str]) -> None:
    """A job that goes is named; where nothing ever was, one alert without a job says so."""
    names = ("route:sse_telemetry_instances:count", "route:sse_telemetry_present:bool")
    [rule] = RULES.of(ALERTS["SSETelemetryAbsent"])
    found = []
    for lives in (1800, 0):
        history = History(prometheus)
        here = {"__name__": "sse_build_info", "job": "gone", "version": "1"}
        scraped: Points = points(lambda at, lives=lives: 1 if at < lives else None)
        history.push([(here, scraped)] if lives else [])
        history.record([(name, expr[name]) for name in names], END)
        fired = history.firing(rule.expr, rule.hold_for, END)
        found.append([dict(labels).get("job") for labels, instants in fired.items() if instants])

    assert found == [["gone"], [None]]


def judge_leak(prometheus: Prometheus, expr: Mapping[str, str]) -> None:
    """
    A slow leak is found within hours; a healthy route never, and a young one has no verdict.

    Orphans on top of it are found at once, and so are streams whose clients have stopped
    reporting; one sign taking over from the other changes nothing.
    """
    history = History(prometheus)
    end = 12 * 3600
    step = 60
    for job, hourly, orphans, unconfirmed in (
        ("steady", 0, 1, 1),
        ("leaking", 60, 1, None),
        ("both", 60, 8, None),
        ("zombies", 0, 2, 6),
    ):
        labels = {"job": job, "route": "r"}
        rates = {
            "route:sse_streams_opened:rate5m": {"fresh": 0.9, "resumed": 0.1},
            "route:sse_stream_duration_seconds_bucket:rate5m": {"60.0": 0.5, "+Inf": 1.0},
            "route:sse_stream_duration_seconds_sum:rate5m": {"": 60.0},
        }
        for name, children in rates.items():
            label = "start" if "opened" in name else "le"
            history.push(
                (
                    {"__name__": name, **labels, **({label: child} if child else {})},
                    steady(value, end, step=step),
                )
                for child, value in children.items()
            )
        orphan = {"__name__": "route:sse_orphaned_streams:min2m", **labels}
        history.push([(orphan, steady(orphans, end, step=step))])
        if unconfirmed is not None:
            zombie = {"__name__": "route:sse_unconfirmed_streams:min2m", **labels}
            history.push([(zombie, steady(unconfirmed, end, step=step))])
        still = {"__name__": "route:sse_streams_open:sum", **labels}
        history.push([(still, growing(hourly / 3600, end, step=step, first=60))])
    names = (
        "route:sse_stream_duration_seconds:mean6h",
        "route:sse_streams_unexplained:min2h",
        "route:sse_streams_leaked:max",
    )

    history.record([(name, expr[name]) for name in names], end, step=step)

    [rule] = RULES.of(ALERTS["SSEStreamLeak"])
    fired = history.firing(rule.expr, rule.hold_for, end, step=step)
    # 60 open + 60 an hour pass 5 + 5 + 3 × 60 after 130 minutes; two hours later it is certain,
    # but no verdict falls before six hours of history.
    instants = {dict(labels)["job"]: found for labels, found in fired.items() if found}
    assert set(instants) == {"leaking", "both", "zombies"}
    assert abs(instants["leaking"][0] - 6 * 3600 - 300) <= 120
    assert instants["zombies"] == instants["both"]
    assert instants["both"] == [300.0 + i * step for i in range((end - 300) // step + 1)]
    unexplained = history.ask("route:sse_streams_unexplained:min2h", end, step=step)
    assert all(min(values) >= 6 * 3600 for values in unexplained.values())
    assert {dict(labels)["job"] for labels in unexplained} == {
        *("steady", "leaking", "both", "zombies")
    }
