"""The rules of VictoriaMetrics before a real vmalert: checked, and run."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.server import Server
from sse_observe.lab.programs.webhook import Webhook
from tests.support.agent import agent
from tests.support.exporter import Exporter, steadily
from tests.support.judgement import CATALOG
from tests.support.programs import needs, needs_newer
from tests.support.rendered import target
from tests.support.services import HEALTHY, healthy
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


@pytest.mark.parametrize(("found", "settings"), [(needs, OLD), (needs_newer, "")])
def test_vmalert_takes_the_file(found: Callable[[str], str], settings: str, tmp_path: Path) -> None:
    """Its own check finds nothing to say, old or new; a slip in one expression it would find."""
    good = rule_file(tmp_path, settings)
    slip = tmp_path / "slip.yaml"
    slip.write_text(good.read_text().replace("increase_prometheus(", "increase_prometheus((", 1))

    codes = [
        subprocess.run(
            [found("vmalert"), "-dryRun", f"-rule={path}"], check=False, capture_output=True
        ).returncode
        for path in (good, slip)
    ]

    assert codes[0] == 0
    assert codes[1] != 0


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
