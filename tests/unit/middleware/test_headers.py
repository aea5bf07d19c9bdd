"""Headers and queries: where a stream resumes from, and what lets something on the way spoil it."""

import pytest

from sse_observe.middleware.headers import protocol_and_compression, response_faults
from sse_observe.protocols import PROTOCOLS
from tests.support.asgi import END, drive, http_scope, start, value
from tests.support.streaming import app_of, streaming

FASTAPI = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


SSE_STARLETTE = [
    (b"cache-control", b"no-store"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
]


DJANGO = [(b"Content-Type", b"text/event-stream")]


@pytest.mark.parametrize(
    ("scope", "labels"),
    [
        (http_scope(), {"start": "fresh", "network_type": "unknown"}),
        (http_scope(headers={"last_event_id": "4"}), {"start": "resumed"}),
        (http_scope(headers={"last_event_id": ""}), {"start": "fresh"}),
        (http_scope(query="last_event_id=4-ab"), {"start": "resumed"}),
        (http_scope(query="last_event_id="), {"start": "fresh"}),
        (http_scope(query="network_type=2g&x=1"), {"network_type": "2g"}),
        (http_scope(query="network_type=5g"), {"network_type": "unknown"}),
        (http_scope(headers={"ect": "slow-2g"}), {"network_type": "slow-2g"}),
        (http_scope(query="network_type=4g", headers={"ect": "3g"}), {"network_type": "4g"}),
        (http_scope(query="network_type=%ff" + "&a=1" * 500), {"network_type": "unknown"}),
    ],
)
def test_how_a_stream_starts(observe, metrics, scope, labels):
    """Resumed, and on which network: from the request, and only as one of the known words."""
    drive(observe(streaming()), scope)

    assert value(metrics, "sse_streams_opened_total", **labels) == 1
    assert value(metrics, "sse_streams_opened_total") == 1


@pytest.mark.parametrize(
    ("headers", "version", "faults"),
    [
        (FASTAPI, "1.1", []),
        (SSE_STARLETTE, "1.1", []),
        (SSE_STARLETTE, "2", ["connection_header"]),
        (DJANGO, "1.1", ["buffering_allowed", "cacheable"]),
        ([*FASTAPI, (b"Content-Length", b"10")], "1.1", ["content_length"]),
        ([*FASTAPI, (b"content-encoding", b"gzip")], "1.1", ["compressed"]),
        ([*FASTAPI, (b"content-encoding", b"identity")], "1.1", []),
        ([*FASTAPI, (b"connection", b"upgrade")], "1.1", ["connection_header"]),
    ],
)
def test_faults_of_response_headers(headers, version, faults):
    """The header sets that frameworks really send, and what spoils a stream."""
    assert list(response_faults(headers, version)) == faults


def test_faults_are_read_again_when_an_application_changes_its_headers(observe, metrics):
    """The last response is remembered as a copy, lists within lists included."""
    headers = [[b"content-type", b"text/event-stream"], [b"cache-control", b"no-cache"]]
    app = observe(app_of(start(headers=headers), END))
    name = "sse_response_faults_total"

    drive(app)
    headers[1][1] = b"public"
    drive(app)
    drive(app, http_scope(http_version="2"))
    headers.append((b"connection", b"keep-alive"))
    drive(app)
    drive(app, http_scope(http_version="2"))

    assert value(metrics, name, fault="buffering_allowed") == 5
    assert value(metrics, name, fault="cacheable") == 4
    assert value(metrics, name, fault="connection_header") == 1


def test_one_walk_tells_protocol_and_compression():
    """Names in any case; what is sent as it is, is not compressed."""
    sdk = PROTOCOLS["ai-sdk"]

    assert protocol_and_compression(FASTAPI) == (None, False)
    named = [*FASTAPI, (b"X-Vercel-AI-UI-Message-Stream", b"v1"), (b"Content-Encoding", b"gzip")]
    assert protocol_and_compression(named) == (sdk, True)
    assert protocol_and_compression([(b"content-encoding", b"Identity")]) == (None, False)
