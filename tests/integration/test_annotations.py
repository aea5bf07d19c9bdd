"""Annotations of every alert, expanded by a real Prometheus: no hole in any notification."""

import re
import time
from pathlib import Path

import pytest
import yaml

from sse_observe.catalog.model import Comparison
from sse_observe.lab.programs.prometheus import ActiveAlert, Prometheus
from sse_observe.render.bundle import catalogue, render
from sse_observe.render.groups import AlertRule, Rules
from tests.support.history import History, steady
from tests.support.programs import needs
from tests.support.rendered import settings_file
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

# A user's own words name labels too.
SETTINGS = """
selector: 'env="eu"'
group_by: [cluster]
annotations: {team: "streams of {{ $labels.env }}"}
alerts:
  SSEMessageLoss:
    annotations:
      summary: "Lost in {{ $labels.cluster }}"
      runbook_url: "https://wiki.test/pages/viewpage.action?pageId=4711"
"""
LABEL = re.compile(r"\$labels\.(\w+)")


def beyond(term: Comparison) -> float:
    """Return a value for which a comparison holds."""
    return term.line() + {"<": -0.001, ">": 0.001}.get(term.compare[0], 0)


def name_of(rule: AlertRule) -> str:
    return f"{rule.alert.name}-{rule.window.long}" if rule.window else rule.alert.name


def expanded(folder: Path, text: str) -> dict[str, tuple[AlertRule, ActiveAlert]]:
    """Let every alert become active in a real Prometheus; return each with its rule."""
    folder.mkdir()
    catalog, settings = catalogue(settings_file(folder, text))
    rules = folder / "sse-alerts.yaml"
    groups = yaml.safe_load(render(catalog, settings)["alerts/sse-alerts.yaml"])
    for group in groups["groups"]:
        group["interval"] = "1s"
    rules.write_text(yaml.safe_dump(groups))
    # Labels that the settings give to each record, with values to look for.
    places = {name: f"its-{name}" for name in settings.places} | settings.selection.marks
    signals = {signal.record: signal for signal in catalog.signals}
    wanted = {name_of(rule): rule for rule in Rules(catalog, settings).alert_rules()}
    with Prometheus(
        folder / "prometheus", targets={}, rules=[rules], program=needs("prometheus")
    ) as running:
        history = History(running, time.time())
        for rule in wanted.values():
            # Signals that several alerts compare need a value for each: a job for each rule.
            labels = {"job": f"its-job-{name_of(rule)}"}
            for term in rule.alert.comparisons(rule.window):
                own = {name: f"its-{name}" for name in signals[term.signal].labels}
                history.push(
                    [
                        (
                            {"__name__": term.signal, **own, **places, **labels},
                            steady(beyond(term), 240, begin=-15),
                        )
                    ]
                )
        found: dict[str, tuple[AlertRule, ActiveAlert]] = {}

        def all_active() -> bool:
            for alert in running.alerts():
                for name, rule in wanted.items():
                    own = alert.name == rule.alert.name and alert.labels["job"].endswith(f"-{name}")
                    spans = rule.labels.get("long") == alert.labels.get("long")
                    if own and spans:
                        found[name] = rule, alert
            return found.keys() == wanted.keys()

        wait_until(all_active, f"{wanted.keys() - found.keys()} to be active")
    return found


@pytest.fixture(scope="module", params=["", SETTINGS], ids=["defaults", "settings of a user"])
def active(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[AlertRule, ActiveAlert]]:
    """Return each rule with the alert that a real Prometheus made of it."""
    return expanded(tmp_path_factory.mktemp("annotations") / "here", request.param)


def test_no_annotation_has_a_hole(active: dict[str, tuple[AlertRule, ActiveAlert]]) -> None:
    """Each label that a template names stands in its text, with its value."""
    for name, (rule, alert) in active.items():
        assert alert.annotations.keys() == rule.annotations.keys()
        for key, template in rule.annotations.items():
            text = alert.annotations[key]
            for label in LABEL.findall(template):
                assert alert.labels[label] in text, f"{name}: {key}: {text}"
            assert "{{" not in text
            assert "<" not in text, f"{name}: {key}: {text}"
            assert not re.search(r"\(\)|  | [.,]|=(&|$)", text), f"{name}: {key}: {text}"


def test_a_burn_alert_says_its_windows(active: dict[str, tuple[AlertRule, ActiveAlert]]) -> None:
    """The page at night says over which time streams failed."""
    _, alert = active["SSEErrorBudgetBurn-1h"]

    assert alert.annotations["description"].endswith("failed over 1h, and as many over 5m.")


def test_the_users_own_words_arrive(active: dict[str, tuple[AlertRule, ActiveAlert]]) -> None:
    """Words of the settings go before the page's, and after them elsewhere."""
    rule, loss = active["SSEMessageLoss"]
    if "team" not in rule.annotations:
        assert loss.annotations["summary"] == "Events are lost for good"
        return
    assert loss.annotations["summary"] == "Lost in its-cluster"
    assert loss.annotations["runbook_url"].endswith("?pageId=4711")
    assert loss.annotations["team"] == "streams of eu"
    assert "of its-route" in loss.annotations["description"]
