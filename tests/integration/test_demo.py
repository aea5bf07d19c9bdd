"""The demo as a user runs it: how it ends, and what it does without Prometheus."""

import json
import os
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from sse_observe.lab.programs.process import free_port
from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def children(pid: int) -> list[str]:
    """Return the commands of a process' children."""
    return [name for name, _ in _children(pid)]


def pids(pid: int, command: str) -> list[int]:
    """Return the process ids of a process' children that run a command."""
    return [child for name, child in _children(pid) if name == command]


def _children(pid: int) -> list[tuple[str, int]]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == pid:
            found.append((name.split("(", 1)[1], int(status.parent.name)))
    return found


@pytest.mark.parametrize(
    ("shell", "number"),
    [
        pytest.param([], signal.SIGINT, id="Ctrl-C"),
        # What a script starts in the background ignores Ctrl-C.
        pytest.param(["sh", "-c", 'trap "" INT; exec "$@"', "sh"], signal.SIGTERM, id="kill"),
    ],
)
def test_every_link_opens_until_an_interrupt_that_leaves_nothing_behind(
    shell: list[str], number: signal.Signals, tmp_path: Path
) -> None:
    """Ctrl-C, or a plain kill, ends the service, the users, Prometheus and the temporary folder."""
    needs("prometheus")
    port = free_port()
    command = [*shell, *SSE_OBSERVE, "demo", "--port", str(port)]
    with ExitStack() as stack:
        demo = stack.enter_context(
            subprocess.Popen(
                command,
                env={**os.environ, "TMPDIR": str(tmp_path)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
        stack.callback(demo.kill)
        wait_until(lambda: "prometheus" in children(demo.pid), "Prometheus")
        url = f"http://127.0.0.1:{port}"
        for page in ("runbooks/SSECompletionRateLow.md", "d/sse-stream-health", ""):
            assert requests.get(f"{url}/{page}", timeout=5).status_code == 200
        assert requests.get(f"{url}/nothing", timeout=5).status_code == 404
        assert "sse_concurrent_streams" in requests.get(f"{url}/metrics", timeout=5).text
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=20)

    assert demo.returncode == 130
    assert b"Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)


def test_a_demo_that_is_killed_leaves_no_program_behind() -> None:
    """SIGKILL leaves no time to stop anything, and the port must be free for the next demo."""
    needs("prometheus")
    command = [*SSE_OBSERVE, "demo", "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as demo:
        wait_until(lambda: "prometheus" in children(demo.pid), "Prometheus")
        (prometheus,) = pids(demo.pid, "prometheus")
        demo.kill()

    wait_until(lambda: not Path(f"/proc/{prometheus}/exe").exists(), "the end of Prometheus")


def test_what_is_no_port_is_one_clear_line() -> None:
    """Beyond the last one: say so, name the remedy, exit with 1."""
    command = [*SSE_OBSERVE, "demo", "--port", "70000"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "70000" in done.stderr


def test_without_prometheus_the_demo_runs_and_says_what_is_missing(tmp_path: Path) -> None:
    """No program on PATH: streams and numbers all the same, and how to get the rest."""
    done = subprocess.run(
        [*SSE_OBSERVE, "demo", "--duration", "3", "--json", "--users", "5"],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    summary = json.loads(done.stdout)

    assert "apt-get install prometheus" in summary["missing"]
    assert summary["numbers"]["started"] > 0


def test_a_pipe_gets_each_new_phase_once(tmp_path: Path) -> None:
    """No screen to draw over, as in a log: the links and each phase, not a frame a second."""
    done = subprocess.run(
        [*SSE_OBSERVE, "demo", "--duration", "1", "--users", "2"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path), "COLUMNS": "100"},
    )

    assert done.stdout.count("Runbooks") == done.stdout.count("http://127.0.0.1") / 2 == 1
    assert "Healthy." in done.stdout


def test_a_busy_port_is_one_clear_line() -> None:
    """Somebody listens there already: say so, name the remedy, exit with 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*SSE_OBSERVE, "demo", "--port", str(port)], check=False, capture_output=True, text=True
        )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"port {port}" in line
    assert "--port" in line
