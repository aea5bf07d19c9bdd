"""Several worker processes count as one, though they are killed, replaced and stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from sse_observe.lab.programs.process import free_port
from sse_observe.metrics import NETWORKS
from sse_observe.registry.multiprocess import SharedNumbers
from tests.support.paths import ROOT
from tests.support.programs import isolated
from tests.support.servers import PATIENCE_SECONDS, RawClient
from tests.support.waiting import wait_until

# The tick, a slow machine, and the time that a scrape of another worker takes.
TICK_AND_SLACK = 2.0


GUNICORN = """
from uvicorn_worker import UvicornWorker

from sse_observe.registry.multiprocess import child_exit


class Worker(UvicornWorker):
    CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "timeout_graceful_shutdown": 1}


worker_class = Worker
preload_app = PRELOAD
"""


class Cluster:
    """A server with three workers, and what was done to it."""

    def __init__(self, process, url, directory):
        self.process = process
        self.url = url
        self.directory = directory
        self.clients = []
        self.opened = Counter()
        self.completed = Counter()
        self.events = Counter()

    def open(self, path):
        """Open a stream and read its first event."""
        client = RawClient(self.url + path)
        self.clients.append(client)
        client.worker = int(client.headers["x-worker"])
        self.opened[client.worker] += 1
        return client.until(lambda c: c.events)

    def children(self):
        """Return the processes that the server has: its workers, and what watches over them."""
        of = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(of.read_text().split())

    def fill_disk(self):
        """Leave no room on the disk that only the server sees."""
        filler = Path(f"/proc/{self.process.pid}/root{self.directory}/filler")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def stream(self, n=3, path="/s", query=""):
        """Read a stream to its end; return the worker that served it."""
        client = self.open(f"{path}?n={n}{query}")
        client.until_end()
        assert len(client.events) == n
        client.close()
        self.completed[client.worker] += 1
        self.events[client.worker] += n
        return client.worker

    def seen(self):
        """Return what /metrics says now."""
        with RawClient(self.url + "/metrics", headers={"Connection": "close"}) as client:
            return totals(client.until_end().body.decode())

    def until(self, claim):
        """Scrape until the claim holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                found = self.seen()
            except (OSError, IndexError):
                # The connection waited in the queue of the worker that was just killed.
                found = None
            if found is not None and claim(found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.1)


def totals(text):
    """Return what matters here of a scrape, summed over routes."""
    found = Counter()
    for family in parse_text(text):
        for sample in family.samples:
            found[sample.name] += sample.value
            if sample.name == "sse_streams_closed_total":
                found[sample.labels["reason"]] += sample.value
    return found


# A disk of its own, as small as `$1`, where the numbers are.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


@contextmanager
def cluster(kind, directory, *, disk=None):
    """Start three workers of a server, whose numbers may have a disk of some size of their own."""
    port = free_port()
    if kind == "uvicorn":
        command = [
            *("uvicorn", "tests.apps.process_app:observed", "--port", str(port), "--workers", "3"),
            *("--log-level", "warning", "--timeout-graceful-shutdown", "1"),
        ]
    else:
        config = directory / "gunicorn.conf.py"
        config.write_text(GUNICORN.replace("PRELOAD", str(kind == "gunicorn, preloaded")))
        command = [
            *("gunicorn", "tests.apps.process_app:observed", "-b", f"127.0.0.1:{port}", "-w", "3"),
            *("-c", str(config), "--log-level", "warning", "--no-control-socket"),
        ]
    numbers = directory / "numbers"
    numbers.mkdir()
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PROMETHEUS_MULTIPROC_DIR": str(numbers),
    }
    command = [sys.executable, "-m", *command]
    if disk is not None:
        shell = ("sh", "-c", ON_A_SMALL_DISK, "sh", disk, str(numbers))
        command = [*isolated("--mount"), *shell, *command]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not accepts(port):
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers = Cluster(process, f"http://127.0.0.1:{port}", numbers)
        try:
            yield workers
        finally:
            for client in workers.clients:
                client.close()
    finally:
        # The workers are in the server's own session, which is its own group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made by Linux")
