"""The cost of a fleet for its Prometheus: its series, and all rules over them."""

import pytest
import requests
import yaml
from prometheus_client import CollectorRegistry

from sse_observe.catalog.durations import seconds
from sse_observe.metrics import ALL_USERS, METRICS
from sse_observe.registry import SSEMetrics
from tests.support.history import History
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.prove]


INSTANCES, ROUTES = 10, 5
FLEET = 1000
SCRAPE, END = 15, 630
RULES_EVERY = 30
ASKED = 5


def everything_on():
    """Return what one process with five routes exports: name and labels of each series."""
    metrics = SSEMetrics(CollectorRegistry())
    for route in (f"/r{k}" for k in range(ROUTES)):
        for source in ("server", "replay", "tcp", "client"):
            metrics.zero(route, source)
            for network in METRICS["sse_streams_opened_total"].labels["network_type"]:
                metrics.zero_segment(route, ALL_USERS, network, source)
        metrics.gauge("sse_heartbeat_interval_seconds", route).set(10)
        metrics.gauge("sse_stream_limit", route).set(100)
        metrics.gauge("sse_route_info", route, "finite").set(1)
    for family in metrics.registry.collect():
        for sample in family.samples:
            yield sample.name, sample.labels, family.type == "gauge"


def exported(instance):
    """Yield ten minutes of one instance's series."""
    who = {"job": "fleet", "instance": f"i{instance}"}
    times = range(0, END + 1, SCRAPE)
    yield {"__name__": "up", **who}, [(at, 1.0) for at in times]
    for place, (name, labels, gauge) in enumerate(everything_on()):
        grown = float(labels.get("le", place % 7 + 1)) if not gauge else 0
        grown = min(grown, 100.0)
        yield (
            {"__name__": name, **labels, **who},
            [(at, 5.0 if gauge else grown * at / SCRAPE) for at in times],
        )


def rules():
    """Yield each rule of the rendered bundle, in its order, and the seconds between two of it."""
    for file in ("sse-recording-rules.yaml", "sse-alerts.yaml"):
        for group in yaml.safe_load((ROOT / "alerts" / file).read_text())["groups"]:
            every = seconds(group["interval"])
            for rule in group["rules"]:
                yield rule.get("record"), rule.get("labels", {}), rule["expr"], every


def worked(prometheus):
    """Return the processor seconds that Prometheus has used, by its own count."""
    for line in requests.get(f"{prometheus.url}/metrics", timeout=60).text.splitlines():
        if line.startswith("process_cpu_seconds_total"):
            return float(line.split()[1])
    raise LookupError


def asked(prometheus, expr, at):
    """Return the processor seconds that one answer takes, and the answer."""
    before = worked(prometheus)
    for _ in range(ASKED):
        found = prometheus.query(expr, at)
    return (worked(prometheus) - before) / ASKED, found


def test_rules_of_a_fleet_fit_into_their_interval(prometheus):
    """A thousand instances of five routes are evaluated well within the rules' thirty seconds."""
    history = History(prometheus)
    series = 0
    for instance in range(INSTANCES):
        pushed = list(exported(instance))
        series += len(pushed)
        history.push(pushed)
    costs = {}
    for record, labels, expr, every in rules():
        # A question costs something where nothing is found, too; that is paid once, not per series.
        empty, _ = asked(prometheus, expr, history.start - 10 * END)
        full, found = asked(prometheus, expr, history.start + END)
        costs[record or expr] = (full - empty) * RULES_EVERY / every
        if record is not None:
            kept = ({**row.labels, **labels, "__name__": record} for row in found)
            history.push((row, [(END, 1.0)]) for row in kept)

    scale = FLEET / INSTANCES
    whole = sum(costs.values()) * scale
    dearest = max(costs, key=lambda name: costs[name])
    print(
        f"\n{series / INSTANCES:.0f} series per instance of {ROUTES} routes with everything on"
        f"\n{len(costs)} rules over {FLEET:,} such instances: {whole:.1f} s of one processor"
        f" in {RULES_EVERY} s,"
        f"\ndearest: {costs[dearest] * scale:.1f} s, {dearest}"
    )
    # The machine may be shared: shares of a quiet one are judged beside a control elsewhere.
    assert whole < RULES_EVERY
