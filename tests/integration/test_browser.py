"""
The client in a real Chromium, against real servers and a proxy that breaks what passes it.

In every test: what the user saw is complete, or was announced as incomplete; each event was
handled once; and the server's metrics are what the web page itself counted.
"""

import itertools
import json
import time
from collections.abc import AsyncIterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, beacon_app, current_stream
from sse_observe.lab.programs.process import free_port
from sse_observe.reference import MemoryStore
from tests.apps.site import SECRET, Counting, counting, site
from tests.support.proxy import UnreliableProxy
from tests.support.servers import serve, serve_process
from tests.support.site_tab import (
    URL,
    finish,
    log_of,
    open_tab,
    served,
    set_hidden,
    wait_for,
    wait_for_messages,
    wait_for_return,
)

pytestmark = [pytest.mark.slow, pytest.mark.long]


EVENTS = 30


class RouteMetrics:
    """The server's metrics of one route."""

    def __init__(self, metrics: SSEMetrics, route: str = URL) -> None:
        self.metrics = metrics
        self.route = route

    def total(self, name: str, **labels: str) -> float:
        wanted = {"route": self.route, **labels}
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        )

    def outcome(self) -> dict[str, float]:
        """Return how many streams clients saw end, by outcome; wait for the first."""
        names = ("completed", "cancelled", "failed")

        def found() -> dict[str, float]:
            every = {n: self.total("sse_client_streams_total", outcome=n) for n in names}
            return {name: n for name, n in every.items() if n}

        wait_for(lambda: bool(found()), found)
        return found()

    def client(self) -> dict[str, float]:
        """Return what clients reported, in the form of the web page's own log."""
        return {
            "events": self.total("sse_client_events_received_total"),
            "duplicates": self.total("sse_duplicate_events_total", seen_by="client"),
            "stalls": self.total("sse_stall_detections_total", seen_by="client"),
            "lost": self.total("sse_message_loss_total", seen_by="client"),
            "shown": self.total("sse_ui_messages_shown_total"),
            "reconnects": self.total("sse_reconnect_time_seconds_count"),
        }


def assert_agrees(counted: RouteMetrics, *logs: dict[str, Any], **other: float) -> None:
    """Hold the server's metrics against what the web pages counted."""
    seen = {
        "events": sum(len(log["messages"]) for log in logs) + other.get("duplicates", 0),
        "duplicates": 0,
        "stalls": 0,
        "lost": 0,
        "shown": sum(log["shown"] for log in logs),
        "reconnects": sum(len(log["openedAt"]) - 1 for log in logs),
        **other,
    }
    # A web page has all statuses when its stream has ended; its last beacon report comes later.
    wait_for(lambda: counted.client() == seen, lambda: (counted.client(), seen))
    assert counted.metrics.registry.get_sample_value(
        "sse_client_reports_total", {"result": "accepted"}
    )
    for result in ("bad_origin", "bad_token", "bad_schema", "too_large", "rate_limited"):
        labels = {"result": result}
        assert counted.metrics.registry.get_sample_value("sse_client_reports_total", labels) == 0


def numbers(n: int = EVENTS, start: int = 0) -> list[str]:
    return [str(k) for k in range(start, n)]


def test_an_undisturbed_stream_is_shown_whole_and_counted_on_both_sides(
    window: Any, metrics: SSEMetrics
) -> None:
    """Nothing goes wrong, and every number agrees."""
    with served(site(counting(EVENTS, 0.02), metrics)) as proxy:
        tab = open_tab(window, proxy.url, waitingAfter=3_600_000)
        log = finish(tab)
        counted = RouteMetrics(metrics)

        assert log["messages"] == numbers()
        assert log["statuses"] == ["connecting", "live", "complete"]
        assert tab.run("document.getElementById('status').textContent") == "Response complete"
        assert counted.outcome() == {"completed": 1}
        assert_agrees(counted, log)
        labels = {"outcome": "completed", "network_type": "4g", "user_segment": "all"}
        assert counted.total("sse_client_streams_total", **labels) == 1
        assert counted.total("sse_streams_closed_total", reason="completed") == 1
        assert counted.total("sse_streams_opened_total", start="fresh", network_type="4g") == 1


