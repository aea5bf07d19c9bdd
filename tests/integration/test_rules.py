"""The rendered rules before a real Prometheus: they load, and each alert fires when it says."""

import re
import time
from pathlib import Path

import pytest

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import COMPARE, Alert, Comparison, Signal
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import catalogue, render_to
from sse_observe.render.groups import AlertRule, Rules
from sse_observe.render.runbooks import runbooks
from sse_observe.render.settings import Settings
from tests.support.history import History, steady
from tests.support.judgement import Ruled
from tests.support.programs import needs
from tests.support.rule_health import punctual_rules

pytestmark = pytest.mark.slow


def name_of(rule: AlertRule) -> str:
    return f"{rule.alert.name}-{rule.window.long}" if rule.window else rule.alert.name


CATALOG, _ = catalogue(None)
RULES = Rules(CATALOG, Settings()).alert_rules()
# The default, and the longest interval: other windows, other names.
EVERY = {each: Ruled(Settings(scrape_interval=each)) for each in ("15s", "60s")}
CASES = [
    pytest.param(each, rule, id=f"{name_of(rule)}-{each}")
    for each, ruled in EVERY.items()
    for rule in ruled.rules.alert_rules()
]
QUERY = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def value(term: Comparison, *, holds: bool) -> float:
    """Return the value nearest to a comparison's number for which it holds, or does not."""
    near = (term.line() + distance for distance in (0, 1e-6, -1e-6))
    return next(value for value in near if COMPARE[term.compare](value, term.line()) == holds)


def labels_of(signal: Signal, job: str) -> dict[str, str]:
    return {"__name__": signal.record, **{name: name for name in signal.labels}, "job": job}


@pytest.mark.parametrize(("each", "rule"), CASES)
def test_alert_fires_beyond_its_line_after_its_time_and_recovers(
    each: str, rule: AlertRule, prometheus: Prometheus
) -> None:
    """Each term alone decides: all beyond fires after `for`, any one within ends it or holds it."""
    ruled, history = EVERY[each], History(prometheus)
    step, wait = float(ruled.step), seconds(rule.hold_for)
    # A whole number of evaluations.
    wait = -(-wait // step) * step
    back, end = wait + 5 * step, wait + 10 * step
    terms = rule.alert.comparisons(rule.window)
    for silent in (None, *terms):
        job = "beyond" if silent is None else f"held by {silent.signal}"
        history.push(
            (
                labels_of(ruled.signals[term.signal], job),
                [
                    *steady(value(term, holds=term is not silent), back, step=step),
                    # At its line again, not far from it: the alert is over.
                    *steady(value(term, holds=False), end, begin=back + step, step=step),
                ],
            )
            for term in terms
        )
    # Its own signal alone: a guard that is absent must hold the alert back.
    if len(terms) > 1:
        alone = steady(value(terms[0], holds=True), end, step=step)
        history.push([(labels_of(ruled.signals[terms[0].signal], "no guard"), alone)])

    fired = history.firing(rule.expr, rule.hold_for, end, step=step)

    alerts = {dict(labels)["job"]: instants for labels, instants in fired.items() if instants}
    assert set(alerts) == {"beyond"}
    assert (alerts["beyond"][0], alerts["beyond"][-1]) == (wait, back)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_alert_is_silent_where_nothing_is(rule: AlertRule, prometheus: Prometheus) -> None:
    """An empty Prometheus raises nothing: what never was cannot have failed."""
    history = History(prometheus)

    assert history.firing(rule.expr, rule.hold_for, 3600) == {}


@pytest.mark.parametrize("alert", CATALOG.alerts, ids=lambda alert: alert.name)
def test_every_query_of_a_runbook_runs(alert: Alert, prometheus: Prometheus) -> None:
    """Nobody finds out at night that a query is refused; with the user's own selector too."""
    selected = Settings(selector='env="test"', group_by=("cluster",))
    pages = [
        runbooks(CATALOG, settings)[f"runbooks/{alert.name}.md"]
        for settings in (Settings(), selected)
    ]
    queries = [query for page in pages for query in QUERY.findall(page)]

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
        written, *_ = render_to(tmp_path / name, given)
        files += [path for path in written if path.suffix == ".yaml"]
    with Prometheus(
        tmp_path / "prometheus", targets={}, rules=files, program=needs("prometheus")
    ) as running:
        wanted = 2 * (len(CATALOG.signals) + len(RULES))
        deadline = time.monotonic() + 60
        scaled = []
        while time.monotonic() < deadline:
            rules = punctual_rules(running)
            scaled = [rule for rule in rules if 'env="test"' in rule.query]
            if all(rule.health != "unknown" for rule in scaled):
                break
            time.sleep(0.1)

    assert len(rules) == wanted
    assert [rule for rule in rules if rule.health == "err"] == []
    assert scaled
    assert all(rule.health == "ok" for rule in scaled)
