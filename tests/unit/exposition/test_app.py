import asyncio
import gzip
import os
import subprocess
import sys
import time

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.applications import Starlette
from starlette.routing import Route

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, metrics_app
from sse_observe.errors import SettingsError
from tests.support.asgi import END, Exchange, body, drive, http_scope, start


def get(app, *, method="GET", query="", **headers):
    """Ask for /metrics; return status, headers, body."""
    scope = http_scope("/metrics", method=method, query=query, headers=headers)
    first, second = drive(app, scope)
    return first["status"], dict(first["headers"]), second["body"]


def busy(metrics, routes=3):
    """Count one stream on each of some routes."""

    async def app(scope, receive, send):
        for message in (start(), body(b"data: x\n\n"), END):
            await send(message)

    names = {f"/r{n}": StreamRoute() for n in range(routes)}
    observed = SSEObserveMiddleware(app, metrics=metrics, routes=names)
    for name in names:
        drive(observed, http_scope(name))


@pytest.mark.parametrize("routes", [1, 12])
def test_pieces_read_as_what_prometheus_client_renders(metrics, routes):
    """Rendering in pieces changes not one byte, however large a family is."""
    Gauge("zzz_created_by_others", "x", ["a"], registry=metrics.registry).labels("1").set(2)
    Counter("aaa_with_created", "x", registry=metrics.registry).inc()
    busy(metrics, routes)
    list(metrics.registry.collect())

    status, headers, text = get(metrics_app(metrics))

    assert status == 200
    assert headers[b"content-type"].startswith(b"text/plain; version=0.0.4")
    assert text == generate_latest(metrics.registry)
    assert headers[b"content-length"] == str(len(text)).encode()
    assert len(list(parse_text(text.decode()))) > 20


def test_openmetrics_is_spoken_to_who_asks_for_it(metrics):
    """Prometheus prefers it; the text must end once, at the end."""
    busy(metrics)

    _, headers, text = get(
        metrics_app(metrics), accept="application/openmetrics-text; version=1.0.0"
    )

    assert headers[b"content-type"].startswith(b"application/openmetrics-text; version=1.0.0")
    assert text.count(b"# EOF\n") == 1
    families = {family.name for family in parse_openmetrics(text.decode())}
    assert {"sse_streams_opened", "sse_event_gap_seconds"} <= families


def test_compression_names_and_methods(metrics):
    """Gzip where accepted, `name[]` narrows, HEAD has no body, anything else is refused."""
    busy(metrics)
    app = metrics_app(metrics)

    _, headers, packed = get(app, accept_encoding="gzip, deflate")
    assert headers[b"content-encoding"] == b"gzip"
    assert gzip.decompress(packed) == get(app)[2]

    text = get(app, query="name[]=sse_concurrent_streams&name[]=sse_streams_opened_total")[2]
    names = {sample.name for family in parse_text(text.decode()) for sample in family.samples}
    assert names == {"sse_concurrent_streams", "sse_streams_opened_total"}
    assert b'sse_streams_opened_total{network_type="unknown",route="/r0"' in text

    status, headers, nothing = get(app, method="HEAD")
    assert (status, nothing) == (200, b"")
    assert int(headers[b"content-length"]) > 1000

    status, headers, _ = get(app, method="POST")
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD")
    assert get(app, query="&".join(f"name[]={n}" for n in range(1000)))[0] == 400


def test_failing_collector_is_an_error_not_a_crash(metrics):
    """Somebody else's collector may fail; the scraper is told and the fault is counted."""

    class Failing:
        def describe(self):
            return []

        def collect(self):
            raise RuntimeError("x")

    metrics.registry.register(Failing())

    status, _, text = get(metrics_app(metrics))

    assert status == 500
    assert text.count(b"\n") == 1
    faults = metrics.counter("sse_observer_faults_total", "exposition")
    assert faults._value.get() == 1