def test_slow_network(window: Any, metrics: SSEMetrics) -> None:
    """Over Slow 3G it takes longer, shows that it waits, and completes."""
    with served(site(counting(6, 0.5), metrics)) as proxy:
        tab = window.tab(proxy.url)
        tab.until("window.ready")
        tab.devtools("Network.enable")
        tab.devtools(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=2000,
            downloadThroughput=50_000,
            uploadThroughput=50_000,
        )
        tab.run("(url) => { window.stream(url, { waitingAfter: 300 }); }", URL)
        log = finish(tab)

        assert log["messages"] == numbers(6)
        assert "waiting" in log["statuses"]
        assert_agrees(RouteMetrics(metrics), log)


def test_stall(window: Any, metrics: SSEMetrics) -> None:
    """The user sees that it waits, and the stream goes on where it stopped."""
    source = Counting(0.1)
    # 2.5 heartbeats, as hello announces them: a stall is five seconds.
    with served(site(source, metrics, heartbeat_seconds=2)) as proxy:
        tab = open_tab(window, proxy.url, retryBase=200, waitingAfter=3_600_000)
        wait_for_messages(tab, 5)
        proxy.stall()
        tab.until("window.log.statuses.includes('waiting')")
        waiting = tab.run("document.getElementById('status').textContent")
        proxy.flow()
        wait_for_return(tab, 2)
        source.enough()
        log = finish(tab)
        counted = RouteMetrics(metrics)

        assert waiting == "Waiting for server response..."
        assert log["messages"] == numbers(source.total)
        assert log["gaps"] == []
        assert_agrees(counted, log, stalls=1)
        assert counted.total("sse_stall_recovery_seconds_count") == 1


def test_rapid_reconnects(window: Any, metrics: SSEMetrics) -> None:
    """Pauses of 1 s, 2 s and 4 s, each spread by half of it."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        tab = open_tab(window, proxy.url)
        wait_for_messages(tab, 5)
        proxy.refusing = True
        proxy.cut()
        tab.until("window.log.errors >= 3")
        proxy.refusing = False
        wait_for_return(tab, 2)
        source.enough()
        log = finish(tab)

        times = [*log["lostAt"], log["openedAt"][1]]
        pauses = [(b - a) / 1000 for a, b in itertools.pairwise(times)]
        for pause, base in zip(pauses[:3], (1, 2, 4), strict=True):
            # What the browser and a busy machine take comes on top; exact to the millisecond
            # are the client's own tests, which turn its clock by hand.
            assert 0.5 * base <= pause <= 1.5 * base + 5, pauses
        assert log["messages"] == numbers(source.total)
        tries = [status for status in log["statuses"] if status.startswith("reconnecting")]
        assert tries[:3] == ["reconnecting1", "reconnecting2", "reconnecting3"]
        assert_agrees(RouteMetrics(metrics), log)


def test_a_network_that_goes_away_and_comes_back(window: Any, metrics: SSEMetrics) -> None:
    """Offline it says so and waits; back online it goes on at once, without a pause."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        # With a pause that no patience would outlast.
        tab = open_tab(window, proxy.url, retryBase=1_000_000)
        wait_for_messages(tab, 5)
        window.offline(True)
        proxy.cut()
        tab.until("window.log.statuses.includes('offline')")
        tab.until("window.source.readyState === 0")
        back = time.monotonic()
        window.offline(False)
        wait_for_return(tab, 2)
        took = time.monotonic() - back
        source.enough()
        log = finish(tab)

        # Half of the longest pause there is, 30 s, is the least that it would have waited.
        assert took < 15
        assert log["messages"] == numbers(source.total)
        assert_agrees(RouteMetrics(metrics), log)


