"""Clients that leave an application that never asks: seen by the tick, or said to be unseen."""

import re
import time

import pytest
import requests

from tests.support.asgi_servers import logged, serving
from tests.support.http2 import H2Client
from tests.support.servers import RawClient

APP = "tests.apps.leaver_app:observed"
SAMPLE = re.compile(r'^(sse_\w+)(?:\{(?:.*?,)?route="([^"]*)".*?\})? ([\d.]+)$', re.MULTILINE)
LINE = "a client that leaves goes unseen"


def shown(url):
    """Return the samples that matter here, by name and route."""
    text = requests.get(f"{url}/metrics", timeout=30).text
    return {(name, route): float(number) for name, route, number in SAMPLE.findall(text)}


def ticks(found):
    """Return how often the tick has run: it samples the loop's lag each time."""
    return found["sse_event_loop_lag_seconds_count", ""]


def hang_up(url, path, client, how):
    """Open a stream, read its first event, leave; return the ticks until that was first."""
    method = {} if path == "/feed" else {"method": "POST", "body": b"{}"}
    with client(url + path, **method) as reader:
        reader.until(lambda c: b"tick" in c.body)
        before = ticks(shown(url))
        getattr(reader, how)()
        deadline = time.monotonic() + 30
        while True:
            found = shown(url)
            if found["sse_orphaned_streams", path] == 1:
                assert found["sse_concurrent_streams", path] == 0
                return ticks(found) - before
            assert time.monotonic() < deadline, f"{how} on {path} goes unseen"
            time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("server", "client", "path"),
    [
        ("uvicorn-h11", RawClient, "/feed"),
        ("uvicorn-h11", RawClient, "/upload"),
        ("uvicorn-httptools", RawClient, "/feed"),
        ("hypercorn", RawClient, "/feed"),
        ("hypercorn", RawClient, "/upload"),
        ("hypercorn", H2Client, "/feed"),
    ],
)
def test_who_leaves_a_feed_is_seen_within_two_ticks(server, client, path, how, tmp_path):
    """The server knows; the application neither asks nor declares anything."""
    with serving(server, APP, tmp_path / "log") as url:
        assert hang_up(url, path, client, how) <= 2
    assert logged(tmp_path / "log", LINE) == []


@pytest.mark.slow
def test_a_stream_that_a_browser_gives_up_is_seen_too(tmp_path):
    """Over HTTP/2 the connection stays."""
    with serving("hypercorn", APP, tmp_path / "log") as url:
        assert hang_up(url, "/feed", H2Client, "cancel_stream") <= 2


@pytest.mark.slow
def test_a_server_that_shows_nobody_is_said_once_for_each_route(tmp_path):
    """One line names the route and the option; whoever asks, or has declared it, is left alone."""
    with serving("granian", APP, tmp_path / "log") as url:
        paths = ["/feed", "/feed", "/asks", "/upload", "/watched"]
        post = {"method": "POST", "body": b"{}"}
        clients = [RawClient(url + p, **(post if p == "/upload" else {})) for p in paths]
        deadline = time.monotonic() + 30
        while len(logged(tmp_path / "log", LINE)) < 2:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
        before = ticks(shown(url))
        while ticks(shown(url)) < before + 2:
            time.sleep(0.2)
        for client in clients:
            client.close()

    lines = logged(tmp_path / "log", LINE)
    assert sorted(line.partition(":")[0] for line in lines) == ["/feed", "/upload"]
    assert all("declare StreamRoute(watch_disconnect=True)" in line for line in lines)
