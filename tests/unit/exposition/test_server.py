"""The numbers on a port of their own: served beside the application, and once more after it."""

import asyncio
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager

import pytest
import requests
from prometheus_client import CollectorRegistry, Gauge, generate_latest
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


@contextmanager
def held_open(url, many, sent=b""):
    """Hold connections open that say nothing more than this."""
    address = ("127.0.0.1", int(url.split(":")[2].split("/")[0]))
    with ExitStack() as opened:
        held = []
        for _ in range(many):
            held.append(opened.enter_context(socket.create_connection(address, 5)))
            held[-1].sendall(sent)
        yield held


def is_closed(connection):
    """Tell whether the server has closed a connection, within a second."""
    connection.settimeout(1)
    try:
        return connection.recv(10) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_scraper_finds_room_among_silent_strangers(url, monkeypatch):
    """However many connections are held, the one that was silent for longest goes first."""
    monkeypatch.setattr(server_module, "_MOST_SILENT", 3)
    with held_open(url, 20, b"GET") as held:
        for _ in range(5):
            assert requests.get(url, timeout=5).status_code == 200
        assert all(is_closed(connection) for connection in held[:17])


def test_who_does_not_read_the_answer_makes_room(url, metrics, monkeypatch):
    """A request is cheap for whoever never takes the answer."""
    monkeypatch.setattr(server_module, "_MOST_ANSWERS", 2)
    monkeypatch.setattr(server_module, "_SLOW_SECONDS", 0.05)
    large = Gauge("large", "More than sockets hold.", ["text"], registry=metrics.registry)
    for n in range(16):
        large.labels(f"{n}" + "x" * (1 << 20))
    with held_open(url, 2, b"GET /metrics HTTP/1.1\r\n\r\n") as held:
        for connection in held:
            assert connection.recv(10) == b"HTTP/1.1 2"
        time.sleep(0.1)

        assert requests.get(url, params={"name[]": "sse_build_info"}, timeout=30).status_code == 200


@pytest.mark.parametrize("port", [70_000, -1, True, "9100", 9100.0, None])
def test_what_is_no_port_is_refused_in_one_line(port):
    """Before anything is opened."""
    with pytest.raises(SettingsError, match="give a number up to 65535"):
        metrics_server(port, metrics=SSEMetrics(CollectorRegistry()))


@pytest.mark.parametrize("host", ["no such host", "a\0b", "x" * 300])
def test_what_is_no_host_is_refused_in_one_line(host):
    """Also what the system's resolver does not even take."""
    with pytest.raises(SettingsError, match="choose another port or host"):
        metrics_server(0, host=host, metrics=SSEMetrics(CollectorRegistry()))


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
