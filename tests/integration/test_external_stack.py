"""A drill before a stack that somebody else has started."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.process import free_port
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import bundle, write
from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs


@pytest.mark.prove
def test_a_drill_passes_before_an_external_stack(tmp_path: Path) -> None:
    """Its rules, scrapes and Alertmanager: the drill only brings the broken streams."""
    needs("prometheus")
    needs("prometheus-alertmanager")
    file = tmp_path / "sse-observe.yaml"
    file.write_text("time_scale: 60\nscrape_interval: 500ms\nrule_interval: 30s\n")
    write(bundle(file).files, tmp_path)
    listen = f"127.0.0.1:{free_port()}"
    hook = f"http://127.0.0.1:{free_port()}"
    manager = Alertmanager(tmp_path / "am", webhook=hook, group_by=["alertname"])
    prometheus = Prometheus(
        tmp_path / "prometheus",
        targets={"drill": [listen]},
        rules=sorted((tmp_path / "alerts").glob("*.yaml")),
        scrape_interval="500ms",
        rule_interval="500ms",
        alertmanager=manager.address,
    )
    with manager, prometheus:
        # Prometheus looks for its Alertmanagers only after some seconds.
        deadline = time.monotonic() + 60
        while not prometheus.get("alertmanagers")["activeAlertmanagers"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        done = subprocess.run(
            [
                *(*SSE_OBSERVE, "drill", "heartbeats-off", "--json"),
                *("--prometheus", prometheus.url, "--alertmanager", f"http://{manager.address}"),
                *("--listen", listen, "--settings", str(file)),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)

    assert found["as_expected"], done.stdout
    assert f'"targets": ["{listen}"]' in done.stderr
    assert "notified" in {event["what"] for event in found["timeline"]}
    assert done.returncode == 0
