"""One line for a stream that ended badly, and few of them."""

import logging

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from tests.support.asgi import body, drive, http_scope, start
from tests.support.streaming import DONE, EVENT, streaming


def test_log_line_of_an_abnormal_end(observe, clock, caplog):
    """One line says what an operator needs and nothing that names a user."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(b"id: secret-7\ndata: x\n\n"))
        clock.tick(2.5)
        raise RuntimeError

    scope = http_scope("/chat/alice", query="token=t")
    with caplog.at_level(logging.INFO, "sse_observe"), pytest.raises(RuntimeError):
        drive(observe(app, routes={"/chat/{id}": StreamRoute()}), scope)

    [record] = caplog.records
    assert record.getMessage() == (
        "stream ended route=/chat/{id} reason=server_error age=2.5 silence=2.5 "
        "events=1 bytes=22 suppressed=0"
    )
    assert record.levelno == logging.WARNING
    assert record.sse["reason"] == "server_error"


def test_log_lines_are_few_and_can_be_switched_off(metrics, clock, caplog):
    """A thousand bad ends in one second are ten lines, and the next line counts the rest."""
    app = streaming(EVENT, end=False)
    loud = SSEObserveMiddleware(app, metrics=metrics, clock=clock)
    for _ in range(30):
        drive(loud)
    assert len(caplog.records) == 10
    clock.tick(1)
    drive(loud)
    assert "suppressed=20" in caplog.records[-1].getMessage()

    caplog.clear()
    quiet = SSEObserveMiddleware(
        app, metrics=SSEMetrics(CollectorRegistry()), clock=clock, log_ends=False
    )
    drive(quiet)
    assert not caplog.records


def declaring(metrics, *bodies, **declared):
    """Serve one stream on a route with a declaration, and look at it."""
    route = {"/chat": StreamRoute(**declared)}
    drive(
        SSEObserveMiddleware(streaming(*bodies), metrics=metrics, routes=route),
        http_scope("/chat"),
    )
    list(metrics.registry.collect())


def test_a_terminal_that_never_comes_is_told_once(metrics, caplog):
    """A wrong declaration looks like an outage: one line shows what came instead."""
    for _ in range(3):
        declaring(metrics, b"event: token\ndata: s3cret\n\n", DONE, terminal_events=("finished",))

    doubts = [r.getMessage() for r in caplog.records if "ended without" in r.getMessage()]
    assert len(doubts) == 1
    assert doubts[0].startswith("/chat: a stream ended without 'finished'; saw 'token', 'done'. ")


def test_a_stream_that_broke_is_no_wrong_declaration(metrics, caplog):
    """Where the terminal has come before, its absence is what it was declared for."""
    declaring(metrics, EVENT, b"event: finished\ndata: x\n\n", terminal_events=("finished",))
    declaring(metrics, EVENT, terminal_events=("finished",))
    declaring(metrics, EVENT)

    assert "missing=terminal" in caplog.text
    assert "ended without" not in caplog.text


@pytest.mark.parametrize(
    ("sent", "level"),
    [
        (b'data: {"error":{"type":"overloaded_error"}}\n\n', logging.WARNING),
        (b'data: {"type":"start"}\n\ndata: {"type":"abort"}\n\n', logging.INFO),
    ],
)
def test_a_failure_is_a_warning_and_a_stop_is_none(observe, metrics, caplog, sent, level):
    """Streams that spend the error budget are seen where logs begin at warnings."""
    with caplog.at_level(logging.INFO, "sse_observe"):
        drive(observe(streaming(sent)))
        list(metrics.registry.collect())

    assert [record.levelno for record in caplog.records] == [level]
