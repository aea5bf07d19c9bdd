"""Clients of httpx, observed: bytes and errors as before, each stream counted once."""

import asyncio
import gc
import threading

import httpx
import pytest

from sse_observe.errors import SettingsError
from sse_observe.upstream import observe_client
from tests.support.upstreams import (
    ASKS,
    CHUNK,
    DONE,
    FAILURE,
    STOP,
    WHOLE,
    Body,
    async_client,
    client,
    ends,
    value,
)

URL = "http://model/v1/chat"


def read(found: httpx.Client, *, most: int | None = None) -> list[bytes]:
    """Read a stream to its end, or so many chunks."""
    got = []
    with found.stream("POST", URL, json=ASKS) as response:
        for chunk in response.iter_raw():
            got.append(chunk)
            if len(got) == most:
                break
    return got


async def aread(found: httpx.AsyncClient, *, most: int | None = None) -> list[bytes]:
    """Read a stream to its end, or so many chunks."""
    got = []
    async with found.stream("POST", URL, json=ASKS) as response:
        async for chunk in response.aiter_raw():
            got.append(chunk)
            if len(got) == most:
                break
    return got


def by_either(body: Body, metrics, how: str, **options) -> list[bytes]:
    """Read with the client of threads, or that of asyncio."""
    if how == "sync":
        return read(observe_client(client(body), "model", metrics=metrics), **options)
    return asyncio.run(
        aread(observe_client(async_client(body), "model", metrics=metrics), **options)
    )


both = pytest.mark.parametrize("how", ["sync", "async"])
CUT = httpx.RemoteProtocolError("peer closed connection")


@both
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (Body(*WHOLE), "completed"),
        (Body(CHUNK, FAILURE, DONE), "error_event"),
        (Body(CHUNK, error=CUT), "cut"),
        (Body(CHUNK, error=httpx.ReadTimeout("late")), "timeout"),
        (Body(STOP, DONE), "empty"),
        (Body(*WHOLE, error=CUT), "completed"),
        (Body(CHUNK, FAILURE, error=CUT), "error_event"),
        (Body(b"data: a\n\n", b"data: b\n\n"), "completed"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_end_is_counted_once_and_shown_as_it_is(metrics, how, body, reason) -> None:
    """A reader gets the same bytes and the same error, and the stream has one end."""
    got = []
    if body.error is None:
        got = by_either(body, metrics, how)
        assert got == list(body.chunks)
    else:
        with pytest.raises(type(body.error)) as raised:
            by_either(body, metrics, how)
        assert raised.value is body.error

    assert ends(metrics) == {reason: 1, "opened": 1}
    assert body.closed >= 1


@both
def test_a_stream_that_the_reader_stops_early_is_abandoned(metrics, how) -> None:
    """Ten public reports of instrumentation lose exactly those."""
    body = Body(CHUNK, CHUNK, STOP, DONE)
    assert by_either(body, metrics, how, most=1) == [CHUNK]

    assert ends(metrics) == {"abandoned": 1, "opened": 1}


@both
def test_who_stops_after_the_last_word_has_read_it_all(metrics, how) -> None:
    """SDKs stop at `[DONE]`, and never ask for the end of the body."""
    by_either(Body(*WHOLE, b": more\n\n"), metrics, how, most=4)

    assert ends(metrics) == {"completed": 1, "opened": 1}


def test_a_response_that_is_dropped_and_never_closed_is_abandoned(metrics) -> None:
    """Whoever forgets to close is counted when the garbage is collected."""
    found = observe_client(client(Body(*WHOLE)), "model", metrics=metrics)
    response = found.send(found.build_request("POST", URL, json=ASKS), stream=True)
    chunks = response.iter_raw()
    assert next(chunks) == CHUNK
    assert ends(metrics) == {"opened": 1}

    del response, chunks
    gc.collect()
    assert ends(metrics) == {"abandoned": 1, "opened": 1}


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "refused_4xx"), (429, "refused_429"), (529, "refused_5xx")]
)
def test_a_refusal_is_counted_by_its_class(metrics, status, reason) -> None:
    """A request that said `stream: true` has got none."""
    body = Body(b"{}")
    read(observe_client(client(body, status, kind="application/json"), "model", metrics=metrics))

    assert ends(metrics) == {reason: 1}


