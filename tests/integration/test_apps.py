"""More than one of everything in one process: applications, middlewares, loops, imports."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

from sse_observe import SSEMetrics, SSEObserveMiddleware, metrics_app
from tests.support.asgi import END, Exchange, body, drive, http_scope, start, value
from tests.support.paths import ROOT
from tests.support.servers import serve_process


async def stream(scope, receive, send):
    for message in (start(), body(b"data: x\n\n"), END):
        await send(message)


def test_two_applications_count_apart():
    """Each has its own metrics; one answer of one touches nothing of the other."""
    first, second = (SSEMetrics(CollectorRegistry()) for _ in range(2))
    apps = [SSEObserveMiddleware(stream, metrics=metrics) for metrics in (first, second)]

    drive(apps[0])
    drive(apps[0])
    drive(apps[1])

    assert value(first, "sse_streams_opened_total") == 2
    assert value(second, "sse_streams_opened_total") == 1
    text = drive(metrics_app(second), http_scope("/metrics"))[1]["body"].decode()
    assert 'start="fresh",user_segment="all"} 1.0' in text


@pytest.mark.parametrize("shared", [True, False])
def test_middleware_in_a_mounted_application_as_well_counts_once(metrics, shared):
    """Whoever installs it inside and outside has one stream, and one line that says so."""

    async def ticks(request):
        return StreamingResponse(iter(["data: x\n\n"]), media_type="text/event-stream")

    other = metrics if shared else SSEMetrics(CollectorRegistry())
    outside = [Middleware(SSEObserveMiddleware, metrics=metrics)] * 2
    inside = [Middleware(SSEObserveMiddleware, metrics=other)]
    inner = Starlette(routes=[Route("/ticks", ticks)], middleware=inside)
    app = Starlette(routes=[Mount("/sub", inner)], middleware=outside)

    drive(app, http_scope("/sub/ticks"))

    assert value(metrics, "sse_streams_opened_total") == 1
    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1
    assert shared or value(other, "sse_streams_opened_total") == 0


@pytest.mark.slow
def test_module_that_is_loaded_again_goes_on_counting(tmp_path):
    """A notebook or a development server loads it twice: no duplicate, no second set of counts."""
    (tmp_path / "service.py").write_text(
        "from tests.support.asgi import END, body, drive, start\n"
        "from sse_observe import SSEMetrics, SSEObserveMiddleware, metrics_app\n"
        "from sse_observe.middleware.routes import StreamRoute\n"
        "async def stream(scope, receive, send):\n"
        "    for message in (start(), body(b'data: x\\n\\n'), END): await send(message)\n"
        "own = SSEMetrics()\n"
        "app = SSEObserveMiddleware(stream, metrics=own, routes={'/s': StreamRoute(limit=5)})\n"
        "other = SSEObserveMiddleware(stream)\n"
        "drive(app)\n"
        "drive(other)\n"
    )
    code = (
        "import importlib, service\n"
        "for _ in range(3): importlib.reload(service)\n"
        "from tests.support.asgi import samples\n"
        "print(sorted(samples(service.own, 'sse_streams_', 'sse_stream_limit').items()))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env
    )

    assert dict(eval(done.stdout)) == {  # noqa: S307 - our own words
        f"sse_streams_{what},user_segment=all}}": 4
        for route in ("/s", "other")
        for what in (
            f"opened_total{{network_type=unknown,route={route},start=fresh",
            f"closed_total{{network_type=unknown,reason=completed,route={route}",
        )
    } | {
        f"sse_streams_judged_total{{network_type=unknown,route={route},"
        "user_segment=all,verdict=good}": 4
        for route in ("/s", "other")
    } | {"sse_stream_limit{route=/s}": 5}


@pytest.mark.slow
def test_development_server_that_reloads_serves_on(tmp_path):
    """A file is saved, the server loads it again, streams are counted as before."""
    service = tmp_path / "service.py"
    text = (
        "from sse_observe import SSEObserveMiddleware, metrics_app\n"
        "metrics = metrics_app()\n"
        "async def app(scope, receive, send):\n"
        "    if scope['path'] == '/metrics': return await metrics(scope, receive, send)\n"
        "    headers = [(b'content-type', b'text/event-stream')]\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})\n"
        "    await send({'type': 'http.response.body', 'body': b'data: VERSION\\n\\n'})\n"
        "app = SSEObserveMiddleware(app)\n"
    )
    service.write_text(text.replace("VERSION", "one"))
    options = ("--app-dir", str(tmp_path), "--reload", "--reload-dir", str(tmp_path))
    with serve_process("service:app", *options, "--reload-delay", "0.1") as server:
        assert requests.get(server.url, timeout=5).text == "data: one\n\n"
        # Of another size: compiled code that is a second old at most counts as the file's own.
        service.write_text(text.replace("VERSION", "second"))
        deadline = time.monotonic() + 20
        while requests.get(server.url, timeout=10).text != "data: second\n\n":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        found = requests.get(server.url + "/metrics", timeout=5)
        assert 'sse_streams_opened_total{network_type="unknown",route="other"' in found.text
        server.terminate()
        server.wait()


@pytest.mark.slow
def test_loops_in_several_threads_share_exact_counts(metrics, monkeypatch):
    """Four loops stream at once while a fifth thread scrapes: nothing is lost or torn."""
    monkeypatch.setattr("sse_observe.middleware.tick.TICK_SECONDS", 0.005)
    observed = SSEObserveMiddleware(chatty, metrics=metrics)
    rounds, at_once = 40, 25
    over = threading.Event()
    torn, failed = [], []

    def load():
        async def run():
            for _ in range(rounds):
                exchanges = [Exchange(observed, http_scope()) for _ in range(at_once)]
                await asyncio.gather(*(exchange.run() for exchange in exchanges))

        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    def scrape():
        while not over.is_set():
            text = drive(metrics_app(metrics), http_scope("/metrics"))[1]["body"].decode()
            found = [sample for family in parse_text(text) for sample in family.samples]
            now, opened, closed = (
                sum(s.value for s in found if s.name == f"sse_{name}")
                for name in ("concurrent_streams", "streams_opened_total", "streams_closed_total")
            )
            if opened - closed != now:
                torn.append((opened, closed, now))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=load) for _ in range(4)]
        scraper = threading.Thread(target=scrape)
        for thread in (scraper, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        scraper.join()
    finally:
        sys.setswitchinterval(interval)

    streams = 4 * rounds * at_once
    assert not failed
    assert value(metrics, "sse_streams_opened_total") == streams
    assert value(metrics, "sse_streams_closed_total", reason="completed") == streams
    assert value(metrics, "sse_events_sent_total", event="message") == 5 * streams
    assert value(metrics, "sse_event_gap_seconds_count") == 4 * streams
    assert value(metrics, "sse_concurrent_streams") == 0
    assert value(metrics, "sse_observer_faults_total") == 0
    assert torn == []


async def chatty(scope, receive, send):
    await send(start())
    for _ in range(5):
        await send(body(b"data: x\n\n"))
        await asyncio.sleep(0)
    await send(END)
