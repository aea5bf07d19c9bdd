"""The stream contract over real sockets: alone, mounted, dropped, resumed, drained."""

import asyncio
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Mount

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.reference import MemoryStore, ReferenceApp, reference_app
from tests.support.servers import RawClient, serve, serve_process

pytestmark = pytest.mark.slow

STREAM = "/api/v1/stream"


def ticker(n: int, pause: float = 0.02, size: int = 1) -> Any:
    async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        for i in range(n):
            yield f"w{i}" * size
            await asyncio.sleep(pause)

    return produce


def drained() -> ReferenceApp:
    """Return what the test of SIGTERM serves in a process of its own."""
    return reference_app(produce=ticker(100_000), drain_seconds=0.5)


def wait_for(claim: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_it_runs_alone_and_gives_the_whole_answer_over_two_connections(http: str) -> None:
    """`uvicorn --factory sse_observe.reference:reference_app` is a working demonstration."""
    target = "sse_observe.reference:reference_app"
    with serve_process(target, "--factory", "--http", http) as server:
        with RawClient(f"{server.url}{STREAM}", headers={"Accept": "text/event-stream"}) as first:
            assert first.status == 200
            assert first.headers["content-type"] == "text/event-stream"
            assert first.headers["cache-control"] == "no-cache, no-transform"
            assert first.headers["x-accel-buffering"] == "no"
            assert "connection" not in first.headers
            assert "content-length" not in first.headers
            first.until(lambda client: len(client.ids) >= 3)
        cursor = {"Last-Event-ID": first.ids[-1]}
        with RawClient(f"{server.url}{STREAM}", headers=cursor) as second:
            assert second.hello["resumed_from"] == first.ids[-1]
            second.until_end()
            assert second.complete
            assert second.events[-1].type == "done"
        seqs = [int(i.partition("-")[0]) for i in [*first.ids, *second.ids]]
        assert seqs == list(range(len(seqs)))
        text = "".join(json.loads(p)["c"] for p in [*first.payloads, *second.payloads])
        assert text.startswith("This answer arrives word by word")
        cursor = {"Last-Event-ID": second.ids[-1]}
        with RawClient(f"{server.url}{STREAM}", headers=cursor) as third:
            assert third.status == 204
        with RawClient(f"{server.url}{STREAM}", method="HEAD") as head:
            assert head.status == 200


def fastapi_mount(app: ReferenceApp) -> Any:
    outer = FastAPI()
    outer.mount("/live", app)
    return outer


def starlette_mount(app: ReferenceApp) -> Any:
    return Starlette(routes=[Mount("/live", app)])


@pytest.mark.parametrize("mount", [fastapi_mount, starlette_mount])
def test_it_works_under_any_prefix_of_a_framework(mount: Callable[[ReferenceApp], Any]) -> None:
    """The created URL can be asked as it stands, and the route's label is no raw path."""
    metrics = SSEMetrics(CollectorRegistry())
    app = SSEObserveMiddleware(mount(reference_app(produce=ticker(5))), metrics=metrics)
    with serve(app) as url:
        with RawClient(f"{url}/live/api/v1/streams", method="POST", body=b'{"q": 1}') as creator:
            created = json.loads(creator.until_end().body)
        assert created["url"].startswith(f"/live{STREAM}?stream_id=")
        with RawClient(url + created["url"]) as reader:
            reader.until_end()
            assert reader.hello["stream"] == created["stream_id"]
            assert reader.payloads == [f"w{i}" for i in range(5)]
        with RawClient(f"{url}/live/nothing") as lost:
            assert lost.status == 404
    completed = {
        sample.labels["route"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_streams_closed_total" and sample.value
    }
    assert list(completed.values()) == [1]
    assert created["stream_id"] not in str(completed)


@pytest.mark.parametrize("way", ["close", "reset", "half_close"])
def test_a_client_that_hangs_up_leaves_nothing_open(way: str) -> None:
    """FIN, RST and half-close each end the response at once, not at the next heartbeat."""
    app = reference_app(produce=ticker(5, pause=30))
    with serve(app) as url:
        client = RawClient(f"{url}{STREAM}").until(lambda c: bool(c.payloads))
        assert len(app.readers) == 1
        getattr(client, way)()
        wait_for(lambda: not app.readers)
        client.close()


def test_a_client_that_reads_nothing_is_let_go() -> None:
    """Its backlog stops at the send timeout, and the others never notice."""
    metrics = SSEMetrics(CollectorRegistry())
    app = reference_app(
        produce=ticker(100_000, pause=0.001, size=40_000),
        send_timeout_seconds=0.5,
        store=MemoryStore(max_events=100, max_bytes=50_000_000),
    )
    with serve(SSEObserveMiddleware(app, metrics=metrics)) as url:
        stuck = RawClient(f"{url}{STREAM}")
        stuck.until(lambda c: bool(c.events))
        wait_for(lambda: _reasons(metrics) == {"slow_consumer"})
        stuck.close()
        assert not app.readers


def _reasons(metrics: SSEMetrics) -> set[str]:
    return {
        sample.labels["reason"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_streams_closed_total" and sample.value
    }


def test_sigterm_ends_long_streams_in_order_after_the_drain_time() -> None:
    """The process goes by itself, and each client gets a whole response to resume from."""
    with serve_process("tests.integration.test_reference_served:drained", "--factory") as server:
        readers = [RawClient(f"{server.url}{STREAM}") for _ in range(5)]
        for reader in readers:
            reader.until(lambda c: len(c.payloads) >= 2)
        asked = time.monotonic()
        server.terminate()
        for reader in readers:
            reader.until_end()
            assert reader.complete
            assert reader.events[-1].type != "done"
            reader.close()
        server.wait()
        assert time.monotonic() - asked >= 0.4


def test_forty_clients_that_drop_and_resume_see_every_event_once() -> None:
    """Under one producer and random drops, nothing is lost and nothing comes twice."""
    total = 120
    app = reference_app(produce=ticker(total, pause=0.01), store=MemoryStore(max_events=total))
    wrong: list[str] = []

    def live(url: str, seed: int) -> None:
        dice = random.Random(seed)
        seqs: list[int] = []
        cursor: dict[str, str] = {}
        try:
            for _ in range(200):
                with RawClient(url, headers=cursor) as client:
                    if client.status == 204:
                        break
                    patience = dice.randrange(0, 15)
                    client.until(
                        lambda c, n=patience: len(c.ids) > n or c.complete  # type: ignore[misc]
                    )
                    seqs += [int(i.partition("-")[0]) for i in client.ids]
                    if client.ids:
                        cursor = {"Last-Event-ID": client.ids[-1]}
                    if client.hello["lost"]:
                        wrong.append(f"{seed}: lost {client.hello['lost']}")
            if seqs != list(range(total)):
                wrong.append(f"{seed}: {seqs}")
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            wrong.append(f"{seed}: {error!r}")

    with serve(app) as url:
        with RawClient(f"{url}/api/v1/streams", method="POST") as creator:
            path = json.loads(creator.until_end().body)["url"]
        threads = [threading.Thread(target=live, args=(url + path, n)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        assert wrong == []
        wait_for(lambda: not app.readers)
