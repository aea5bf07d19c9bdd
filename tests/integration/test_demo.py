"""The demo does what its screen says: real streams, a real alert, links that open."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from sse_observe.lab.demo.numbers import read
from sse_observe.lab.demo.pages import bundle_pages
from sse_observe.lab.demo.view import AlertState, Moment, clock, frame
from sse_observe.lab.programs.server import quiet
from tests.support.programs import needs

DEMO = [sys.executable, "-m", "sse_observe", "demo"]


def test_the_numbers_count_births() -> None:
    """Ten were born, six completed, one was cancelled, two are open: one is lost."""
    numbers = read(
        'sse_streams_opened_total{start="fresh"} 10\n'
        'sse_streams_opened_total{start="resumed"} 4\n'
        'sse_streams_closed_total{reason="completed"} 6\n'
        'sse_streams_closed_total{reason="client_disconnected"} 5\n'
        'sse_client_streams_total{outcome="cancelled"} 1\n'
        "sse_concurrent_streams 2\n"
        "sse_reconnect_time_seconds_count 4\n"
        "sse_reconnect_time_seconds_sum 6\n"
    )

    assert (numbers.lost, numbers.active, numbers.resumed) == (1, 2, 4)
    assert numbers.completion == pytest.approx(6 / 7)
    assert numbers.mean_reconnect == pytest.approx(1.5)


def test_an_idle_service_has_no_completion_rate() -> None:
    """Nothing ended yet: no share of nothing, and no division by zero."""
    numbers = read("")

    assert numbers.completion is None
    assert numbers.mean_reconnect is None


def test_a_frame_shows_numbers_alerts_and_links() -> None:
    """What a firing alert needs of its reader is on the screen: its name and its runbook."""
    from rich.console import Console

    alert = AlertState("SSEMessageLoss", "firing", 61, "critical", "http://h/runbooks/x.md")
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(frame(Moment(125, "incident", read(""), (alert,), {"Service": "http://h"})))
    console.file.close()
    shown = console.export_text()

    for text in ("SSEMessageLoss", "http://h/runbooks/x.md", "since 1:01", "2:05", "http://h"):
        assert text in shown
    assert clock(59.9) == "0:59"


def children(pid: int) -> list[str]:
    """Return the commands of a process' children."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == pid:
            found.append(name.split("(", 1)[1])
    return found


@pytest.mark.slow
def test_the_demo_fires_an_alert_and_every_link_opens() -> None:
    """Answers break off, a real Prometheus notices, and the alert leads to pages that exist."""
    needs("prometheus")
    demo = subprocess.run(
        [*DEMO, "--duration", "56", "--json"], check=True, capture_output=True, timeout=150
    )
    summary = json.loads(demo.stdout)
    firing = {alert["name"] for alert in summary["alerts"] if alert["state"] == "firing"}

    assert demo.stderr == b""
    assert "SSEErrorBudgetBurn 1h/5m" in firing
    assert summary["missing"] is None
    numbers = summary["numbers"]
    assert numbers["completed"] > 0
    assert numbers["resumed"] > 0
    assert numbers["completion"] < 0.995


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "number"),
    [
        pytest.param([], signal.SIGINT, id="Ctrl-C"),
        # What a script starts in the background ignores Ctrl-C.
        pytest.param(["sh", "-c", 'trap "" INT; exec "$@"', "sh"], signal.SIGTERM, id="kill"),
    ],
)
def test_an_interrupted_demo_leaves_nothing_behind(
    shell: list[str], number: signal.Signals
) -> None:
    """Ctrl-C, or a plain kill, ends the service, the users, Prometheus and the temporary folder."""
    needs("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = set(Path("/tmp").glob("sse-observe-*"))  # noqa: S108
    command = [*shell, *DEMO, "--port", str(port)]
    with ExitStack() as stack:
        demo = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        )
        stack.callback(demo.kill)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and "prometheus" not in children(demo.pid):
            time.sleep(0.1)
        url = f"http://127.0.0.1:{port}"
        for page in ("runbooks/SSECompletionRateLow.md", "d/sse-stream-health", ""):
            assert requests.get(f"{url}/{page}", timeout=5).status_code == 200
        assert requests.get(f"{url}/nothing", timeout=5).status_code == 404
        assert "sse_concurrent_streams" in requests.get(f"{url}/metrics", timeout=5).text
        demo.send_signal(number)
        _, said = demo.communicate(timeout=20)

    assert demo.returncode == 130
    assert b"Traceback" not in said
    assert set(Path("/tmp").glob("sse-observe-*")) <= before  # noqa: S108
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)


@pytest.mark.slow
def test_without_prometheus_the_demo_runs_and_says_what_is_missing(tmp_path: Path) -> None:
    """No program on PATH: streams and numbers all the same, and how to get the rest."""
    done = subprocess.run(
        [*DEMO, "--duration", "4", "--json", "--users", "5"],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    summary = json.loads(done.stdout)

    assert "apt-get install prometheus" in summary["missing"]
    assert summary["numbers"]["started"] > 0


@pytest.mark.slow
def test_a_pipe_is_told_each_turn_of_events_once(tmp_path: Path) -> None:
    """No screen to draw over, as in a log: the links and each phase, not a frame a second."""
    done = subprocess.run(
        [*DEMO, "--duration", "3", "--users", "2"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path), "COLUMNS": "100"},
    )

    assert done.stdout.count("Runbooks") == done.stdout.count("http://127.0.0.1") / 2 == 1
    assert "healthy" in done.stdout


@pytest.mark.slow
def test_a_busy_port_is_one_clear_line() -> None:
    """Somebody listens there already: say so, name the remedy, exit with 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*DEMO, "--port", str(port)], check=False, capture_output=True, text=True
        )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"port {port}" in line
    assert "--port" in line


def test_the_pages_of_the_bundle_are_safe_and_lead_to_each_other() -> None:
    """Runbooks as HTML without their banner, raw HTML as text, boards with a link per query."""
    board = {
        "uid": "sse-x",
        "title": "X <b>",
        "panels": [
            {
                "title": "P",
                "description": "See [it](http://h/)",
                "targets": [{"expr": 'rate(a{job=~"$job"}[$__rate_interval])'}],
            }
        ],
    }
    pages = bundle_pages(
        {
            "runbooks/A.md": "<!-- banner -->\n# A\n\n[B](B.md) <script>alert(1)</script>\n",
            "dashboards/x.json": json.dumps(board),
        },
        "http://prometheus",
    )

    assert "banner" not in pages["/runbooks/A.md"]
    assert "<script>" not in pages["/runbooks/A.md"]
    assert 'href="B.md"' in pages["/runbooks/A.md"]
    assert "X &lt;b&gt;" in pages["/d/sse-x"]
    assert "rate(a{job=~&quot;.+&quot;}[1m])" in pages["/d/sse-x"]
    assert "http://prometheus/graph?g0.expr=rate" in pages["/d/sse-x"]
    assert json.loads(pages["/dashboards/x.json"]) == board


def test_what_a_lab_silences_speaks_again_afterwards() -> None:
    """The log level belongs to the process; a run that borrowed it gives it back."""
    log = logging.getLogger("sse_observe")
    before = log.level
    with quiet():
        silent = not log.isEnabledFor(logging.ERROR)

    assert silent
    assert log.level == before
