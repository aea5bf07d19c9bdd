"""A drill before somebody's own Prometheus: what it asks of them, what it refuses, what it sees."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.load import load
from sse_observe.catalog.model import Catalog
from sse_observe.errors import LabError, SettingsError
from sse_observe.lab.drill.environment import Scene
from sse_observe.lab.drill.external_stack import TheirStack, their_stack
from sse_observe.lab.drill.faults import fault
from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.process import free_port
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import bundle, write
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from tests.support.programs import needs

FREEZE = fault("freeze")
STALLED = "SSEStreamsStalled"
RULES, MANAGERS = "/api/v1/rules", "/api/v1/alertmanagers"
STATUS, ALERTS = "/api/v2/status", "/api/v2/alerts"


class Answers:
    """Somebody's Prometheus and Alertmanager in one, as far as their APIs: paths to documents."""

    def __init__(self, url: str, known: dict[str, Any]) -> None:
        self.url = url
        self.known = known

    def rule(self, name: str) -> dict[str, Any]:
        """Return one rule, to be changed."""
        rules = self.known[RULES]["data"]["groups"][0]["rules"]
        return next(rule for rule in rules if rule["name"] == name)

    def forget(self, name: str) -> None:
        """Unload a rule."""
        self.known[RULES]["data"]["groups"][0]["rules"].remove(self.rule(name))


def catalog(settings: Settings | None = None) -> Catalog:
    return tune(load(), settings or Settings(), "test")


def healthy() -> dict[str, Any]:
    """Answer as those do that have all rules and one Alertmanager."""
    rules: list[dict[str, Any]] = [
        {"name": signal.record, "type": "recording"} for signal in load().signals
    ]
    for alert in catalog().alerts:
        waits = seconds(alert.hold_for) if alert.hold_for else 120
        rules.append({"name": alert.name, "type": "alerting", "duration": waits})
    return {
        RULES: {"data": {"groups": [{"rules": rules}]}},
        MANAGERS: {"data": {"activeAlertmanagers": [{"url": "http://elsewhere/api/v2/alerts"}]}},
        STATUS: {"versionInfo": {}},
        ALERTS: [],
    }


