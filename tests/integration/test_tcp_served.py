"""The kernel's numbers under real servers, beside what the client's own kernel counted."""

import os
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as parse

from sse_observe.lab.programs.process import free_port
from tests.support.paths import ROOT
from tests.support.programs import absent, needs
from tests.support.servers import RawClient
from tests.support.tcp_streams import AGAIN, FAULTS, RTTS, SENT, UNSENT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells"),
]

BIN = Path(sys.executable).parent
UVICORN = ("uvicorn", "--log-level", "critical", "--host", "127.0.0.1", "--port", "{port}")
APP = "tests.apps.tcp_app"
SERVERS = {
    "uvicorn-h11": (*UVICORN, "--http", "h11", "--loop", "asyncio", f"{APP}:app"),
    "uvicorn-httptools": (
        *UVICORN,
        "--http",
        "httptools",
        "--loop",
        "uvloop",
        f"{APP}:app",
    ),
    "uvicorn-hidden": (*UVICORN, f"{APP}:hidden"),
    "hypercorn": (
        "hypercorn",
        "--log-level",
        "critical",
        "-b",
        "127.0.0.1:{port}",
        f"{APP}:app",
    ),
    "granian": (
        *("granian", "--interface", "asgi", "--no-log", "--host", "0.0.0.0"),
        *("--workers-kill-timeout", "1", "--port", "{port}", f"{APP}:app"),
    ),
}