def test_a_connection_that_is_reset_again_and_again(window: Any, metrics: SSEMetrics) -> None:
    """Each resume brings what is missing, and nothing twice."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        tab = open_tab(window, proxy.url, retryBase=100)
        wait_for_messages(tab, 5)
        for openings in (2, 3, 4):
            proxy.reset()
            wait_for_return(tab, openings)
        source.enough()
        log = finish(tab)

        assert log["messages"] == numbers(source.total)
        assert len(log["openedAt"]) == 4
        assert_agrees(RouteMetrics(metrics), log)


def test_a_proxy_that_cuts_what_is_idle(window: Any, metrics: SSEMetrics) -> None:
    """If heartbeats come too seldom the stream is cut, and resumed, until it is complete."""
    source = Counting(1.6)
    with served(site(source, metrics, heartbeat_seconds=30)) as proxy:
        tab = window.tab(proxy.url)
        tab.until("window.ready")
        proxy.idle_seconds = 1.0
        tab.run("(url) => { window.stream(url, { retryBase: 100, pollAfter: 0 }); }", URL)
        tab.until("window.log.errors >= 2")
        source.enough()
        log = finish(tab)

        assert log["messages"] == numbers(len(log["messages"]))
        assert_agrees(RouteMetrics(metrics), log)


def test_a_proxy_that_buffers(window: Any, metrics: SSEMetrics) -> None:
    """Nothing comes until the end: it polls, says so, and completes all the same."""
    with served(site(counting(40, 0.1), metrics)) as proxy:
        proxy.buffering = True
        options = {"connectTimeout": 500, "retryBase": 100, "pollInterval": 400}
        tab = open_tab(window, proxy.url, **options)
        tab.until("window.log.statuses.includes('polling')")
        log = finish(tab)
        counted = RouteMetrics(metrics)

        assert log["messages"][-40:] == numbers(40)
        assert counted.outcome() == {"completed": 1}
        assert counted.total("sse_streams_closed_total", reason="polled") >= 1


def test_duplicate_replay(window: Any, metrics: SSEMetrics) -> None:
    """A server that replays too much: the user sees each event once, the rest is counted."""
    source = Counting()
    inner = site(source, metrics)
    again = 3

    async def generous(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == URL:
            headers = []
            for name, value in scope["headers"]:
                if name == b"last-event-id":
                    seq, _, epoch = value.partition(b"-")
                    headers.append((name, b"%d-%s" % (int(seq) - again, epoch)))
                else:
                    headers.append((name, value))
            scope = {**scope, "headers": headers}
        await inner(scope, receive, send)

    with served(generous) as proxy:
        tab = open_tab(window, proxy.url, retryBase=100)
        wait_for_messages(tab, 8)
        proxy.cut()
        wait_for_return(tab, 2)
        source.enough()
        log = finish(tab)

        assert log["messages"] == numbers(source.total)
        assert log["gaps"] == []
        assert_agrees(RouteMetrics(metrics), log, duplicates=again)


def test_a_gap_after_eviction_is_announced(window: Any, metrics: SSEMetrics) -> None:
    """Events that the replay could not give are announced; shown and lost add up."""
    source = Counting()
    with served(site(source, metrics, store=MemoryStore(max_events=4))) as proxy:
        tab = open_tab(window, proxy.url)
        wait_for_messages(tab, 5)
        proxy.refusing = True
        proxy.cut()
        tab.until("window.source.readyState === 0")
        missed = source.total + 10
        wait_for(lambda: source.total >= missed, lambda: source.made)
        proxy.refusing = False
        wait_for_return(tab, 2)
        source.enough()
        log = finish(tab)
        counted = RouteMetrics(metrics)

        assert sum(log["gaps"]) > 0
        assert len(log["messages"]) + sum(log["gaps"]) == source.total
        assert len(set(log["messages"])) == len(log["messages"])
        assert counted.total("sse_message_loss_total", seen_by="server") == sum(log["gaps"])
        assert_agrees(counted, log)


def test_a_server_that_is_killed_and_comes_back_empty(window: Any) -> None:
    """A new process knows nothing of the old stream: a new one begins, and the gap is announced."""
    port = free_port()
    with (
        serve_process("tests.apps.site:served", "--factory", port=port) as first,
        UnreliableProxy(first.url) as proxy,
    ):
        tab = open_tab(window, proxy.url, retryBase=200, pollAfter=0)
        wait_for_messages(tab, 8)
        first.kill()
        first.wait()
        ends = {"SITE_EVENTS": "20"}
        with serve_process("tests.apps.site:served", "--factory", port=port, env=ends) as second:
            log = finish(tab)
            wait_for(
                lambda: bool(ended(scraped(second.url), "completed")), lambda: scraped(second.url)
            )

    assert log["gaps"] == [None]
    restart = log["messages"].index("0", 1)
    assert log["messages"][:restart] == numbers(restart)
    assert log["messages"][restart:] == numbers(20)
    assert len(set(log["ids"])) == len(log["ids"])


def test_a_stream_that_a_new_process_does_not_know_has_failed(window: Any) -> None:
    """A deploy: asked for by its name it cannot go on, and the user sees that it failed."""
    port = free_port()
    with (
        serve_process("tests.apps.site:served", "--factory", port=port) as first,
        UnreliableProxy(first.url) as proxy,
    ):
        tab = window.tab(proxy.url)
        tab.until("window.ready")
        tab.run(
            """async () => {
                const made = await fetch("/api/v1/streams", { method: "POST" });
                window.stream((await made.json()).url, { retryBase: 200, pollAfter: 0 });
            }"""
        )
        wait_for_messages(tab, 8)
        first.terminate()
        first.wait()
        with serve_process("tests.apps.site:served", "--factory", port=port) as second:
            log = finish(tab, "failed")
            wait_for(
                lambda: bool(ended(scraped(second.url), "failed")), lambda: scraped(second.url)
            )

    assert log["text"] == "Connection failed. Please refresh."
    assert log["messages"] == numbers(len(log["messages"]))


def scraped(url: str) -> str:
    import requests

    return requests.get(f"{url}/metrics", timeout=5).text


def ended(text: str, outcome: str) -> list[str]:
    return [
        line
        for line in text.splitlines()
        if line.startswith("sse_client_streams_total")
        and f'outcome="{outcome}"' in line
        and not line.endswith(" 0.0")
    ]


def test_a_machine_that_sleeps_sees_no_stall(window: Any, metrics: SSEMetrics) -> None:
    """The tab is frozen for longer than any stall limit, and goes on as if nothing had been."""
    source = Counting(0.1)
    with served(site(source, metrics)) as proxy:
        tab = open_tab(window, proxy.url, stallTimeout=3000)
        wait_for_messages(tab, 5)
        # A script that does not return: timers and network callbacks wait, as in sleep.
        tab.run("() => { const end = performance.now() + 6500; while (performance.now() < end); }")
        wait_for_messages(tab, len(log_of(tab)["messages"]) + 5)
        source.enough()
        log = finish(tab)

        assert log["messages"] == numbers(source.total)
        assert_agrees(RouteMetrics(metrics), log, stalls=0)


def test_a_closed_tab_reports_what_it_saw_and_that_it_was_left(
    window: Any, metrics: SSEMetrics
) -> None:
    """The browser says twice that the tab goes; it is counted once."""
    with served(site(Counting(), metrics)) as proxy:
        tab = open_tab(window, proxy.url, reportEvery=3_600_000)
        wait_for_messages(tab, 5)
        tab.close()
        counted = RouteMetrics(metrics)

        assert counted.outcome() == {"cancelled": 1}
        assert counted.client()["events"] >= 5
        wait_for(
            lambda: counted.total("sse_streams_closed_total", reason="client_disconnected") == 1,
            lambda: "the server has not seen it leave",
        )


def test_a_hidden_tab_reports_at_once_and_goes_on(window: Any, metrics: SSEMetrics) -> None:
    """Nobody knows whether it is ever shown again."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        tab = open_tab(window, proxy.url, reportEvery=3_600_000)
        wait_for_messages(tab, 5)
        set_hidden(tab, hidden=True)
        counted = RouteMetrics(metrics)
        # The stream has not ended, and will not before this has come.
        wait_for(lambda: counted.client()["events"] >= 5, counted.client)
        wait_for_messages(tab, int(counted.client()["events"]) + 1)
        source.enough()
        log = finish(tab)

        assert log["messages"] == numbers(source.total)
        assert_agrees(counted, log)