@pytest.fixture
def theirs() -> Iterator[Answers]:
    """Answer on loopback until the test ends."""
    known = healthy()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = known.get(self.path)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            """Keep the terminal clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Answers(f"http://127.0.0.1:{server.server_port}", known)
        server.shutdown()
        thread.join()


def stack(
    theirs: Answers, said: list[str] | None = None, settings: Settings | None = None
) -> TheirStack:
    return TheirStack(
        theirs.url,
        theirs.url,
        [FREEZE],
        catalog=catalog(settings),
        settings=settings or Settings(),
        where="sse-observe.yaml",
        address=("127.0.0.1", 9470),
        say=(said if said is not None else []).append,
    )


def test_a_stack_that_has_everything_is_let_be(theirs: Answers) -> None:
    """Rules, their times, an Alertmanager: nothing to complain about."""
    stack(theirs).check()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.forget(STALLED), f"no rule {STALLED}; render the bundle"),
        (
            lambda t: t.forget("route:sse_stalled_streams:avg5m"),
            "no rule route:sse_stalled_streams:avg5m",
        ),
        (lambda t: t.rule(STALLED).update(duration=10), "waits 10 s there, and 5m by sse-obs"),
        (lambda t: t.rule(STALLED).update(lastError="many-to-many"), "fails: many-to-many"),
        (lambda t: t.known.update({MANAGERS: {"data": {}}}), "to no Alertmanager; name yours"),
        (lambda t: t.known.update({STATUS: {}}), "no Alertmanager; check the address"),
        (lambda t: t.known.update({RULES: b"<html>"}), "answered no JSON; is this the right"),
        (lambda t: t.known.update({RULES: {"status": "ok"}}), "no answer of a Prometheus"),
        (lambda t: t.known.pop(RULES), "api/v1/rules answered 404"),
    ],
)
def test_what_is_missing_is_one_line_with_its_remedy(
    theirs: Answers, spoil: Any, words: str
) -> None:
    """Nothing is started before their side is as it must be, and the line says whose side."""
    spoil(theirs)

    with pytest.raises(LabError) as refused:
        stack(theirs).check()

    (line,) = str(refused.value).splitlines()
    assert line.startswith(theirs.url)
    assert words in line


def test_they_are_told_what_to_scrape(theirs: Answers) -> None:
    """The lines can be pasted: they are YAML, with the labels that their selector asks for."""
    said: list[str] = []
    settings = Settings(selector='env="staging", cluster=~"eu-.*"', scrape_interval="10s")
    targets = {"drill": ["127.0.0.1:9470"], "drill-restart": ["0.0.0.0:9471"]}

    with ExitStack() as nothing:
        stack(theirs, said, settings).start(nothing, Path(), "", targets)

    first, restart = yaml.safe_load("\n".join(said[1:-1]))["scrape_configs"]
    assert first == {
        "job_name": "drill",
        "scrape_interval": "10s",
        "static_configs": [{"targets": ["127.0.0.1:9470"], "labels": {"env": "staging"}}],
    }
    assert restart["job_name"] == "drill-restart"
    assert not restart["static_configs"][0]["targets"][0].startswith("0.0.0.0")


def posted(name: str, state: str = "active", **labels: str) -> Mapping[str, Any]:
    return {
        "labels": {"alertname": name, "job": "drill", "route": FREEZE.path, **labels},
        "annotations": {"runbook_url": f"https://r/{name}.md"},
        "receivers": [{"name": "sse-page"}],
        "status": {"state": state},
    }


def test_what_their_alertmanager_holds_is_a_notification_once(theirs: Answers) -> None:
    """It says who is told, or that it is held back; what has gone from it is resolved."""
    watching = stack(theirs)
    theirs.known[ALERTS] = [
        posted(STALLED),
        posted("SSEReplayMiss", "suppressed"),
        posted("SSEErrorBudgetBurn", long="3d"),
        posted("SSEMessageLoss", job="chat"),
    ]
    first, again = watching.notified(), watching.notified()
    theirs.known[ALERTS] = [posted("SSEReplayMiss", "suppressed")]
    (gone,) = watching.notified()

    assert [(note.labels["alertname"], note.receiver) for note in first] == [
        (STALLED, "sse-page"),
        ("SSEReplayMiss", "(sse-page, held back)"),
    ]
    assert first[0].runbook_url == f"https://r/{STALLED}.md"
    assert again == []
    assert (gone.status, gone.labels["alertname"]) == ("resolved", STALLED)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("http://p", None, None, None), "--prometheus, --alertmanager: give both"),
        ((None, "http://a", None, None), "--prometheus, --alertmanager: give both"),
        ((None, None, "127.0.0.1:1", None), "--listen, --settings: only with"),
        (("localhost:9090", "http://a", None, None), "--prometheus localhost:9090: no URL"),
        (("http://p", "a:9093", None, None), "--alertmanager a:9093: no URL"),
        (("http://p", "http://a", "9470", None), "--listen 9470: no address"),
        (("http://p", "http://a", "h:70000", None), "--listen h:70000: no address"),
    ],
)
def test_options_that_make_no_stack_are_one_line(options: Any, words: str) -> None:
    """Both addresses or neither, and each as it must be."""
    with pytest.raises(SettingsError) as refused:
        their_stack(options, [FREEZE], print)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    """Their Prometheus would ask another program: said before any stream is read."""

    async def enter(port: int) -> None:
        async with Scene([FREEZE], tmp_path, nobody, address=("127.0.0.1", port)):
            pass

    async def nobody(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing: nobody asks."""

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=rf"127.0.0.1:{port}: .* choose another with --listen"):
            asyncio.run(enter(port))


@pytest.mark.prove
def test_a_drill_passes_before_a_stack_that_is_not_ours(tmp_path: Path) -> None:
    """Their rules, their scrapes, their Alertmanager: the drill only brings the broken streams."""
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
        # It looks for its Alertmanagers only after some seconds.
        deadline = time.monotonic() + 60
        while not prometheus.get("alertmanagers")["activeAlertmanagers"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "sse_observe", "drill", "heartbeats-off", "--json"),
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
    assert "notified" in {happening["what"] for happening in found["timeline"]}
    assert done.returncode == 0
