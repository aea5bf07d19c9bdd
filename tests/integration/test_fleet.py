"""Completion and goodput against the truth: simulated fleets, judged by a real Prometheus."""

from statistics import fmean

import pytest

from sse_observe.catalog.series import series_in
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import catalogue
from sse_observe.render.expressions import Expressions
from sse_observe.render.groups import Rules
from sse_observe.render.settings import Settings
from tests.support.fleet import HOUR, Fleet
from tests.support.history import History
from tests.support.schedule import schedule

pytestmark = pytest.mark.slow

CATALOG, _ = catalogue(None)
RULES = Rules(CATALOG, Settings())
FAILURES = {"sse_stream_failures": Fleet.completion, "sse_goodput_failures": Fleet.goodput}
STREAMS = 10_000
WINDOWS = {"5m": 300.0, "1h": HOUR, "6h": 6 * HOUR}


def completion_signals() -> set[str]:
    """Return the signals of completion, of its alert and of goodput, and all that they read."""
    read = {f"route:{name}:ratio_rate{window}" for window in WINDOWS for name in FAILURES}
    [low] = [alert for alert in CATALOG.alerts if alert.name == "SSECompletionRateLow"]
    read |= {*low.signals(), *low.guard_signals()}
    for signal in reversed(CATALOG.signals):
        read |= set(series_in(signal.expr)) if signal.record in read else set()
    return read


def recorded(prometheus: Prometheus, fleet: Fleet, *, whole: bool) -> History:
    """Push what was scraped of a fleet and replay all recordings, or those of completion."""
    history = History(prometheus)
    expressions = Expressions(Settings())
    wanted = completion_signals()
    rules = [
        (signal.record, expressions.record(signal))
        for signal in CATALOG.signals
        if whole or signal.record in wanted
    ]
    read = {name for _, expr in rules for name in series_in(expr)} | {"up"}
    scraped = fleet.scraped("fleet", history.start)
    history.push(series for series in scraped if series[0]["__name__"] in read)
    history.record(rules, fleet.end, paces=schedule(RULES))
    return history


def fired(history: History, end: float) -> dict[str, list[float]]:
    """Return the alerts that fire, with their instants."""
    found: dict[str, list[float]] = {}
    for rule in RULES.alert_rules():
        for instants in history.firing(rule.expr, rule.hold_for, end).values():
            if instants:
                found.setdefault(rule.alert.name, []).extend(instants)
    return found


def errors(
    history: History, fleet: Fleet, window: str, signal: str = "sse_stream_failures"
) -> list[float]:
    """Return recorded minus true completion, in points, at each evaluation of a full window."""
    span = WINDOWS[window]
    name = f"route:{signal}:ratio_rate{window}"
    # At the moments of its own group: what was true then.
    pace = schedule(RULES)[name]
    answer = history.ask(name, fleet.end, begin=pace.begin)
    [failures] = answer.values()
    found = []
    # The last evaluation may come just before the end of a window as long as the history.
    full = min(span, fleet.end - pace.every)
    for at, failed in failures.items():
        true, ended = FAILURES[signal](fleet, at, span)
        # Under a hundred ended streams one of them is a point.
        if at >= full and ended >= 100:
            found.append(100 * (1 - failed - true))
    return found


def holds(found: list[float], *, bias: float, p95: float) -> None:
    """Hold errors to their figures, in points."""
    by_size = sorted(map(abs, found))

    assert len(found) > 100
    assert abs(fmean(found)) <= bias
    assert by_size[int(0.95 * len(by_size))] <= p95


def test_recorded_completion_holds_to_the_truth(prometheus: Prometheus) -> None:
    """Two hours with a rolling deploy, cuts, lost reports: the loss of 2 % is the loss shown."""
    fleet = Fleet(streams=STREAMS, hours=2, lost=0.02, seed=100, deploys=(HOUR,))

    history = recorded(prometheus, fleet, whole=False)

    assert 0.97 < fleet.completion(fleet.end, fleet.end)[0] < 0.98
    holds(errors(history, fleet, "5m"), bias=0.35, p95=2.2)
    holds(errors(history, fleet, "1h"), bias=0.4, p95=0.72)


def test_recorded_goodput_holds_to_the_truth(prometheus: Prometheus) -> None:
    """The same, and one stream in twelve is late: judgements and vanished streams add up once."""
    fleet = Fleet(streams=STREAMS, hours=2, lost=0.02, seed=100, deploys=(HOUR,), late=0.08)

    history = recorded(prometheus, fleet, whole=False)

    assert 0.88 < fleet.goodput(fleet.end, fleet.end)[0] < 0.92
    holds(errors(history, fleet, "1h", "sse_goodput_failures"), bias=0.2, p95=0.6)


def test_healthy_fleet_wakes_nobody(prometheus: Prometheus) -> None:
    """A deploy, cuts, lost reports and 5 % of clients that poll are no incident."""
    fleet = Fleet(
        streams=STREAMS // 4, hours=1.5, lost=0.001, seed=1, deploys=(HOUR / 2,), polling=0.05
    )

    history = recorded(prometheus, fleet, whole=True)

    assert fleet.completion(fleet.end, fleet.end)[0] > 0.995
    assert fired(history, fleet.end) == {}


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(3))
def test_six_hours_hold_to_the_truth(prometheus: Prometheus, seed: int) -> None:
    """Six hours with two rolling deploys, at 28 streams a minute and at 110."""
    streams = STREAMS * (4 if seed else 1)
    fleet = Fleet(streams=streams, hours=6, lost=0.02, seed=seed, deploys=(2 * HOUR, 4 * HOUR))

    history = recorded(prometheus, fleet, whole=False)

    wide = 1 if seed else 2
    holds(errors(history, fleet, "5m"), bias=0.4 * wide, p95=1.7 * wide)
    holds(errors(history, fleet, "1h"), bias=0.4, p95=0.8 * wide)
    whole = errors(history, fleet, "6h")
    assert whole
    assert max(map(abs, whole)) <= 0.35


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(36))
def test_failures_within_the_budget_raise_no_alert(prometheus: Prometheus, seed: int) -> None:
    """At 99.7 and 99.8 %, 20 to 400 streams in five minutes and two deploys: no false warning."""
    streams = 72 * (20, 60, 140, 400)[seed % 4]
    # A stream that its user ends is neither completed nor lost.
    lost = 0.83 * (0.002, 0.003)[seed // 4 % 2]
    fleet = Fleet(
        streams=streams,
        hours=6,
        lost=lost,
        seed=1000 + seed,
        deploys=(1.4 * HOUR, 3.4 * HOUR),
        polling=0.05,
    )

    history = recorded(prometheus, fleet, whole=False)

    assert "SSECompletionRateLow" not in fired(history, fleet.end)


@pytest.mark.prove
@pytest.mark.parametrize(("streams", "seed"), [(1_500, 2), (1_500, 3), (STREAMS, 1), (STREAMS, 2)])
def test_six_healthy_hours_wake_nobody(prometheus: Prometheus, streams: int, seed: int) -> None:
    """At 20 and 140 streams in five minutes, with a deploy and 5 % polling: nobody is paged."""
    fleet = Fleet(
        streams=streams, hours=6, lost=0.001, seed=seed, deploys=(2.4 * HOUR,), polling=0.05
    )

    history = recorded(prometheus, fleet, whole=True)

    assert fired(history, fleet.end) == {}