@contextmanager
def served(command, *, port=None, before=(), ready=None):
    """Run one server; give its URL."""
    port = port or free_port()
    program, *options = command
    process = subprocess.Popen(
        [*before, BIN / program, *(option.format(port=port) for option in options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, f"{command[0]} did not start"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            with suppress(requests.ConnectionError, subprocess.CalledProcessError):
                (ready or scrape)(url)
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def scrape(url, text=None):
    """Return the kernel families by name and route, and our faults."""
    found = {}
    for family in parse(text or requests.get(f"{url}/metrics", timeout=5).text):
        for sample in family.samples:
            if sample.name in (SENT, AGAIN, RTTS, UNSENT, FAULTS):
                key = (sample.name, sample.labels.get("route", ""))
                found[key] = found.get(key, 0) + sample.value
    return found


def scraped_until(url, claim, seconds=4):
    """Scrape until the claim holds; return the last scrape."""
    deadline = time.monotonic() + seconds
    while True:
        found = scrape(url)
        if claim(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def received(client):
    """Return how many data segments the kernel at this end has received."""
    return struct.unpack_from(
        "=I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512), 152
    )[0]


@pytest.mark.parametrize("server", SERVERS)
def test_segments_are_those_the_client_received(server) -> None:
    """Sent as the server's kernel counts them is what the client's kernel counts, but the last."""
    with served(SERVERS[server]) as url:
        with RawClient(f"{url}/s?events=60&every=0.02") as client:
            client.until_end()
            truth = received(client.socket)
        # The server reads the socket a last time just after the client has seen the end.
        found = scraped_until(url, lambda f: f[RTTS, "/s"] >= 2 and f[SENT, "/s"] >= truth - 2)

    # The head comes before the opening or just after, the end's own chunk may come after it.
    assert truth - 2 <= found[SENT, "/s"] <= truth
    assert truth >= 40
    # On a busy machine an acknowledgement may be late enough to ask twice.
    assert found[AGAIN, "/s"] <= 3
    assert found[RTTS, "/s"] >= 2
    assert found[UNSENT, "/s"] == found[FAULTS, ""] == 0


@pytest.mark.parametrize("server", ["hypercorn", "granian"])
def test_http_2_streams_share_their_segments(server) -> None:
    """Four streams over one connection are not four times its segments."""
    with served(SERVERS[server]) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as client:
            two = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            two.initiate_connection()
            for number in (1, 3, 5, 7):
                headers = {
                    ":method": "GET",
                    ":path": "/s?events=60&every=0.02",
                    ":scheme": "http",
                    ":authority": f"{host}:{port}",
                }
                two.send_headers(number, list(headers.items()), end_stream=True)
            open_streams = 4
            while open_streams:
                client.sendall(two.data_to_send())
                for event in two.receive_data(client.recv(65536)):
                    open_streams -= isinstance(event, h2.events.StreamEnded)
                    if isinstance(event, h2.events.DataReceived):
                        two.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            truth = received(client)
            found = scraped_until(url, lambda found: found[SENT, "/s"] >= truth * 0.8)

    assert truth * 0.8 <= found[SENT, "/s"] <= truth
    assert found[FAULTS, ""] == 0


@pytest.mark.parametrize("name", ["app", "hidden"])
def test_a_forged_forwarding_header_joins_no_other_socket(name) -> None:
    """The live connection that the header names is charged to nobody."""
    command = (
        *UVICORN,
        "--proxy-headers",
        "--forwarded-allow-ips",
        "*",
        f"{APP}:{name}",
    )
    with served(command) as url, closing(HTTPConnection(urlsplit(url).netloc)) as victim:

        def live():
            victim.request("GET", "/metrics")
            assert victim.getresponse().read()
            return victim.sock.getsockname()

        address = live()
        forged = {"X-Forwarded-For": "{}:{}".format(*address)}
        with RawClient(f"{url}/s?events=40&every=0.03", headers=forged) as client:
            for _ in range(50):
                assert live() == address
            client.until_end()
            truth = received(client.socket)
        found = scraped_until(url, lambda f: f[RTTS, "/s"] and f[SENT, "/s"] >= truth - 2)

    if name == "app":
        assert truth - 2 <= found[SENT, "/s"] <= truth
    else:
        assert found[SENT, "/s"] == found[RTTS, "/s"] == 0
    assert found[FAULTS, ""] == 0


@pytest.mark.parametrize("server", ["uvicorn-h11", "uvicorn-httptools", "hypercorn", "granian"])
def test_the_backlog_of_a_client_that_reads_nothing_is_seen(server) -> None:
    """It grows while the stream is open, and is gone with it."""
    with served(SERVERS[server]) as url:
        with RawClient(f"{url}/s?events=200&every=0.01&size=60000"):
            grown = scraped_until(url, lambda found: found[UNSENT, "/s"] > 500_000, 8)
        gone = scraped_until(url, lambda found: not found[UNSENT, "/s"], 8)

    assert grown[UNSENT, "/s"] > 500_000
    assert gone[UNSENT, "/s"] == 0


LOSS = """
table inet lossy {
  chain receive {
    type filter hook input priority 0
    iifname "far" tcp sport %d numgen random mod 10 == 0 drop
  }
}
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


@pytest.fixture
def link():
    """Two network namespaces with a wire between them: (server's, client's)."""
    needs("ip")
    needs("nft")
    near, far = (f"sse-{os.getpid()}-{end}" for end in ("near", "far"))
    try:
        ip("netns", "add", near)
    except subprocess.CalledProcessError as error:
        reason = f"no network namespaces here: {error.stderr.decode().strip()}"
        absent(reason)
    try:
        ip("netns", "add", far)
        ip("link", "add", "near", "netns", near, "type", "veth", "peer", "far", "netns", far)
        for space, device, address in (
            (near, "near", "10.77.0.1/24"),
            (far, "far", "10.77.0.2/24"),
        ):
            ip("-n", space, "addr", "add", address, "dev", device)
            ip("-n", space, "link", "set", device, "up")
            ip("-n", space, "link", "set", "lo", "up")
        yield near, far
    finally:
        for space in (near, far):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


def inside(space, code):
    """Run Python in a namespace; return what it prints."""
    command = ["ip", "netns", "exec", space, sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True)
    return done.stdout


def test_lost_segments_are_counted_as_sent_again(link) -> None:
    """A wire that loses a tenth shows about a tenth; the same wire before that, nothing."""
    near, far = link
    port = 8000

    def look(url):
        fetch = f"import urllib.request as u; print(u.urlopen('{url}/metrics').read().decode())"
        return scrape(url, inside(near, fetch))

    def read():
        inside(
            far,
            "import urllib.request as u\n"
            f"u.urlopen('http://10.77.0.1:{port}/s?events=400&every=0.005&size=1400').read()",
        )

    uvicorn = ["uvicorn", "--log-level", "critical", "--host", "0.0.0.0", "--port", "{port}"]
    before = ("ip", "netns", "exec", near)
    with served((*uvicorn, f"{APP}:app"), port=port, before=before, ready=look) as url:
        read()
        clean = look(url)
        subprocess.run(
            ["ip", "netns", "exec", far, "nft", "-f", "-"],
            input=LOSS % port,
            text=True,
            check=True,
            timeout=10,
        )
        read()
        lossy = look(url)

    assert clean[SENT, "/s"] >= 400
    assert clean[AGAIN, "/s"] <= 0.01 * clean[SENT, "/s"]
    sent = lossy[SENT, "/s"] - clean[SENT, "/s"]
    again = lossy[AGAIN, "/s"] - clean[AGAIN, "/s"]
    assert 0.04 * sent < again < 0.4 * sent
    assert lossy[FAULTS, ""] == 0
