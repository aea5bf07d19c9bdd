"""A stop without a failed stream, under every server that we name, and in the frameworks."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from sse_observe.lab.programs.process import free_port
from tests.apps.drained_app import SECONDS
from tests.support.paths import ROOT
from tests.support.servers import PATIENCE_SECONDS, RawClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there, and no flock"),
]

# Each grace time is longer than the drain.
GRACE = str(int(SECONDS) + 4)
SERVERS = {
    "uvicorn": f"uvicorn {{app}} --port {{port}} --timeout-graceful-shutdown {GRACE}",
    "uvicorn-workers": (
        f"uvicorn {{app}} --port {{port}} --workers 2 --timeout-graceful-shutdown {GRACE}"
    ),
    "hypercorn": f"hypercorn {{app}} --bind 127.0.0.1:{{port}} --graceful-timeout {GRACE}",
    "hypercorn-workers": (
        f"hypercorn {{app}} --bind 127.0.0.1:{{port}} --workers 2 --graceful-timeout {GRACE}"
    ),
    "granian": (f"granian --interface asgi {{app}} --port {{port}} --workers-kill-timeout {GRACE}"),
    "granian-workers": (
        f"granian --interface asgi {{app}} --port {{port}} --workers 2"
        f" --workers-kill-timeout {GRACE}"
    ),
    "gunicorn-asgi": f"gunicorn {{app}} -k asgi -b 127.0.0.1:{{port}} --graceful-timeout {GRACE}",
    "gunicorn-uvicorn": (
        "gunicorn {app} -k uvicorn_worker.UvicornWorker -w 2 -b 127.0.0.1:{port}"
        f" --graceful-timeout {GRACE}"
    ),
}
# What `make test` runs; `make prove` runs all pairs.
SAMPLE = {
    ("uvicorn", "signal"),
    ("hypercorn", "signal"),
    ("hypercorn-workers", "file"),
    ("granian", "signal"),
    ("gunicorn-asgi", "signal"),
}
# Its parent sends every worker SIGTERM as soon as one of them has left.
CUTS_ITSELF = {("hypercorn-workers", "signal")}
CELLS = [
    pytest.param(
        server, by, id=f"{server}-{by}", marks=() if (server, by) in SAMPLE else pytest.mark.prove
    )
    for server in SERVERS
    for by in ("signal", "file")
    if (server, by) not in CUTS_ITSELF
]
FEEDS = 8


class Drained:
    """A server whose application is drained."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.url = url
        self.process = process
        self.file = folder / "drain"
        self._counts = folder / "counts"

    def read(self, path: str) -> tuple[float, RawClient]:
        """Read a stream to its end; return when that was, too."""
        with RawClient(f"{self.url}{path}") as client:
            client.until_end()
        return time.monotonic(), client

    def readiness(self) -> int | None:
        """Return the status of readiness; None where nobody listens any more."""
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/ready", timeout=PATIENCE_SECONDS).status_code
        return None

    def begin(self, by: str) -> None:
        """Let it drain."""
        if by == "file":
            self.file.touch()
        else:
            self.process.send_signal(signal.SIGTERM)

    def closed(self) -> Counter[str]:
        """Return how its streams ended, once it is gone."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._counts))
        found = Counter[str]()
        for family in registry.collect():
            for sample in family.samples:
                if sample.name == "sse_streams_closed_total":
                    found[sample.labels["reason"]] += int(sample.value)
                assert sample.name != "sse_observer_faults_total" or not sample.value
        return +found


@contextmanager
def drained(command: str, folder: Path, **env: str) -> Iterator[Drained]:
    """Run a server with one of the drained applications."""
    port = free_port()
    (folder / "counts").mkdir()
    program, *options = command.format(port=port, app="tests.apps.drained_app:app").split()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).parent / program, *options],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PROMETHEUS_MULTIPROC_DIR": str(folder / "counts"),
                "DRAIN_FILE": str(folder / "drain"),
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Drained(f"http://127.0.0.1:{port}", process, folder)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.readiness() != 200:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.05)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(("server", "by"), CELLS)
def test_a_server_stops_without_a_failed_feed(server: str, by: str, tmp_path: Path) -> None:
    """Feeds are renewed one by one, an answer finishes, what is too long hears why it ends."""
    with drained(SERVERS[server], tmp_path) as host, ThreadPoolExecutor(FEEDS + 2) as readers:
        feeds = [readers.submit(host.read, "/feed") for _ in range(FEEDS)]
        short, long = readers.submit(host.read, "/short"), readers.submit(host.read, "/long")
        time.sleep(1)
        host.begin(by)
        began = time.monotonic()
        # It looks four times a second; a server that was told to stop may listen no more.
        deadline = began + SECONDS / 2
        while (status := host.readiness()) == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert status == 503 or (by == "signal" and status is None)

        ends = sorted(feed.result()[0] - began for feed in feeds)
        assert all(b"retry: " in feed.result()[1].raw[-60:] for feed in feeds)
        assert all(feed.result()[1].raw.endswith(b"0\r\n\r\n") for feed in feeds)
        assert ends[0] < SECONDS / 3
        assert ends[-1] > SECONDS * 2 / 3
        assert short.result()[1].events[-1].type == "done"
        assert long.result()[1].events[-1].type == "error"
        assert long.result()[0] - began > SECONDS - 1
        if by == "file":
            # As the pod's preStop waits for it.
            wait = ["flock", host.file, "true"]
            subprocess.run(wait, check=True, timeout=PATIENCE_SECONDS)
            host.process.send_signal(signal.SIGTERM)
        host.process.wait(PATIENCE_SECONDS)

        assert host.closed() == {"rotated": FEEDS, "completed": 1, "shutdown": 1}


@pytest.mark.parametrize("framework", ["starlette", "fastapi", "sse-starlette", "django"])
def test_the_stream_of_a_framework_is_ended_in_order(framework: str, tmp_path: Path) -> None:
    """Each cancels what it has begun, and hides no cancellation."""
    command = "uvicorn tests.apps.drained_app:framework --factory --port {port}"
    with (
        drained(command, tmp_path, DRAINED_APP=framework) as host,
        ThreadPoolExecutor(1) as readers,
    ):
        reading = readers.submit(host.read, "/sigterm-past")
        time.sleep(1)
        host.begin("file")
        _, client = reading.result()

        assert client.events[-1].type == "error"
        assert client.raw.endswith(b"0\r\n\r\n")
        text = requests.get(f"{host.url}/metrics", timeout=PATIENCE_SECONDS).text
        assert 'reason="shutdown",route="/sigterm-past",user_segment="all"} 1.0' in text
        # Django's own task hears afterwards that the client is gone, and nobody asks it.
        assert framework == "django" or "Traceback" not in (tmp_path / "log").read_text()


def test_between_the_middlewares_of_a_framework_it_works_too(tmp_path: Path) -> None:
    """Some run the application in a task of its own."""
    command = "uvicorn tests.apps.drained_app:within --factory --port {port}"
    with drained(command, tmp_path) as host, ThreadPoolExecutor(2) as readers:
        reading = [readers.submit(host.read, path) for path in ("/feed", "/long")]
        time.sleep(1)
        host.begin("file")
        feed, long = (one.result()[1] for one in reading)

        assert b"retry: " in feed.raw[-60:]
        assert long.events[-1].type == "error"
        text = requests.get(f"{host.url}/metrics", timeout=PATIENCE_SECONDS).text
        assert 'reason="rotated",route="/feed",user_segment="all"} 1.0' in text
        assert 'reason="shutdown",route="/long",user_segment="all"} 1.0' in text
        assert "Traceback" not in (tmp_path / "log").read_text()
