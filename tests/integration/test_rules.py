"""The rendered rules before a real Prometheus: they load, and each alert fires when it says."""

import re
import time
from pathlib import Path

import pytest

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Alert, Window
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import catalogue, render_to
from sse_observe.render.settings import Settings
from sse_observe.render.text import Rule, Text
from tests.support.history import History, steady
from tests.support.programs import needs

pytestmark = pytest.mark.slow

CATALOG, _ = catalogue(None)
SIGNALS = {signal.record: signal for signal in CATALOG.signals}
TEXT = Text(CATALOG, Settings())
RULES = [rule for alert in CATALOG.alerts for rule in TEXT.rules(alert)]
STEP = 30.0
QUERY = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def name_of(rule: Rule) -> str:
    return f"{rule.alert.name}-{rule.window.long}" if rule.window else rule.alert.name


def terms(alert: Alert, window: Window | None) -> list[tuple[str, str, float]]:
    """Return what the alert compares: signal, comparison, number."""
    if window is None:
        own = [(alert.signal, alert.compare, alert.line())]
        guards = alert.guards
    else:
        own = [
            (alert.signal.replace("{window}", span), alert.compare, alert.line(window))
            for span in (window.long, window.short)
        ]
        guards = tuple(guard.over(window) for guard in alert.guards)
    return own + [(guard.signal, guard.compare, guard.threshold) for guard in guards]


def beyond(compare: str, limit: float) -> float:
    """Return a value for which the comparison just holds."""
    return {
        ">": limit + 1e-6,
        ">=": limit,
        "<": limit - 1e-6,
        "<=": limit,
        "==": limit,
        "!=": limit + 1,
    }[compare]


def within(compare: str, limit: float) -> float:
    """Return a value for which it just does not."""
    return {
        ">": limit,
        ">=": limit - 1e-6,
        "<": limit,
        "<=": limit + 1e-6,
        "==": limit + 1,
        "!=": limit,
    }[compare]


def labels_of(signal: str, job: str) -> dict[str, str]:
    return {"__name__": signal, **{name: name for name in SIGNALS[signal].labels}, "job": job}


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_alert_fires_beyond_its_line_after_its_time_and_not_otherwise(
    rule: Rule, prometheus: Prometheus
) -> None:
    """Each term alone decides: all beyond fires after `for`, any one within stays silent."""
    history = History(prometheus)
    wait = seconds(rule.hold_for)
    end = wait + 10 * STEP
    compared = terms(rule.alert, rule.window)
    for term in range(-1, len(compared)):
        job = "beyond" if term < 0 else f"held by {compared[term][0]}"
        history.push(
            (
                labels_of(signal, job),
                steady((within if i == term else beyond)(compare, limit), end, step=STEP),
            )
            for i, (signal, compare, limit) in enumerate(compared)
        )
    # Its own signal alone: a guard that is absent must hold the alert back.
    if len(compared) > 1:
        signal, compare, limit = compared[0]
        history.push(
            [(labels_of(signal, "no guard"), steady(beyond(compare, limit), end, step=STEP))]
        )

    fired = history.firing(rule.expr, rule.hold_for, end, step=STEP)

    alerts = {dict(labels)["job"]: instants for labels, instants in fired.items()}
    assert set(alerts) == {"beyond"}
    assert alerts["beyond"][0] == wait


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_alert_is_silent_where_nothing_is(rule: Rule, prometheus: Prometheus) -> None:
    """An empty Prometheus raises nothing: what never was cannot have failed."""
    history = History(prometheus)

    assert history.firing(rule.expr, rule.hold_for, 3600) == {}


@pytest.mark.parametrize("alert", CATALOG.alerts, ids=lambda alert: alert.name)
def test_every_query_of_a_runbook_runs(alert: Alert, prometheus: Prometheus) -> None:
    """Nobody finds out at night that a query is refused; with the user's own selector too."""
    selected = Text(CATALOG, Settings(selector='env="test"', group_by=("cluster",)))
    books = [text.runbooks()[f"runbooks/{alert.name}.md"] for text in (TEXT, selected)]
    queries = [query for book in books for query in QUERY.findall(book)]

    assert queries
    for query in queries:
        prometheus.query(query)


def test_rules_load_and_evaluate(tmp_path: Path) -> None:
    """Prometheus takes the default rules and a scaled variant, and evaluates without an error."""
    settings = tmp_path / "sse-observe.yaml"
    settings.write_text(
        "time_scale: 60\nscrape_interval: 500ms\ngroup_by: [cluster]\n"
        'selector: \'env="test", zone=~"a|b"\'\n'
    )
    files = []
    for name, given in (("default", None), ("scaled", settings)):
        written, _ = render_to(tmp_path / name, given)
        files += [path for path in written if path.suffix == ".yaml"]
    with Prometheus(
        tmp_path / "prometheus", targets={}, rules=files, program=needs("prometheus")
    ) as running:
        wanted = 2 * (len(CATALOG.signals) + len(RULES))
        deadline = time.monotonic() + 60
        scaled = []
        while time.monotonic() < deadline:
            rules = running.rules()
            scaled = [rule for rule in rules if 'env="test"' in rule.query]
            if all(rule.health != "unknown" for rule in scaled):
                break
            time.sleep(0.1)

    assert len(rules) == wanted
    assert [rule for rule in rules if rule.health == "err"] == []
    assert scaled
    assert all(rule.health == "ok" for rule in scaled)
