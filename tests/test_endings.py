"""How streams end under real servers and real frameworks, and what the counters say."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families as parse
from servers import RawClient

from sse_observe.lab.process import free_port

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
FRAMEWORKS = ("deaf", "listening", "starlette", "sse-starlette", "fastapi", "django")
SERVERS = {
    "uvicorn-httptools": (
        *("uvicorn", "--http", "httptools", "--loop", "uvloop", "--log-level", "critical"),
        *("--timeout-graceful-shutdown", "1", "--port", "{port}"),
    ),
    "uvicorn-h11": (
        *("uvicorn", "--http", "h11", "--loop", "asyncio", "--log-level", "critical"),
        *("--timeout-graceful-shutdown", "1", "--port", "{port}"),
    ),
    "hypercorn": (
        *("hypercorn", "--graceful-timeout", "1", "--log-level", "critical"),
        *("--bind", "127.0.0.1:{port}"),
    ),
    "granian": (
        *("granian", "--interface", "asgi", "--workers-kill-timeout", "1", "--no-log"),
        *("--http", "1", "--port", "{port}"),
    ),
}
# What `make test` runs: every server and every framework at least once.
SAMPLE = {
    ("uvicorn-httptools", "deaf"),
    ("uvicorn-httptools", "fastapi"),
    ("uvicorn-h11", "starlette"),
    ("uvicorn-h11", "django"),
    ("hypercorn", "listening"),
    ("granian", "sse-starlette"),
}
CELLS = [
    pytest.param(
        server,
        framework,
        marks=pytest.mark.slow if (server, framework) in SAMPLE else pytest.mark.prove,
        id=f"{server}-{framework}",
    )
    for server in SERVERS
    for framework in FRAMEWORKS
]
ASKS = {"Accept": "text/event-stream"}
COMPLETED = {"closed completed": 1}
LEFT = {"closed client_disconnected": 1}
ERROR = {"closed server_error": 1}
SHUTDOWN = {"closed shutdown": 1}


class Served:
    """One server process, its counters, and where they remain when it is gone."""

    def __init__(self, url, process, folder):
        self.url = url
        self.process = process
        self.folder = folder
        self.opened = 0

    def counts(self, *, dead=False):
        """Return the counters of ends; of a process that is gone from the files it left."""
        if dead:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self.folder))
            families = registry.collect()
        else:
            families = parse(requests.get(f"{self.url}/metrics", timeout=5).text)
        found = {}
        for family in families:
            for sample in family.samples:
                word = {
                    "sse_streams_closed_total": "closed " + sample.labels.get("reason", ""),
                    "sse_open_rejected_total": "rejected " + sample.labels.get("status", ""),
                    "sse_streams_opened_total": "opened",
                    "sse_concurrent_streams": "open",
                    "sse_orphaned_streams": "orphaned",
                    "sse_observer_faults_total": "faults",
                }.get(sample.name)
                if word is not None and sample.value:
                    found[word] = found.get(word, 0) + sample.value
        return found

    def changed(self, before, expected, seconds=4.0):
        """Wait until the counters have moved as expected, and nothing is open; return the moves."""
        deadline = time.monotonic() + seconds
        while True:
            after = self.counts()
            moved = {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}
            opened = moved.pop("opened", 0)
            if moved == expected or time.monotonic() > deadline:
                closed = sum(n for word, n in expected.items() if word.startswith("closed"))
                assert opened == closed
                return moved
            time.sleep(0.05)


@contextmanager
def served(server, framework, folder):
    """Run one server with one framework's application."""
    port = free_port()
    program, *options = SERVERS[server]
    process = subprocess.Popen(
        [BIN / program, *(option.format(port=port) for option in options), "ending_apps:app"],
        cwd=HERE,
        env={
            **os.environ,
            "ENDING_APP": framework,
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, f"{server} did not start"
            assert time.monotonic() < deadline, f"{server} does not answer"
            try:
                requests.get(f"{url}/metrics", timeout=2)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield Served(url, process, folder)
    finally:
        # The whole group: granian's workers are processes of their own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(here, ending, **options):
    """Open a stream."""
    return RawClient(f"{here.url}/{ending}", headers=ASKS, **options)


def first_event(client):
    """Tell whether the first bytes of the stream have come."""
    return b"data: " in client.body


def leave(how, ending="hold"):
    """Return a client that leaves an open stream."""

    @contextmanager
    def act(here):
        with ask(here, ending).until(first_event) as client:
            getattr(client, how)()
            yield

    return act


def read_all(ending):
    """Return a client that reads to the end."""

    @contextmanager
    def act(here):
        with ask(here, ending) as client:
            client.until_end()
            yield

    return act


@contextmanager
def read_nothing(here):
    """Ask for a lot, read none of it, and leave."""
    with ask(here, "flood"):
        time.sleep(0.7)
    yield


@contextmanager
def head(here):
    """Ask for the headers only."""
    with ask(here, "done", method="HEAD"):
        time.sleep(0.3)
    yield


@contextmanager
def no_content(here):
    """Ask a stream that is over."""
    with ask(here, "nothing") as client:
        assert client.status == 204
        time.sleep(0.3)
    yield


ENDINGS = {
    "completed with done": (read_all("done"), COMPLETED),
    "completed with [DONE]": (read_all("done-data"), COMPLETED),
    "ended without a terminal event": (read_all("plain"), COMPLETED),
    "client closes between events": (leave("close"), LEFT),
    "client closes within an event": (leave("close", "hold-half"), LEFT),
    "client half-closes": (leave("half_close"), LEFT),
    "client resets": (leave("reset"), LEFT),
    "client reads nothing and leaves": (read_nothing, LEFT),
    "application fails before the first byte": (read_all("fail-early"), {"rejected 5xx": 1}),
    "application fails in mid-stream": (read_all("fail-mid"), ERROR),
    "task cancelled": (read_all("cancel"), ERROR),
    "no content": (no_content, {}),
    "head": (head, {}),
    "not found": (read_all("refused"), {"rejected 4xx": 1}),
}


def expectation(server, framework, ending):
    """Return what a cell reads as: the truth, or what its server makes of it."""
    act, truth = ENDINGS[ending]
    if server == "granian" and framework == "deaf" and truth == LEFT:
        # Nothing shows the leaving to an application that never asks.
        truth = COMPLETED if ending != "client reads nothing and leaves" else None
    if ending == "task cancelled" and not server.startswith("uvicorn"):
        # A cancellation without a disconnect is how these servers shut down; frameworks keep
        # it within and return without a last message.
        truth = SHUTDOWN if framework in ("deaf", "listening") else ERROR
    return act, truth


@pytest.mark.parametrize(("server", "framework"), CELLS)
def test_each_ending_is_counted_as_what_it_was(server, framework, tmp_path):
    """One stream per ending; the counters move by exactly that."""
    wrong = {}
    with served(server, framework, tmp_path) as here:
        for ending in ENDINGS:
            act, truth = expectation(server, framework, ending)
            if truth is None:
                continue
            before = here.counts()
            with act(here):
                moved = here.changed(before, truth)
            if moved != truth:
                wrong[ending] = moved
    assert wrong == {}


def asked_to_end(here, ending, tmp_path):
    """Hold a stream open, send SIGTERM, wait for the process; return what it left."""
    client = ask(here, ending).until(first_event)
    here.process.send_signal(signal.SIGTERM)
    here.process.wait(15)
    client.close()
    found = here.counts(dead=True)
    opened = found.pop("opened")
    assert opened == 1
    return found


SIGTERM_CELLS = [
    pytest.param(
        server,
        framework,
        marks=pytest.mark.slow
        if framework in ("fastapi", "listening") and server == "uvicorn-httptools"
        else pytest.mark.prove,
    )
    for server in ("uvicorn-httptools", "uvicorn-h11", "hypercorn")
    for framework in FRAMEWORKS
]


@pytest.mark.parametrize(("server", "framework"), SIGTERM_CELLS)
@pytest.mark.parametrize("within", [True, False], ids=["within", "past"])
def test_shutdown_is_told_from_the_rest(server, framework, within, tmp_path):
    """A stream that ends within the grace time completes; one that is cut was shut down."""
    if framework == "deaf" and not within:
        pytest.skip("the deaf application ends by itself")
    with served(server, framework, tmp_path) as here:
        found = asked_to_end(here, "slow-end" if within else "hold", tmp_path)
    if within and framework == "sse-starlette" and server != "hypercorn":
        # It watches uvicorn's flag itself and gives up at once.
        assert found == SHUTDOWN
    elif within:
        assert found == COMPLETED
    elif framework == "django" and server != "hypercorn":
        # It refuses the life cycle, and uvicorn lets nothing run after the grace time: no record.
        assert found == {"open": 1}
    else:
        assert found == SHUTDOWN