def test_a_request_for_something_else_counts_nothing(metrics) -> None:
    """Embeddings, a list of models and their errors are no streams."""
    found = observe_client(client(Body(b"{}"), 404, kind="application/json"), "m", metrics=metrics)
    found.get("http://model/v1/models")
    found.post("http://model/v1/embeddings", json={"input": "x", "stream": False})

    assert ends(metrics, "m") == {}


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (httpx.ConnectError("refused"), {"unreachable": 1}),
        (httpx.ConnectTimeout("late"), {"unreachable": 1}),
        (httpx.ReadTimeout("late"), {"unreachable": 1}),
        (httpx.PoolTimeout("full"), {}),
    ],
)
def test_a_request_without_an_answer_is_unreachable(metrics, error, counted) -> None:
    """But for the limits of the client's own pool, which say nothing of who was asked."""

    def fails(_):
        raise error

    found = httpx.Client(transport=httpx.MockTransport(fails))
    with pytest.raises(type(error)):
        read(observe_client(found, "model", metrics=metrics))

    assert ends(metrics) == counted


def test_times_are_those_of_content(metrics) -> None:
    """The role keeps the application waiting, and is no content."""
    body = Body(*WHOLE)
    read(observe_client(client(body), "model", metrics=metrics))

    name = "sse_upstream_{}_seconds_count"
    assert value(metrics, name.format("first_content"), upstream="model") == 1
    assert value(metrics, name.format("content_gap"), upstream="model") == 1
    assert value(metrics, "sse_upstream_events_total", upstream="model") == 4
    size = sum(map(len, body.chunks))
    assert value(metrics, "sse_upstream_bytes_total", upstream="model") == size


def test_a_compressed_body_is_judged_by_its_end_alone(metrics) -> None:
    """Nobody can read it, and it is not empty for that."""
    body = Body(b"\x1f\x8b\x08\x00", b"\x01\x02")
    read(observe_client(client(body, **{"content-encoding": "br"}), "model", metrics=metrics))

    assert ends(metrics) == {"completed": 1, "opened": 1}
    assert value(metrics, "sse_upstream_events_total", upstream="model") == 0


def test_proxies_and_the_client_s_own_life_go_on(metrics) -> None:
    """Mounted transports are observed too, and opened and closed with their client."""
    closed = []

    class Transport(httpx.MockTransport):
        def close(self) -> None:
            closed.append(self)

    inner, proxy = (Transport(lambda _: httpx.Response(204)) for _ in range(2))
    found = httpx.Client(transport=inner, mounts={"all://proxied": proxy})
    with observe_client(found, "model", metrics=metrics) as same:
        assert same is found
        assert found.get("http://proxied/").status_code == 204

    assert closed == [inner, proxy]


def test_observed_twice_is_observed_once(metrics) -> None:
    """A module that is loaded again does no harm; another name is a mistake, in one line."""
    found = observe_client(client(Body(*WHOLE)), "model", metrics=metrics)
    assert observe_client(found, "model", metrics=metrics) is found
    read(found)
    assert ends(metrics) == {"completed": 1, "opened": 1}

    with pytest.raises(SettingsError, match="observed as 'model' already"):
        observe_client(found, "other-model", metrics=metrics)


def test_threads_read_at_once_and_nothing_is_lost(metrics) -> None:
    """Clients of threads count from all of them."""
    found = observe_client(client(Body(*WHOLE)), "model", metrics=metrics)

    def reads() -> None:
        for _ in range(50):
            read(found)

    threads = [threading.Thread(target=reads) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends(metrics) == {"completed": 200, "opened": 200}
    assert value(metrics, "sse_upstream_events_total", upstream="model") == 800
