"""How streams end under real servers and real frameworks, and what the counters say."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families as parse

from sse_observe.lab.programs.process import free_port
from tests.support.http2 import H2Client
from tests.support.outcomes import (
    APPLICATIONS,
    ENDINGS,
    HTTP_2,
    LOST,
    NO_STREAM,
    SERVERS,
    counted,
    endings_on,
    hangs,
)
from tests.support.paths import ROOT
from tests.support.servers import PATIENCE_SECONDS, RawClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a peer vanish")

BIN = Path(sys.executable).parent
_UVICORN = (
    *("uvicorn", "--log-level", "critical", "--timeout-graceful-shutdown", "2"),
    *("--port", "{port}"),
)
_HYPERCORN = (
    *("hypercorn", "--log-level", "critical", "--graceful-timeout", "2"),
    *("--bind", "127.0.0.1:{port}"),
)
_GRANIAN = (
    *("granian", "--interface", "asgi", "--no-log", "--workers-kill-timeout", "2"),
    *("--port", "{port}"),
)
COMMANDS = {
    "uvicorn-httptools": (*_UVICORN, "--http", "httptools", "--loop", "uvloop"),
    "uvicorn-h11": (*_UVICORN, "--http", "h11", "--loop", "asyncio"),
    "hypercorn": _HYPERCORN,
    "hypercorn-h2": _HYPERCORN,
    "hypercorn-workers": (*_HYPERCORN, "--workers", "2"),
    "granian": (*_GRANIAN, "--http", "1"),
    "granian-h2": (*_GRANIAN, "--http", "auto"),
}
# What `make test` runs: every server and every application, so that each ending meets each.
SAMPLE = {
    ("uvicorn-httptools", "fastapi"),
    ("uvicorn-h11", "django"),
    ("hypercorn", "listening"),
    ("hypercorn-h2", "starlette"),
    ("granian", "sse-starlette"),
    ("granian", "watched"),
    ("granian-h2", "send-only"),
}
# What response headers leave to be wished, by who writes them.
HEADER_FAULTS = {
    "listening": {"buffering_allowed"},
    "send-only": {"buffering_allowed"},
    "watched": {"buffering_allowed"},
    "starlette": {"buffering_allowed", "cacheable"},
    "django": {"buffering_allowed", "cacheable"},
    "fastapi": set(),
    # It names the connection, which HTTP/2 forbids.
    "sse-starlette": {"connection_header"},
}
COMPLETES = {"opened fresh": 1, "closed completed": 1}
RESUMED = {"opened resumed": 1, "closed completed": 1}
CELLS = [
    pytest.param(
        server,
        application,
        marks=[
            pytest.mark.slow,
            *(() if (server, application) in SAMPLE else (pytest.mark.prove,)),
        ],
        id=f"{server}-{application}",
    )
    for server in SERVERS
    for application in APPLICATIONS
]


def test_the_sample_leaves_no_server_and_no_application_out():
    """Each ending meets each of them in every run; only their pairs are left to the whole."""
    assert {server for server, _ in SAMPLE} == set(SERVERS)
    assert {application for _, application in SAMPLE} == set(APPLICATIONS)


class Served:
    """One server process, its counters, and where they remain when it is gone."""

    def __init__(self, url, client, process, folder):
        self.url = url
        self.client = client
        self.process = process
        self.folder = folder

    def ask(self, ending, **options):
        """Ask for a stream."""
        asked = {"Accept": "text/event-stream", **options.pop("headers", {})}
        return self.client(f"{self.url}/{ending}", headers=asked, **options)

    def release(self, ending):
        """Let a stream end that ends by itself."""
        (self.folder / f"released-{ending}").touch()

    def header_faults(self):
        """Return what was found wrong in response headers."""
        families = parse(requests.get(f"{self.url}/metrics", timeout=PATIENCE_SECONDS).text)
        samples = [sample for family in families for sample in family.samples]
        name = "sse_response_faults_total"
        return {s.labels["fault"] for s in samples if s.name == name and s.value}

    def counts(self, *, dead=False):
        """Return what was counted of each ending; of a process that is gone from its files."""
        if dead:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self.folder))
            families = registry.collect()
        else:
            families = parse(requests.get(f"{self.url}/metrics", timeout=PATIENCE_SECONDS).text)
        found = {}
        for family in families:
            for sample in family.samples:
                labels = sample.labels
                word = {
                    "sse_streams_opened_total": "opened " + labels.get("start", ""),
                    "sse_streams_closed_total": "closed " + labels.get("reason", ""),
                    "sse_open_rejected_total": "rejected " + labels.get("status", ""),
                    "sse_concurrent_streams": "open",
                    "sse_orphaned_streams": "orphaned",
                    "sse_observer_faults_total": "faults",
                }.get(sample.name)
                if word is not None and sample.value:
                    counts = found.setdefault(labels.get("route", "/")[1:], {})
                    counts[word] = counts.get(word, 0) + sample.value
        return found

    def settled(self, expected):
        """Wait until what is expected was counted; return what was, of these endings or all."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = self.counts()
            if all(found.get(name, {}) == counts for name, counts in expected.items()):
                return found
            if time.monotonic() > deadline:
                return found
            time.sleep(0.1)