def test_scrape_is_one_moment_though_it_is_rendered_in_pieces(metrics):
    """Open equals opened minus closed in every scrape, while streams come and go between pieces."""

    async def stream(scope, receive, send):
        await send(start())
        await asyncio.sleep(0)
        await send(END)

    observed = SSEObserveMiddleware(
        stream, metrics=metrics, routes={f"/r{n}": StreamRoute() for n in range(20)}
    )
    app = metrics_app(metrics)

    async def load():
        n = 0
        while True:
            n += 1
            await asyncio.gather(
                *(Exchange(observed, http_scope(f"/r{n % 20}")).run() for _ in "ab")
            )

    async def run():
        working = asyncio.create_task(load())
        await asyncio.sleep(0.01)
        scrapes = []
        for _ in range(5):
            exchanges = [Exchange(app, http_scope("/metrics")) for _ in range(2)]
            await asyncio.gather(*(exchange.run() for exchange in exchanges))
            scrapes += [exchange.body.decode() for exchange in exchanges]
        working.cancel()
        return scrapes

    for text in asyncio.run(run()):
        total = dict.fromkeys(
            ("sse_concurrent_streams", "sse_streams_opened_total", "sse_streams_closed_total"), 0
        )
        for family in parse_text(text):
            for sample in family.samples:
                if sample.name in total:
                    total[sample.name] += sample.value
        now, opened, closed = total.values()
        assert opened > 0
        assert now == opened - closed


@pytest.mark.slow
def test_scrape_of_fifty_routes_never_stops_the_loop_for_long(metrics):
    """The longest stop by a scrape stays under 10 ms in the median of some scrapes."""
    busy(metrics, 50)
    app = metrics_app(metrics)

    async def run():
        stops = []
        longest = 0.0

        async def watch():
            nonlocal longest
            while True:
                # Of this process alone: what the neighbours take is not the scrape's.
                before = time.process_time()
                await asyncio.sleep(0)
                longest = max(longest, time.process_time() - before)

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        for _ in range(9):
            longest = 0.0
            await Exchange(app, http_scope("/metrics")).run()
            stops.append(longest)
        watching.cancel()
        return sorted(stops)

    assert asyncio.run(run())[4] < 0.010


def test_life_cycle_is_followed_when_run_alone(metrics):
    """The application can be served by itself."""
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(incoming)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(metrics_app(metrics)({"type": "lifespan"}, receive, send))

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


WORKER = """
import asyncio, sys
sys.path[:0] = {path!r}
from tests.support.asgi import END, Exchange, body, drive, http_scope, start
from sse_observe import SSEObserveMiddleware, metrics_app
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import default_metrics

async def app(scope, receive, send):
    await send(start())
    await send(body(b"data: x\\n\\n"))
    if scope["path"] == "/stay":
        await asyncio.Event().wait()
    await send(END)

observed = SSEObserveMiddleware(app)
what = sys.argv[1]
if what == "ends":
    drive(observed)
elif what == "killed":
    async def run():
        task = asyncio.create_task(Exchange(observed, http_scope("/stay")).run())
        await asyncio.sleep(0.01)
        StreamTracker.of(default_metrics()).tick()
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    asyncio.run(run())
else:
    print(drive(metrics_app(), http_scope("/metrics"))[1]["body"].decode())
"""


@pytest.mark.slow
def test_many_processes_are_answered_for_as_one(tmp_path):
    """Totals survive a worker that was killed, gauges forget it, a graceful end loses nothing."""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    code = WORKER.format(path=[p for p in sys.path if p])

    def worker(what, expected=0):
        command = [sys.executable, "-c", code, what]
        done = subprocess.run(
            command, check=False, env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == expected, done.stderr
        return done.stdout

    worker("ends")
    worker("ends")
    worker("killed", expected=-9)
    samples = {
        (sample.name, sample.labels.get("route")): sample.value
        for family in parse_text(worker("asks"))
        for sample in family.samples
        if sample.value
    }

    assert samples["sse_streams_opened_total", "other"] == 3
    assert samples["sse_streams_closed_total", "other"] == 2
    assert samples["sse_sent_bytes_total", "other"] == 27
    assert ("sse_concurrent_streams", "other") not in samples
    assert samples["sse_start_time_seconds", None] > 1_700_000_000


def test_default_metrics_are_those_of_the_default_registry():
    """Two applications without an argument share one set of numbers."""
    assert metrics_app()._metrics is metrics_app()._metrics
    assert SSEMetrics(CollectorRegistry()) is not metrics_app()._metrics


def test_metrics_app_without_its_parentheses_is_one_line():
    """A framework then calls it with a request; others hand it the application."""
    app = Starlette(routes=[Route("/metrics", metrics_app)])

    for call in (lambda: drive(app, http_scope("/metrics")), lambda: metrics_app(app)):
        with pytest.raises(SettingsError, match=r"metrics_app: .*write metrics_app\(\), with its"):
            call()
