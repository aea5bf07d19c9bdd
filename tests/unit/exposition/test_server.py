"""The numbers on a port of their own: served beside the application, and once more after it."""

import asyncio
import signal
import socket
import time
from collections import Counter
from contextlib import closing

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from sse_observe import SSEMetrics, metrics_server
from sse_observe.errors import SettingsError
from sse_observe.exposition import server as server_module
from sse_observe.lab.programs.process import free_port
from tests.support.servers import RawClient, serve_process


@pytest.fixture
def server(metrics):
    """Serve these metrics."""
    with closing(metrics_server(0, metrics=metrics)) as running:
        yield running


@pytest.fixture
def url(server):
    """Return where these metrics are served."""
    return f"http://127.0.0.1:{server.port}/metrics"


def test_it_answers_as_the_application_does(url, metrics):
    """Content, negotiation and methods are those of metrics_app(); nothing else is there."""
    found = requests.get(url, timeout=5)

    assert found.status_code == 200
    assert found.content == generate_latest(metrics.registry)
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    assert requests.get(url, headers=accept, timeout=5).text.endswith("# EOF\n")
    assert requests.head(url, timeout=5).status_code == 200
    assert requests.post(url, timeout=5).status_code == 405
    assert requests.get(url.replace("/metrics", "/"), timeout=5).status_code == 404
    narrow = requests.get(url, params={"name[]": "sse_build_info"}, timeout=5).text
    assert narrow.count("# TYPE") == 1


@pytest.mark.parametrize(
    "request_bytes",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff \xfe \xfd\r\n\r\n", b"GET /" + b"x" * 70_000, b"G"],
)
def test_what_is_no_request_ends_the_connection_alone(url, request_bytes, monkeypatch):
    """Garbage, endless headers and silence cost one connection, and soon."""
    monkeypatch.setattr(server_module, "_REQUEST_SECONDS", 0.05)
    address = ("127.0.0.1", int(url.split(":")[2].split("/")[0]))

    with socket.create_connection(address, 5) as connection:
        connection.sendall(request_bytes)
        try:
            answer = connection.recv(1000)
        except ConnectionResetError:
            answer = b""

    assert answer == b""
    assert requests.get(url, timeout=5).status_code == 200


def test_connections_are_bounded(url, monkeypatch):
    """Whoever opens them without end leaves room for the scraper's patience, not for more."""
    monkeypatch.setattr(server_module, "_MOST_CONNECTIONS", 3)
    address = ("127.0.0.1", int(url.split(":")[2].split("/")[0]))
    held = [socket.create_connection(address, 5) for _ in range(3)]
    for connection in held:
        connection.sendall(b"GET")
    time.sleep(0.05)

    with socket.create_connection(address, 5) as one_more:
        assert one_more.recv(10) == b""
    for connection in held:
        connection.close()
    time.sleep(0.05)
    assert requests.get(url, timeout=5).status_code == 200


def test_it_is_one_server_however_often_it_is_asked_for(server, metrics):
    """A module that is loaded again finds its port; a second port or a taken one is refused."""
    assert metrics_server(server.port, metrics=metrics) is server
    with pytest.raises(SettingsError, match=f"port {server.port} serves these metrics already"):
        metrics_server(server.port + 1, metrics=metrics)
    with pytest.raises(SettingsError, match=r"127.0.0.1 port \d+: .* choose another port"):
        metrics_server(server.port, metrics=SSEMetrics(CollectorRegistry()))


def test_shutdown_waits_for_one_scrape_that_began_after_it(server, url):
    """A scrape before the end does not count, one after it does; a while later it is too late."""
    requests.get(url, timeout=5)
    server._linger_seconds = 0.3

    began = time.monotonic()
    asyncio.run(server.linger())
    assert time.monotonic() - began >= 0.3

    server._linger_seconds = 20

    async def end():
        waiting = asyncio.create_task(server.linger())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await asyncio.to_thread(requests.get, url, timeout=5)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(end())


def ends(url):
    """Scrape; return how streams ended, or None once nobody listens."""
    try:
        text = requests.get(url, timeout=5).text
    except requests.RequestException:
        return None
    found = Counter()
    for family in parse_text(text):
        for sample in family.samples:
            if sample.name == "sse_streams_closed_total" and sample.value:
                found[sample.labels["reason"]] += int(sample.value)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ends_of_all_streams_are_read_after_the_servers_own_port_is_closed(
    workers, tmp_path, monkeypatch
):
    """A SIGTERM cuts the streams; the last scrape shows every end, and then the process goes."""
    chosen = free_port()
    monkeypatch.setenv("METRICS_PORT", str(chosen))
    if workers > 1:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    url = f"http://127.0.0.1:{chosen}/metrics"
    options = ("--factory", "--timeout-graceful-shutdown", "1", "--workers", str(workers))
    with serve_process("tests.apps.process_app:with_port", *options) as server:
        clients = [RawClient(server.url + "/hold") for _ in range(6)]
        RawClient(server.url + "/s").until_end().close()
        assert len({client.headers["x-worker"] for client in clients}) <= workers
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.until_end().close()
        if workers == 1:
            # The parent of several holds on to the port, though nobody answers there.
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", int(server.url.split(":")[2])), 1).close()

        asked_at = time.monotonic()
        seen = None
        while (found := ends(url)) is not None:
            seen = found
            assert time.monotonic() - asked_at < 8, "it waits for more than a scrape"
            time.sleep(0.2)
        assert seen == {"completed": 1, "shutdown": 6}
        assert server.wait() in (0, -signal.SIGTERM)
