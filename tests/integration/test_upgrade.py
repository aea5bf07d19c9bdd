"""
One deploy: hosts of two releases under the rules of one of them, judged by a real Prometheus.

What is new since the last release is read off its contract. Until there is a second one, families
of metrics that once were new stand for it.
"""

import subprocess
from collections.abc import Mapping

import pytest
import yaml

from sse_observe.catalog.durations import seconds
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.metrics import METRICS
from tests.support.contract import SNAPSHOT, is_released, recorded
from tests.support.history import History
from tests.support.judgement import World, judged
from tests.support.paths import ROOT
from tests.support.programs import absent
from tests.support.services import END, Case, everything, points, without

pytestmark = pytest.mark.slow

RULES = ("alerts/sse-recording-rules.yaml", "alerts/sse-alerts.yaml")
FAMILIES = {
    "goodput": ("sse_streams_judged", "sse_late_streams", "sse_goodput"),
    "store": ("sse_store", "sse_producers", "sse_streams_fenced"),
    "tcp": ("sse_tcp",),
    "unconfirmed": ("sse_unconfirmed",),
    "unread": ("sse_unread",),
    "upstreams": ("sse_upstream",),
    "whose fault": ("sse_streams_failed",),
}
COMING = {name for name in METRICS if f"metric {name} {METRICS[name].kind}" not in recorded()}
# In every release there is: nothing could be said without it.
CORE = {"sse_streams_closed_total"}
NEW = {
    "coming": COMING,
    "core": CORE,
    **{
        family: {name for name in METRICS if name.startswith(prefixes)}
        for family, prefixes in FAMILIES.items()
    },
}


def lacking(metrics: set[str]) -> dict:
    """Return a healthy service that exports everything but these."""
    series = everything()
    for metric in metrics:
        for ending in ("", "_bucket", "_sum", "_count"):
            series = without(series, f"{metric}{ending}")
    return series


@pytest.fixture(scope="module")
def world(prometheus: Prometheus) -> World:
    """Judge, for each family, hosts that all lack it, and hosts of which one has it."""
    cases = {}
    for family, metrics in NEW.items():
        cases[f"{family}: no host"] = Case({"old": lacking(metrics)})
        cases[f"{family}: one host"] = Case({"old": lacking(metrics), "new": everything()})
    return judged(prometheus, cases)


def raised(world: World, family: str) -> set[str]:
    """Return what fires for the services of a family."""
    return {
        alert
        for alert, jobs in world.fired.items()
        for job in jobs
        if job.startswith(f"{family}: ")
    }


@pytest.mark.parametrize("family", [one for one in NEW if one != "core"])
def test_rules_that_come_before_their_metrics_page_nobody(world: World, family: str) -> None:
    """No host exports the family yet, or one of two does; all is well, and nothing fires."""
    assert raised(world, family) == set()


def test_a_metric_that_every_rule_needs_would_be_noticed(world: World) -> None:
    """The proof can fail: without the ends of streams, all of them look lost."""
    assert "SSEErrorBudgetBurn" in raised(world, "core")


def released() -> Mapping[str, str]:
    """Return the rules of the last release, from its tag; before the first one, those of now."""
    if not is_released():
        return {name: (ROOT / name).read_text() for name in RULES}
    tag = f"v{SNAPSHOT.read_text().splitlines()[0].rpartition(' ')[2]}"
    found = {}
    for name in RULES:
        done = subprocess.run(
            ["git", "show", f"{tag}:{name}"], cwd=ROOT, check=False, capture_output=True, text=True
        )
        if done.returncode:
            absent(f"tag {tag} is not here, with the rules of the last release: git fetch --tags")
        found[name] = done.stdout
    return found


def test_rules_of_the_last_release_read_hosts_of_the_coming_one(prometheus: Prometheus) -> None:
    """Whatever they record and watch is still exported, and a healthy service raises nothing."""
    groups = [group for text in released().values() for group in yaml.safe_load(text)["groups"]]
    rules = [(group, rule) for group in groups for rule in group["rules"]]
    history = History(prometheus)
    history.push(
        (
            {"__name__": name, **dict(labels), "job": "new", "instance": "a"},
            points(lambda at, name=name, value=value: _shifted(name, value(at), history.start)),
        )
        for (name, labels), value in everything().items()
    )
    records = [(rule["record"], rule["expr"]) for _, rule in rules if "record" in rule]
    found = history.record(records, END)
    of_now = {line.split()[1] for line in recorded() if line.startswith("record ")}

    fired = {
        rule["alert"]
        for group, rule in rules
        if "alert" in rule
        for instants in history.firing(
            rule["expr"], rule.get("for", "0s"), END, step=seconds(group["interval"])
        ).values()
        if instants
    }
    assert fired == set()
    assert {name for name, _ in records} >= of_now
    assert len([name for name, answer in found.items() if answer]) > len(found) / 2


def _shifted(name: str, value: float | None, start: float) -> float | None:
    """Return an instant as one of this history; other values stay."""
    is_instant = name == "sse_start_time_seconds" or name.endswith("_timestamp_seconds")
    return value if value is None or not is_instant else start + value
