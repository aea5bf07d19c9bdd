"""The rules of VictoriaMetrics before a real one: checked, judged by the laws, and run."""

import subprocess
from pathlib import Path

import pytest

from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.server import Server
from sse_observe.lab.programs.webhook import Webhook
from sse_observe.render.settings import Settings
from sse_observe.render.targets.victoriametrics import metricsql
from tests.support.agent import agent
from tests.support.exporter import Exporter, steadily
from tests.support.judgement import CATALOG, Ruled, evaluated, judge_service, judge_signal
from tests.support.programs import needs
from tests.support.rendered import target
from tests.support.services import CASES, HEALTHY, healthy
from tests.support.victoria import Victoria, vmalert
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

# vmalert of Debian 12 is older than `keep_firing_for`.
OLD = "victoriametrics: {keep_firing_for: false}\n"
SCALE = 30
FAST = f"{OLD}time_scale: {SCALE}\nscrape_interval: 500ms\n"


def rule_file(folder: Path, settings: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(target("victoriametrics", folder, settings)["sse-observe.yaml"])
    return path


def test_vmalert_takes_the_file(tmp_path: Path) -> None:
    """Its own check finds nothing to say; a slip in one expression it would find."""
    good = rule_file(tmp_path, OLD)
    slip = tmp_path / "slip.yaml"
    slip.write_text(good.read_text().replace("increase_prometheus(", "increase_prometheus((", 1))

    codes = [
        subprocess.run(
            [needs("vmalert"), "-dryRun", f"-rule={path}"], check=False, capture_output=True
        ).returncode
        for path in (good, slip)
    ]

    assert codes[0] == 0
    assert codes[1] != 0


def test_victoriametrics_evaluates_alike(tmp_path: Path) -> None:
    """Every signal obeys the laws there, and every service raises its alerts and no other."""
    ruled = Ruled(Settings())
    ruled.recorded = {name: metricsql(expr) for name, expr in ruled.recorded.items()}
    with Victoria(tmp_path) as victoria:
        world = evaluated(victoria, ruled=ruled)
        for record, series in world.recorded.items():
            judge_signal(record, series, world)
        for job in CASES:
            judge_service(job, world.fired)


@pytest.mark.long
def test_an_alert_comes_and_goes(tmp_path: Path) -> None:
    """Agent, remote write, VictoriaMetrics, vmalert, Alertmanager: nothing acted, nothing lost."""
    hook = Webhook()
    with (
        Server(hook) as pager,
        Exporter(steadily(HEALTHY), time_scale=SCALE) as service,
        Alertmanager(tmp_path / "am", webhook=pager.url, group_by=["alertname"]) as manager,
        Victoria(tmp_path / "vm") as victoria,
        agent(
            tmp_path / "agent",
            targets={"chat": [service.address]},
            to=f"{victoria.url}/api/v1/write",
            interval="500ms",
        ),
        vmalert(
            tmp_path / "vmalert",
            rule_file(tmp_path, FAST),
            victoria=victoria.url,
            alertmanager=manager.address,
            flags=[
                "-remoteWrite.flushInterval=200ms",
                # Prometheus' five minutes, in shortened time.
                f"-datasource.queryStep={300 // SCALE}s",
                "-rule.resendDelay=1s",
            ],
        ),
    ):
        recorded = {signal.record for signal in CATALOG.signals}
        wait_until(lambda: victoria.query("route:sse_stream_completion:ratio_rate5m"))
        quiet = [one.labels["alertname"] for one in hook.received]
        service.series = steadily(healthy()) | {
            key: (lambda _: 20.0) for key in HEALTHY if key[0] == "sse_stalled_streams"
        }
        wait_until(lambda: [one for one in hook.received if one.status == "firing"])
        service.series = steadily(HEALTHY)
        wait_until(lambda: [one for one in hook.received if one.status == "resolved"])
        names = victoria.query('count by (__name__) ({__name__=~"route.*|sse_stream_compl.*"})')

    assert quiet == []
    assert {one.labels["alertname"] for one in hook.received} == {"SSEStreamsStalled"}
    assert {one.labels["route"] for one in hook.received} == {"r"}
    assert hook.received[0].runbook_url.endswith("/SSEStreamsStalled.md")
    assert {one.labels["__name__"] for one in names} <= recorded
    assert len(names) > 60
