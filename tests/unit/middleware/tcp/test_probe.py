"""Finding the socket under a stream by its two ends, and reading what the kernel tells of it."""

import asyncio
import socket
import struct
import sys
import time

import pytest

from sse_observe.middleware.tcp import probe
from tests.support.asgi import http_scope, samples, value
from tests.support.tcp_streams import FAULTS, RTTS, SENT, Life, info

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def test_a_tcp_info_of_any_kernel_is_read() -> None:
    """A newer kernel's answer is longer, an older one's shorter: what is missing is 0."""
    facts = {"state": 8, "received_ms": 7, "rtt": 1234, "again": 5, "unsent": 99, "sent": 40}

    assert probe.facts(info(**facts)[: probe._INFO.size]) == (8, 7, 1234, 5, 99, 40)
    assert probe.facts(info(**facts, size=104)) == (8, 7, 1234, 5, 0, 0)
    assert probe.facts(b"") == (0,) * 6


def ends(here, there, port_here, port_there):
    return (
        struct.pack("!HH", port_here, port_there) + here.ljust(16, b"\0") + there.ljust(16, b"\0")
    )


V4 = ends(b"\x7f\0\0\1", b"\x0a\0\0\7", 8000, 5123)
V6 = ends(bytes(15) + b"\1", b"\x20\1\x0d\xb8" + bytes(11) + b"\7", 8000, 5123)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"client": ("10.0.0.7", 5123)}, V4),
        ({"client": ("10.0.0.7", "5123"), "server": ("127.0.0.1", "8000")}, V4),
        ({"client": ("::ffff:10.0.0.7", 5123), "server": ("::FFFF:127.0.0.1", 8000)}, V4),
        ({"client": ("2001:db8::7", 5123), "server": ("::1", 8000)}, V6),
        ({"client": ("10.0.0.7", 5123), "headers": {"host": "10.0.0.7"}}, V4),
        ({"client": ("10.0.0.7", 5123), "headers": {"x-forwarded-for": "10.9.9.9"}}, V4),
        ({"client": ("10.0.0.7", 5123), "headers": {"x-forwarded-for": "1.2.3.4, 10.0.0.7"}}, None),
        ({"client": ("10.0.0.7", 5123), "headers": {"forwarded": 'for="10.0.0.7:5123"'}}, None),
        ({"client": ("2001:db8::7", 5123), "headers": {"x-real-ip": "2001:DB8::7"}}, None),
        ({"client": ("10.0.0.7", 0)}, None),
        ({"client": None}, None),
        ({"server": None}, None),
        ({"client": ("10.0.0.7", 5123), "server": ("::1", 8000)}, None),
        ({"client": ("testclient", 50000), "server": ("testserver", 80)}, None),
        ({"client": ("10.0.0.7", 5123), "http_version": "3"}, None),
    ],
)
def test_only_ends_that_are_the_connections_own_are_asked_for(scope, expected) -> None:
    """A client that a header names is not the other end of this connection."""
    found = probe.ends_of(http_scope(**scope))

    assert (found and found[1]) == expected


def test_a_server_on_every_address_is_asked_for_by_the_one_that_faces_the_client() -> None:
    """Some servers (granian) tell where they listen, not where they were reached."""
    scope = http_scope(client=("127.0.0.1", 5), server=("0.0.0.0", 6))

    assert probe.ends_of(scope) == (socket.AF_INET, ends(b"\x7f\0\0\1", b"\x7f\0\0\1", 6, 5))


def test_a_socket_is_found_by_its_ends(metrics, observed, tracker, line) -> None:
    """Where a server hides its transport, the kernel is asked, and counts the same."""

    async def live():
        async with Life(observed, line.scope()):
            line.say(3)
            tracker.tick()
            line.say(2)

    asyncio.run(live())

    assert value(metrics, SENT, route="/s") == 5
    assert value(metrics, RTTS) == 2


def test_whoever_is_not_connected_is_not_found(
    metrics, observed, tracker, line, monkeypatch
) -> None:
    """A listener answers for strangers, and an old connection for a forged name: neither counts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stranger = http_scope(client=("127.0.0.1", 1), server=listener.getsockname())
        line.say()
        line.client.send(b"request")
        time.sleep(0.05)
        monkeypatch.setattr(probe, "_REQUEST_AGE_MS", 10)

        async def live():
            async with Life(observed, stranger), Life(observed, line.scope()):
                line.say(5)
                tracker.tick()

        asyncio.run(live())

    assert samples(metrics, "sse_tcp") == {}
    assert value(metrics, FAULTS) == 0


def test_one_address_for_two_http_1_streams_is_a_lie(metrics, observed, tracker, line) -> None:
    """HTTP/1 answers one request at a time, so the second one gets no socket."""

    async def live():
        async with Life(observed, line.scope("/s")), Life(observed, line.scope("/t")):
            line.say(4)

    asyncio.run(live())

    assert (value(metrics, SENT, route="/s"), value(metrics, SENT, route="/t")) == (4, 0)
