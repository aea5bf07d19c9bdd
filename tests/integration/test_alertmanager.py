"""The example for Alertmanager, judged by a real one: it loads, routes and inhibits."""

import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sse_observe.catalog.load import load
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.faults import FAULTS
from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, free_port
from sse_observe.render.bundle import bundle
from tests.support.programs import needs

pytestmark = pytest.mark.slow

ABSENT = {"alertname": "SSETelemetryAbsent", "severity": "critical"}
STORM = {"alertname": "SSEReconnectStorm", "severity": "critical"}
STALLED = {"alertname": "SSEStreamsStalled", "severity": "critical"}
LATE = {"alertname": "SSEDeliveryDelayed", "severity": "warning"}
LARGE = {"alertname": "SSEEventsOversized", "severity": "info"}
FOREIGN = {"alertname": "DiskFull", "severity": "warning"}


class Alertmanager:
    """A running Alertmanager that is handed alerts as Prometheus hands them."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/v2"

    def post(self, *alerts: dict[str, str]) -> None:
        """Raise alerts."""
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/alerts", body, head)
        with urllib.request.urlopen(request, timeout=10):
            pass

    def alerts(self, job: str) -> dict[tuple[str, str], tuple[list[str], str]]:
        """Return receivers and state of each alert of a job, by name and route."""
        with urllib.request.urlopen(f"{self.url}/alerts", timeout=10) as answer:
            return {
                (alert["labels"]["alertname"], alert["labels"].get("route", "")): (
                    [receiver["name"] for receiver in alert["receivers"]],
                    alert["status"]["state"],
                )
                for alert in json.load(answer)
                if alert["labels"]["job"] == job
            }

    def suppressed(self, job: str) -> set[tuple[str, str]]:
        """Return the alerts of a job that are held back, by name and route."""
        return {name for name, (_, state) in self.alerts(job).items() if state == "suppressed"}

    def must_hold_back(self, held: set[tuple[str, str]], job: str, *alerts: dict[str, str]) -> None:
        """
        Raise alerts of a job and see that these are held back, and no others.

        What inhibits learns of alerts a moment after they are posted: it is asked until it knows
        them, and once more after that moment.
        """
        self.post(*({**labels, "job": job} for labels in alerts))
        deadline = time.monotonic() + 20
        while self.suppressed(job) != held and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        assert self.suppressed(job) == held


def started(directory: Path, text: str) -> Program:
    port = free_port()
    config = directory / "alertmanager.yml"
    config.write_text(text)

    return Program(
        [
            needs("prometheus-alertmanager"),
            f"--config.file={config}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        log=directory / "alertmanager.log",
        ready=partial(answers, f"http://127.0.0.1:{port}/-/ready"),
    )


def address(program: Program) -> str:
    option = next(word for word in program.command if word.startswith("--web.listen-address="))
    return f"http://{option.partition('=')[2]}"


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Return an Alertmanager that runs the example for a fleet told apart by cluster."""
    directory = tmp_path_factory.mktemp("alertmanager")
    settings = directory / "sse-observe.yaml"
    settings.write_text("group_by: [cluster]\n")
    with started(directory, bundle(settings).files["alerts/sse-alertmanager.yml"]) as program:
        yield Alertmanager(address(program))


@pytest.mark.parametrize(
    "settings",
    ["{}\n", "alerts: {SSETelemetryAbsent: {enabled: false}, SSEReconnectStorm: {enabled: false}}"],
    ids=["default", "disabled"],
)
def test_example_loads(tmp_path: Path, settings: str) -> None:
    """Alertmanager ends at once where it does not like its configuration; it stays."""
    given = tmp_path / "sse-observe.yaml"
    given.write_text(settings)
    text = bundle(given).files["alerts/sse-alertmanager.yml"]

    with started(tmp_path, text) as program:
        assert Alertmanager(address(program)).alerts("any") == {}
    assert ("SSETelemetryAbsent" in text) == (settings == "{}\n")


def test_alerts_go_where_their_severity_says(alertmanager: Alertmanager) -> None:
    """Critical wakes somebody, a warning waits for the day, info is a note."""
    for labels in (STALLED, LARGE):
        alertmanager.post({**labels, "job": "routes", "route": "r"})
    alertmanager.post({**LATE, "job": "routes", "route": "s"}, {**FOREIGN, "job": "routes"})

    assert alertmanager.alerts("routes") == {
        ("SSEStreamsStalled", "r"): (["sse-page"], "active"),
        ("SSEEventsOversized", "r"): (["sse-notes"], "active"),
        ("SSEDeliveryDelayed", "s"): (["sse-tickets"], "active"),
        ("DiskFull", ""): (["sse-tickets"], "active"),
    }


def test_absent_telemetry_holds_the_rest_of_its_job_back(alertmanager: Alertmanager) -> None:
    """Alerts of a job that is gone are held back; other clusters and other alerts are not."""
    a = {"route": "r", "cluster": "a"}
    b = {"route": "s", "cluster": "b"}

    alertmanager.must_hold_back(
        {("SSEStreamsStalled", "r"), ("SSEEventsOversized", "r"), ("SSEDeliveryDelayed", "r")},
        "gone",
        {**ABSENT, "cluster": "a"},
        *({**labels, **a} for labels in (STALLED, LARGE)),
        {**LATE, **a},
        {**STALLED, **b},
        {**FOREIGN, "cluster": "a"},
    )


def test_critical_holds_warnings_of_its_own_route_back(alertmanager: Alertmanager) -> None:
    """Another route's warning, and what is only to be known, still arrive."""
    alertmanager.must_hold_back(
        {("SSEDeliveryDelayed", "r")},
        "hurt",
        {**STALLED, "route": "r"},
        {**LATE, "route": "r"},
        {**LARGE, "route": "r"},
        {**LATE, "route": "s"},
    )


def test_storm_holds_stalls_of_its_own_route_back(alertmanager: Alertmanager) -> None:
    """The cause pages, its consequence does not; a stall elsewhere does."""
    alertmanager.must_hold_back(
        {("SSEStreamsStalled", "r")},
        "storm",
        {**STORM, "route": "r"},
        {**STALLED, "route": "r"},
        {**STALLED, "route": "s"},
    )


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.held], ids=lambda one: one.name)
def test_of_what_one_fault_raises_only_the_cause_pages(
    alertmanager: Alertmanager, fault: Fault
) -> None:
    """Where a fault of the drill rightly implies two alerts, the table says which is held back."""
    severity = {alert.name: alert.severity for alert in load().alerts}

    alertmanager.must_hold_back(
        {(name, fault.path) for name in fault.held},
        fault.job + fault.name,
        *(
            {"alertname": name, "severity": severity[name], "route": fault.path}
            for name in fault.alerts
        ),
    )