def test_a_tab_that_is_left_and_comes_back_goes_on(window: Any, metrics: SSEMetrics) -> None:
    """Back from the back-forward cache, or loaded anew: never half a stream that looks whole."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        tab = open_tab(window, proxy.url)
        wait_for_messages(tab, 5)
        tab.call(tab.page.goto(f"{proxy.url}/other"))
        tab.call(tab.page.go_back(wait_until="commit"))
        tab.until("window.ready")
        # Unless this browser kept nothing: then it begins anew, with nothing shown.
        if tab.run("Boolean(window.log)"):
            wait_for_return(tab, 2)
            source.enough()
            log = finish(tab)
            assert log["messages"] == numbers(source.total)
        counted = RouteMetrics(metrics)

        assert counted.outcome()["cancelled"] == 1


def test_two_tabs_share_one_stream(window: Any, metrics: SSEMetrics) -> None:
    """One connection; when its tab closes, the other one goes on where both were."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        first = open_tab(window, proxy.url, share=True)
        wait_for_messages(first, 3)
        second = open_tab(window, proxy.url, share=True)
        wait_for_messages(second, 3)
        counted = RouteMetrics(metrics)
        assert counted.total("sse_concurrent_streams") == 1
        start = int(second.run("window.log.messages[0]"))
        first.close()
        tab_is_alone = int(second.run("window.log.messages.at(-1)")) + 20
        second.until(f"Number(window.log.messages.at(-1)) > {tab_is_alone}")
        source.enough()
        log = finish(second)

        assert log["messages"] == numbers(source.total, start)
        assert counted.outcome() == {"completed": 1}
        assert counted.total("sse_streams_opened_total", start="fresh") == 1


