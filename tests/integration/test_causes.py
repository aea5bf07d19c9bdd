"""Whose fault, on real servers: each cause by each client, and random requests against a model."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from sse_observe import SSEMetrics, SSEObserveMiddleware, observe_client
from sse_observe.lab.programs.process import free_port
from tests.apps.model_apis import model_apis
from tests.support.asgi import Exchange, body, http_scope, start
from tests.support.paths import ROOT
from tests.support.servers import PATIENCE_SECONDS, RawClient, serve
from tests.support.upstreams import ASKS, CHUNK, DONE, STOP, Body, causes, ends

BIN = Path(sys.executable).parent
COMMANDS = {
    "uvicorn": ("--log-level", "critical", "--timeout-graceful-shutdown", "1", "--port", "{port}"),
    "hypercorn": (
        *("--log-level", "critical", "--graceful-timeout", "1"),
        *("--bind", "127.0.0.1:{port}"),
    ),
    "granian": (
        "--interface",
        "asgi",
        "--no-log",
        "--workers-kill-timeout",
        "1",
        "--port",
        "{port}",
    ),
}
CLIENTS = ("openai", "anthropic", "httpx", "aiohttp")
CELLS = [("uvicorn", "fastapi"), ("hypercorn", "starlette"), ("granian", "fastapi")]
REST = [("uvicorn", "starlette"), ("hypercorn", "fastapi"), ("granian", "starlette")]


@contextmanager
def served(server: str, framework: str, upstream: str, folder: Path) -> Iterator[str]:
    """Serve the consuming application in a process; at the end it is told to stop."""
    port = free_port()
    options = (option.format(port=port) for option in COMMANDS[server])
    process = subprocess.Popen(
        [BIN / server, *options, "tests.apps.consuming_app:app"],
        cwd=ROOT,
        env={
            **os.environ,
            "FRAMEWORK": framework,
            "UPSTREAM": upstream,
            "PYTHONPATH": str(ROOT),
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert process.poll() is None, f"{server} did not start"
            assert time.monotonic() < deadline, f"{server} does not answer"
            with suppress(requests.ConnectionError):
                requests.get(f"{url}/whole/httpx", timeout=PATIENCE_SECONDS)
                break
            time.sleep(0.05)
        yield url
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            # The whole group: granian's workers are processes of their own.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def counted(folder: Path) -> dict[str, float]:
    """Return the causes that a process has left behind."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    found = Counter[str]()
    for family in registry.collect():
        for sample in family.samples:
            if sample.name == "sse_streams_failed_total" and sample.value:
                found[sample.labels["cause"]] += sample.value
    return dict(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "framework"),
    [*CELLS, *(pytest.param(*cell, marks=pytest.mark.prove) for cell in REST)],
)
def test_each_cause_is_what_it_was(server: str, framework: str, tmp_path: Path) -> None:
    """
    Upstream and application by every client, then a user, the network, nobody, a deploy.

    The one that came back leaves for good, which nothing proves.
    """
    with (
        serve(model_apis()) as upstream,
        served(server, framework, upstream, tmp_path) as url,
    ):
        for client in CLIENTS:
            for story in ("whole", "upstream", "refused", "application", "recovered"):
                with suppress(requests.RequestException):
                    requests.get(f"{url}/{story}/{client}", timeout=PATIENCE_SECONDS)
        requests.get(f"{url}/user/httpx", timeout=PATIENCE_SECONDS)
        first = {"Accept": "text/event-stream"}
        with RawClient(f"{url}/waits/one", headers=first) as gone:
            gone.until(lambda seen: len(seen.events) == 1)
        with RawClient(f"{url}/waits/one", headers={**first, "Last-Event-ID": "0-one"}) as again:
            again.until(lambda seen: len(seen.events) == 1)
        stays = RawClient(f"{url}/waits/two", headers=first)
        stays.until(lambda seen: len(seen.events) == 1)
    stays.close()

    # Granian kills a worker that still streams: what it had open is lost with it, and with that
    # what it had not decided yet.
    last = {} if server == "granian" else {"unknown": 1, "deploy": 1}
    assert counted(tmp_path) == last | {
        "upstream": 2 * len(CLIENTS),
        "application": 2 * len(CLIENTS),
        "user": 1,
        "network": 1,
    }


