"""A real browser behind a real nginx that keeps the upstream open for a client that is gone."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as parse_text

from sse_observe import SSEMetrics, UnconfirmedStream
from sse_observe.lab.programs.process import free_port
from tests.apps.site import ROUTE, Counting, site
from tests.support.asgi import value
from tests.support.hops import nginx
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.servers import RawClient, serve
from tests.support.site_tab import URL, open_tab, wait_for, wait_for_messages

pytestmark = pytest.mark.slow

# Where it stores what passes, it reads an answer to its end, whoever has left.
_HOLDS = (
    'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_ignore_client_abort on; '
    "proxy_ignore_headers X-Accel-Buffering; proxy_store {home}/store/$request_id;"
)
REPORT_SECONDS = 2.0
GAUGE = "sse_unconfirmed_streams"


@contextmanager
def behind_nginx(app: Any, home: Path) -> Iterator[str]:
    needs("nginx")
    with serve(app) as upstream:
        start = nginx(_HOLDS.format(home=home))
        running = start(home / "nginx", int(upstream.rpartition(":")[2]))
        try:
            yield f"http://127.0.0.1:{running.port}"
        finally:
            running.program.stop()


def test_a_tab_that_crashed_is_found_and_one_that_lives_is_not(
    window: Any, metrics: SSEMetrics, tmp_path: Path
) -> None:
    """Nginx goes on to read for the dead: for the server both streams are alive, and flow."""
    ended: list[str] = []
    may_end = threading.Event()

    def end(stream: UnconfirmedStream) -> None:
        ended.append(stream.route)
        if may_end.is_set():
            stream.disconnect()

    beacon = {"report_seconds": REPORT_SECONDS, "on_unconfirmed": end}
    app = site(Counting(pause=0.2), metrics, beacon=beacon)

    def counts() -> list[float]:
        names = ("sse_concurrent_streams", "sse_unconfirmed_streams", "sse_orphaned_streams")
        return [value(metrics, name, route=ROUTE) for name in names]

    with behind_nginx(app, tmp_path) as url:
        dead, alive = [open_tab(window, url, URL, reportEvery=1000 * REPORT_SECONDS) for _ in "ab"]
        for tab in (dead, alive):
            wait_for_messages(tab, 30)
        assert counts() == [2, 0, 0]
        dead.crash()
        wait_for(lambda: counts() == [2, 1, 0], counts)
        wait_for(lambda: ended == [ROUTE], lambda: ended)

        may_end.set()
        crashed = open_tab(window, url, URL, reportEvery=1000 * REPORT_SECONDS)
        wait_for_messages(crashed, 30)
        crashed.crash()
        # The first is told of once, whatever comes.
        wait_for(lambda: ended == [ROUTE] * 2, lambda: ended)
        wait_for(lambda: counts() == [2, 1, 0], counts)
        reasons = value(metrics, "sse_streams_closed_total", reason="client_disconnected")
        assert reasons == 1
        before = len(alive.run("window.log.messages"))
        wait_for_messages(alive, before + 5)
        assert counts() == [2, 1, 0]


# Thirty times as fast.
CLIENT = """
import asyncio
import sys

from sse_observe.consumer import resume_stream


async def main():
    quick = lambda seconds: asyncio.sleep(seconds / 30)
    async for _ in resume_stream(sys.argv[1], report_to="/sse/deltas", sleep=quick):
        pass


asyncio.run(main())
"""


def test_a_python_client_confirms_its_stream_until_it_is_killed(
    metrics: SSEMetrics, tmp_path: Path
) -> None:
    """The stream that it leaves behind at nginx is found, and ended by the application."""
    beacon = {"report_seconds": REPORT_SECONDS, "on_unconfirmed": UnconfirmedStream.disconnect}
    app = site(Counting(pause=0.2), metrics, beacon=beacon)

    def count(name: str, **labels: str) -> float:
        return value(metrics, name, **labels)

    with behind_nginx(app, tmp_path) as url:
        client = subprocess.Popen([sys.executable, "-c", CLIENT, url + URL])
        try:
            # Longer than a client without a word would be believed.
            wait_for(
                lambda: count("sse_client_reports_total", result="accepted") >= 8,
                lambda: count("sse_client_reports_total"),
            )
            assert count("sse_concurrent_streams", route=ROUTE) == 1
        finally:
            client.kill()
            client.wait()
        wait_for(
            lambda: count("sse_concurrent_streams", route=ROUTE) == 0,
            lambda: count("sse_unconfirmed_streams", route=ROUTE),
        )
        assert count("sse_streams_closed_total", reason="client_disconnected") == 1
        # Its last write has raised, and so the application is over.
        wait_for(lambda: count("sse_orphaned_streams", route=ROUTE) == 0, lambda: "it goes on")
        assert count("sse_observer_faults_total") == 0


STREAMS = 6


@contextmanager
def two_workers(home: Path) -> Iterator[str]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", "tests.apps.site:served"),
        *("--workers", "2", "--port", str(port), "--log-level", "warning"),
    ]
    env = {
        "PYTHONPATH": str(ROOT),
        "PROMETHEUS_MULTIPROC_DIR": str(home),
        "SITE_REPORT_SECONDS": str(REPORT_SECONDS),
    }
    process = subprocess.Popen(command, env={**os.environ, **env}, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_up(url), lambda: "no worker answers")
        yield url
    finally:
        # The workers are in the server's own session, which is its own group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_up(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=10).ok
    return False


def token_of(client: RawClient) -> str:
    client.until(lambda c: c.events)
    return str(json.loads(client.events[0].data)["report_token"])


def test_a_report_may_come_to_another_worker_than_its_stream(tmp_path: Path) -> None:
    """Each report is a connection of its own, which either worker may take."""
    with two_workers(tmp_path) as url:
        clients = [RawClient(url + URL) for _ in range(STREAMS)]
        tokens = [token_of(client) for client in clients]

        def unconfirmed() -> float:
            text = requests.get(url + "/metrics", timeout=10).text
            return sum(s.value for f in parse_text(text) for s in f.samples if s.name == GAUGE)

        def report(n: int, some: list[str]) -> None:
            for token in some:
                text = json.dumps({"token": token, "n": n})
                assert requests.post(url + "/sse/deltas", data=text, timeout=10).ok

        until = time.monotonic() + 5 * REPORT_SECONDS
        n = 0
        while time.monotonic() < until:
            n += 1
            report(n, tokens)
            assert unconfirmed() == 0
            time.sleep(REPORT_SECONDS / 4)
        alive = tokens[: STREAMS // 2]

        def goes_on() -> bool:
            nonlocal n
            n += 1
            report(n, alive)
            time.sleep(REPORT_SECONDS / 4)
            return unconfirmed() == STREAMS - len(alive)

        wait_for(goes_on, unconfirmed)
        for client in clients:
            client.close()