@contextmanager
def served(server, application, folder):
    """Run one server with one application."""
    port = free_port()
    program, *options = COMMANDS[server]
    process = subprocess.Popen(
        [
            BIN / program,
            *(option.format(port=port) for option in options),
            "tests.apps.ending_apps:app",
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "ENDING_APP": application,
            "PYTHONPATH": str(ROOT),
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while True:
            assert process.poll() is None, f"{server} did not start"
            assert time.monotonic() < deadline, f"{server} does not answer"
            with suppress(requests.ConnectionError):
                requests.get(f"{url}/metrics", timeout=PATIENCE_SECONDS)
                break
            time.sleep(0.05)
        client = H2Client if server.endswith("-h2") else RawClient
        yield Served(url, client, process, folder)
    finally:
        # The whole group: granian's workers are processes of their own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def first_event(client):
    """Tell whether the first bytes of the stream have come."""
    return b"data: " in client.body


def play(here, ending, connected):
    """Be the client of one ending; whoever does not leave stays connected."""
    if ending == "vanish":
        vanish(here, connected)
        return
    method = "HEAD" if ending == "head" else "GET"
    client = connected.enter_context(here.ask(ending, method=method))
    truth = ENDINGS[ending].truth
    if ending == "error-hangup":
        client.until(lambda client: b"event: error" in client.body).close()
        here.release(ending)
    elif truth in ("completed", "error_event", "cancelled"):
        client.until_end()
    elif truth == "client_disconnected":
        if ending == "unread":
            time.sleep(0.5)
        else:
            client.until(first_event)
        leave = {"half-close": "half_close", "reset": "reset", "cancel-stream": "cancel_stream"}
        getattr(client, leave.get(ending, "close"))()
        here.release(ending)


def vanish(here, connected):
    """Lose the network in mid-stream, resume over another, and wait until TCP has given up."""
    client = connected.enter_context(here.ask("vanish")).until(first_event)
    port = client.socket.getsockname()[1]
    client.vanish()
    with here.ask("resumed", headers={"Last-Event-ID": "1"}) as again:
        again.until_end()
    # Nobody can know yet.
    unknown = {"vanish": {"opened fresh": 1, "open": 1}, "resumed": RESUMED}
    assert unknown.items() <= here.settled(unknown).items()
    deadline = time.monotonic() + 2 * PATIENCE_SECONDS
    while requests.get(f"{here.url}/lost/{port}", timeout=PATIENCE_SECONDS).status_code != 200:
        assert time.monotonic() < deadline, "TCP does not give up"
        time.sleep(0.2)
    here.release("vanish")


def in_counters(word):
    """Return what the counters show of a stream that was counted as a word says."""
    if word == NO_STREAM:
        return {}
    if word.startswith("rejected"):
        return {word: 1}
    opened = {"opened fresh": 1}
    if word == LOST:
        return opened | {"open": 1}
    return opened | {f"closed {word}": 1}


@pytest.mark.parametrize(("server", "application"), CELLS)
def test_each_ending_is_counted_as_what_it_was(server, application, tmp_path):
    """One stream per ending, all at once, then SIGTERM: exactly these are counted, no others."""
    expected = {
        name: in_counters(counted(server, application, name)) for name in endings_on(server)
    }
    at_exit = ("sigterm-within", "sigterm-past")
    before = {
        name: counts | ({"orphaned": 1} if hangs(server, application, name) else {})
        for name, counts in expected.items()
        if name not in at_exit and counts
    }
    before["resumed"] = RESUMED
    with served(server, application, tmp_path) as here:
        names = [name for name in expected if name not in at_exit]
        with ExitStack() as connected, ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: play(here, name, connected), names))
            assert here.settled(before) == before
        allowed = set() if server in HTTP_2 else {"connection_header"}
        assert here.header_faults() == HEADER_FAULTS[application] - allowed
        with ExitStack() as connected:
            for name in at_exit:
                connected.enter_context(here.ask(name)).until(first_event)
            held = {name: {"opened fresh": 1, "open": 1} for name in at_exit}
            assert here.settled(before | held) == before | held
            here.process.send_signal(signal.SIGTERM)
            # What ends its streams itself needs no release, and would race with it.
            if expected["sigterm-within"] == COMPLETES:
                here.release("sigterm-within")
            here.process.wait(PATIENCE_SECONDS)
        after = {name: counts for name, counts in expected.items() if counts}
        after["resumed"] = RESUMED
        assert here.counts(dead=True) == after


@pytest.mark.slow
@pytest.mark.prove
def test_workers_of_hypercorn_are_cut_without_a_word(tmp_path):
    """As the reference says of them: nothing tells how their streams ended."""
    with served("hypercorn-workers", "listening", tmp_path) as here:
        with here.ask("sigterm-past") as client:
            client.until(first_event)
            held = {"sigterm-past": in_counters(LOST)}
            assert here.settled(held) == held
            here.process.send_signal(signal.SIGTERM)
            here.process.wait(PATIENCE_SECONDS)
        assert here.counts(dead=True) == held