@pytest.mark.parametrize(
    ("kind", "disk"),
    [("uvicorn", "96k"), ("uvicorn", "4m"), ("gunicorn, preloaded", "700k")],
    ids=["full at once", "full later", "full after a fork"],
)
def test_a_full_disk_costs_numbers_and_no_stream(kind, disk, tmp_path):
    """No worker ends, every stream is whole, scrapes are answered, and the log says what is."""
    with cluster(kind, tmp_path, disk=disk) as workers:
        for _ in range(10):
            workers.stream()
        wait_until(lambda: len(workers.children()) >= 3, "three workers")
        before = workers.children()
        workers.fill_disk()
        # Each brings series that are new.
        for n in range(60):
            workers.stream(path="/x", query=f"&network_type={NETWORKS[n % len(NETWORKS)]}")
        workers.seen()
        for _ in range(30):
            workers.stream()
        left = workers.children()

    assert left == before
    log = (tmp_path / "log").read_text()
    assert "No space left on device" in log
    assert "make room" in log


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn", "gunicorn, preloaded"])
def test_totals_survive_a_killed_worker_and_a_graceful_stop(kind, tmp_path):
    """At most a tick is lost; gauges of dead workers are dropped."""
    with cluster(kind, tmp_path) as workers:
        # Every worker has ended streams and holds one.
        holds = {}
        while len(holds) < 3:
            client = workers.open("/hold")
            if client.worker in holds:
                client.close()
                continue
            holds[client.worker] = client
        for _ in range(20):
            workers.stream()
        extra = sum(workers.opened.values()) - 20 - 3
        found = workers.until(
            lambda t: (
                t["sse_streams_opened_total"] == sum(workers.opened.values())
                and t["sse_concurrent_streams"] == 3
                and t["completed"] == 20
                and t["client_disconnected"] == extra
            )
        )
        assert found["sse_stream_limit"] == 300
        assert found["sse_start_time_seconds"] > time.time() - 60

        # One worker is killed in the middle of a steady stream.
        steady = workers.open("/steady")
        arrived = []
        until = time.monotonic() + TICK_AND_SLACK + 1
        while time.monotonic() < until:
            before = len(steady.events)
            steady.until(lambda c, n=before: len(c.events) > n)
            arrived += [time.monotonic()] * (len(steady.events) - before)
        killed_at = time.monotonic()
        os.kill(steady.worker, signal.SIGKILL)
        while not steady.at_end:
            steady._more()
        steady.until(lambda c: True)

        # Its gauges are forgotten; all but the last second of what it counted is kept.
        found = workers.until(lambda t: t["sse_concurrent_streams"] == 2)
        others = sum(workers.opened.values()) - 1 + 20 * 2
        surely = others + sum(at < killed_at - TICK_AND_SLACK for at in arrived)
        assert surely <= found["sse_event_size_bytes_count"] <= others + len(steady.events)
        assert found["sse_streams_opened_total"] == sum(workers.opened.values())
        lost = others + len(steady.events) - found["sse_event_size_bytes_count"]
        assert lost <= 50 * TICK_AND_SLACK

        # A worker takes its place, and is counted with the others.
        before = set(holds)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while workers.stream() in before:
            assert time.monotonic() < deadline, "no worker took its place"
            time.sleep(0.02)
        opened, completed = sum(workers.opened.values()), sum(workers.completed.values())
        workers.until(lambda t: t["completed"] == completed)

        # In the last moment before an orderly stop: no tick comes any more.
        for _ in range(10):
            workers.stream()
        workers.process.send_signal(signal.SIGTERM)
        for client in holds.values():
            client.until_end()
        assert workers.process.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)
        found = at_rest(workers.directory)
        assert found["sse_streams_opened_total"] == opened + 10
        assert found["completed"] == completed + 10
        assert found["shutdown"] == 2
        # The killed worker's two streams never ended.
        assert found["sse_streams_closed_total"] == opened + 10 - 2
        assert found["sse_event_size_bytes_count"] == found["sse_events_sent_total"]


def at_rest(directory):
    """Return the totals of a directory whose processes are all gone."""
    found = Counter()
    for family in SharedNumbers(directory).families():
        for sample in family.samples:
            found[sample.name] += sample.value
            if sample.name == "sse_streams_closed_total":
                found[sample.labels["reason"]] += sample.value
    return found


def read(directory):
    """Return the samples of a directory, all processes added up."""
    return {
        sample.name: sample.value
        for family in SharedNumbers(directory).families()
        for sample in family.samples
    }