# Random requests, each a script: the ends of what it consumes in turn, and its own.
ENDINGS = {
    "completed": Body(CHUNK, STOP, DONE),
    "cut": Body(CHUNK, error=httpx.RemoteProtocolError("cut")),
    "timeout": Body(CHUNK, error=httpx.ReadTimeout("late")),
    "empty": Body(STOP, DONE),
    "refused_5xx": Body(b"{}"),
    "refused_4xx": Body(b"{}"),
    "abandoned": Body(CHUNK, CHUNK, STOP, DONE),
}
STATUSES = {"refused_5xx": 503, "refused_4xx": 401}
SCRIPTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(sorted(ENDINGS)), max_size=4),
        st.sampled_from(["completes", "raises", "states"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=6,
)


def expected(consumed: list[str], ending: str) -> str | None:
    """Return the cause of a request that consumes one stream after the other."""
    if ending == "completes":
        return None
    ends = [end for end in consumed if end != "abandoned"]
    if ends and ends[-1] == "refused_4xx":
        return "application"
    if ends and ends[-1] != "completed":
        return "upstream"
    if ending == "raises":
        return "application"
    return "application" if ends and "abandoned" not in consumed else "unknown"


def upstream_client(metrics: SSEMetrics) -> httpx.AsyncClient:
    """Return an observed client whose upstream answers as its path says."""

    def answers(request: httpx.Request) -> httpx.Response:
        name = request.url.path[1:]
        kind = {"content-type": "text/event-stream"}
        whole = ENDINGS[name]
        return httpx.Response(
            STATUSES.get(name, 200), headers=kind, stream=Body(*whole.chunks, error=whole.error)
        )

    client = httpx.AsyncClient(transport=httpx.MockTransport(answers))
    return observe_client(client, "model", metrics=metrics)


@settings(max_examples=60)
@given(scripts=SCRIPTS)
def test_random_requests_have_the_causes_of_a_model(scripts) -> None:
    """However served and consumed streams interleave, each knows its own, and each is counted."""
    metrics = SSEMetrics(CollectorRegistry())
    client = upstream_client(metrics)

    async def consume(name: str, pause: int) -> None:
        async with client.stream("POST", f"http://model/{name}", json=ASKS) as response:
            async for _ in response.aiter_raw():
                for _ in range(pause):
                    await asyncio.sleep(0)
                if name == "abandoned":
                    break

    async def app(scope, receive, send) -> None:
        consumed, ending, pause = scope["state"]
        await send(start())
        for name in consumed:
            with suppress(httpx.HTTPError):
                await consume(name, pause)
            await send(body(b"data: x\n\n"))
        if ending == "raises":
            raise KeyError("choices")
        if ending == "states":
            await send(body(b"event: error\ndata: {}\n\n"))
        await send({"type": "http.response.body", "body": b""})

    observed = SSEObserveMiddleware(app, metrics=metrics)

    async def main() -> None:
        exchanges = (Exchange(observed, http_scope(state=script)) for script in scripts)
        await asyncio.gather(*(one.run() for one in exchanges), return_exceptions=True)

    asyncio.run(main())
    truth = Counter(expected(consumed, ending) for consumed, ending, _ in scripts)
    assert causes(metrics, "other") == {cause: n for cause, n in truth.items() if cause}
    consumed = Counter(name for names, _, _ in scripts for name in names)
    found = ends(metrics)
    assert found.pop("opened", 0) == sum(n for name, n in consumed.items() if "ref" not in name)
    assert found == consumed
