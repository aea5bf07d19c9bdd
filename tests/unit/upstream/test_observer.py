"""The words of an observed client: nothing of them raises, and nothing is kept."""

import gc
import sys
import weakref

import httpx
import pytest

from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.upstream import observe_client
from sse_observe.upstream.observer import Upstream
from sse_observe.upstream.tracker import UpstreamTracker
from tests.support.upstreams import ASKS, CHUNK, WHOLE, Body, client, ends, value


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Upstream, "_opened"),
        (MessageBuffer, "count_pending"),
        (UpstreamTracker, "end"),
        (UpstreamTracker, "enter"),
    ],
)
def test_an_error_of_ours_is_counted_and_nobody_else_s(metrics, monkeypatch, part, name) -> None:
    """The reader has its bytes, whatever becomes of us."""

    def breaks(*_):
        raise RuntimeError("ours")

    found = observe_client(client(Body(*WHOLE * 30)), "model", metrics=metrics)
    monkeypatch.setattr(part, name, breaks)
    response = found.post("http://model/", json=ASKS)
    monkeypatch.undo()

    assert response.content == b"".join(WHOLE * 30)
    assert value(metrics, "sse_observer_faults_total", where="upstream") >= 1


def ours() -> int:
    """Return how many objects of our modules are alive."""
    gc.collect()
    modules = (vars(type(one)).get("__module__") for one in gc.get_objects())
    return sum(str(module).startswith("sse_observe") for module in modules)


def test_a_stream_that_is_over_holds_no_request(metrics) -> None:
    """Its end may wait for others to be counted; what was asked may be megabytes."""
    found = observe_client(client(Body(*WHOLE)), "model", metrics=metrics)

    def ask() -> weakref.ref[httpx.Request]:
        request = found.build_request("POST", "http://model/", json=ASKS)
        found.send(request)
        return weakref.ref(request)

    asked = ask()
    gc.collect()

    assert UpstreamTracker.of(metrics)._open
    assert asked() is None


def test_streams_that_are_over_leave_nothing_behind(metrics) -> None:
    """Neither read, nor abandoned, nor dropped, nor refused ones are kept."""

    def some() -> None:
        for body, status in ((Body(*WHOLE), 200), (Body(CHUNK), 200), (Body(b"{}"), 500)):
            transport = httpx.MockTransport(
                lambda _, body=body, status=status: httpx.Response(
                    status, headers={"content-type": "text/event-stream"}, stream=body
                )
            )
            found._transport._inner = transport
            found.post("http://model/", json=ASKS)
            with found.stream("POST", "http://model/", json=ASKS) as response:
                next(response.iter_raw())
            found.send(found.build_request("POST", "http://model/", json=ASKS), stream=True)
        gc.collect()
        ends(metrics)

    # Whatever other tests have left would be searched once more in each round.
    gc.collect()
    gc.freeze()
    found = observe_client(client(Body()), "model", metrics=metrics)
    some()
    before = ours()
    for _ in range(20):
        some()

    assert ours() <= before + 5
    assert sys.getrefcount(found) < 10