def test_two_streams_on_one_web_page_do_not_mix(window: Any, metrics: SSEMetrics) -> None:
    """Each resumes from its own place."""
    source = Counting()
    with served(site(source, metrics)) as proxy:
        tab = open_tab(window, proxy.url, retryBase=100)
        tab.run("(url) => { window.stream(url, { retryBase: 150 }); }", f"{URL}?b")
        tab.until("window.logs.every((log) => log.messages.length >= 10)")
        proxy.cut()
        tab.until("window.logs.every((log) => log.openedAt.length === 2)")
        source.enough()
        tab.until("window.logs.every((log) => log.statuses.includes('complete'))")
        logs = tab.run("window.logs")

        lengths = [len(log["messages"]) for log in logs]
        assert sorted(lengths) == sorted(source.made.values())
        assert [log["messages"] for log in logs] == [numbers(n) for n in lengths]
        counted = RouteMetrics(metrics)
        wait_for(lambda: counted.outcome() == {"completed": 2}, counted.outcome)
        assert_agrees(counted, *logs)


def fastapi_site(metrics: SSEMetrics, *, hello: bool) -> Any:
    """Return a FastAPI application with native events, and our web page beside them."""
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse, StreamingResponse
    from fastapi.sse import EventSourceResponse, ServerSentEvent

    from tests.apps.site import HTML

    app = FastAPI()
    app.mount("/sse", beacon_app(metrics, secret=SECRET))

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(HTML)

    if hello:

        @app.get("/chat/{name}")
        async def answer(name: str) -> StreamingResponse:
            async def body() -> AsyncIterable[bytes]:
                yield current_stream().hello()
                for n in range(5):
                    yield b"data: %d\n\n" % n
                yield b"event: done\ndata: {}\n\n"

            return StreamingResponse(body(), media_type="text/event-stream")

    else:

        @app.get("/chat/{name}", response_class=EventSourceResponse)
        async def native(name: str) -> AsyncIterable[ServerSentEvent]:
            for n in range(5):
                yield ServerSentEvent(data=n)
            yield ServerSentEvent(event="done", data={})

    return SSEObserveMiddleware(app, metrics=metrics, default=StreamRoute(heartbeat_seconds=15))


@pytest.mark.parametrize("hello", [True, False], ids=["with hello", "with a fetched token"])
def test_it_works_on_an_endpoint_of_fastapis_own(
    hello: bool, window: Any, metrics: SSEMetrics
) -> None:
    """The route is the framework's template in both ways, never a path."""
    with served(fastapi_site(metrics, hello=hello)) as proxy:
        tab = open_tab(window, proxy.url, "/chat/ada")
        log = finish(tab)
        counted = RouteMetrics(metrics, "/chat/{name}")

        assert [json.loads(text) for text in log["messages"]] == [0, 1, 2, 3, 4]
        assert counted.outcome() == {"completed": 1}
        assert_agrees(counted, log)


def test_a_web_page_of_another_origin_may_report_when_it_is_declared(window: Any) -> None:
    """A web page may have its stream on one host and its beacon reports on another."""
    metrics = SSEMetrics(CollectorRegistry())
    with served(site(counting(5, 0.01), SSEMetrics(CollectorRegistry()))) as other:
        beacon = beacon_app(metrics, secret=SECRET, origins=(other.url,))
        with serve(beacon) as reports:
            tab = open_tab(window, other.url, reportTo=f"{reports}/deltas")
            finish(tab)

            assert RouteMetrics(metrics).outcome() == {"completed": 1}
