"""Beacon reports over HTTP: what is refused, and that a stranger can cost us nothing."""

import asyncio
import gc
import json
import random
import sys
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.beacon import Limits, beacon_app
from sse_observe.beacon.tokens import Tokens
from sse_observe.errors import SettingsError
from sse_observe.metrics import OTHER
from sse_observe.middleware.routes import Resolved, StreamRoute
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics
from sse_observe.registry.receipt import Receipt
from tests.support.clock import Clock
from tests.support.mutations import mutate
from tests.support.reporting import (
    BOUNDS,
    RECONNECT,
    ROUTE,
    SECRET,
    ask,
    post,
    results,
    scope_of,
    value,
    vector,
)
from tests.support.virtual import now, run


@pytest.fixture
def app(metrics: SSEMetrics, clock: Clock) -> Any:
    return beacon_app(metrics, secret=SECRET, clock=clock)


@pytest.fixture
def token(app: Any) -> str:
    return app.issue(ROUTE, "all", "3g")


def count_requests(metrics: SSEMetrics, *labels: str) -> None:
    """Count one stream more on each route, as the middleware does when it opens."""
    tracker = StreamTracker.of(metrics)
    for label in labels:
        tracker.counts_of(Resolved(label, StreamRoute()))
        assert tracker.on_request is not None
        tracker.on_request(label, scope_of(label, "GET"))


def test_a_report_that_comes_again_at_another_host_counts_once(clock: Clock) -> None:
    """Its answer was lost on the way; the balancer sends the second one elsewhere."""
    seen: set[tuple[str, int]] = set()

    class Fleet:
        async def is_new_report(
            self, reporter: str, n: int, *, ends: bool, keep_seconds: float
        ) -> bool:
            assert 0 < keep_seconds <= 86_400
            is_new = (reporter, n) not in seen
            seen.add((reporter, n))
            return is_new

    hosts = [SSEMetrics(CollectorRegistry()) for _ in range(2)]
    one, other = (beacon_app(m, secret=SECRET, clock=clock, store=Fleet()) for m in hosts)
    token = one.issue(ROUTE, "all", "3g")
    for n in (1, 2):
        for app in (one, other, one):
            assert post(app, {"token": token, "n": n, "events": 5}).status == 204

    assert results(hosts[0]) == {"accepted": 2, "replayed": 2}
    assert results(hosts[1]) == {"replayed": 2}


def test_a_token_must_be_ours_and_alive(metrics: SSEMetrics, token: str) -> None:
    """A foreign one, a changed one, an expired one: 403, which tells a client to get another."""
    now = [1_800_000_000.0]
    app = beacon_app(metrics, secret=SECRET, unix_time=lambda: now[0])
    old = app.issue(ROUTE, "all", "4g")
    now[0] += 86_401

    for bad in (old, "", "x.y", token + "A", Tokens("another secret of ours").issue("/", "a", "b")):
        assert post(app, {"token": bad, "n": 1}).status == 403
    assert results(metrics) == {"bad_token": 5}


def test_a_report_that_comes_again_is_not_counted_again(
    metrics: SSEMetrics, app: Any, token: str
) -> None:
    """Browsers send twice when a tab closes; the second is answered as the first was."""
    statuses = [post(app, {"token": token, "n": n, "events": 1}).status for n in (1, 1, 3, 2, 3, 2)]

    assert statuses == [204] * 6
    assert results(metrics) == {"accepted": 3, "replayed": 3}
    labels = {"route": ROUTE, "network_type": "3g"}
    assert value(metrics, "sse_client_events_received_total", **labels) == 3


def test_a_large_body_is_given_up_while_it_comes(metrics: SSEMetrics, app: Any) -> None:
    """Bytes are counted as they arrive, whatever Content-Length says."""
    read = []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope_of(headers={"content-length": "10"}), receive, send))

    assert sent[0]["status"] == 413
    assert len(read) == 5
    assert results(metrics) == {"too_large": 1}


def test_a_body_that_never_ends_is_given_up(metrics: SSEMetrics, app: Any) -> None:
    """A sender that sends a byte and waits holds nothing of ours for long."""

    async def main() -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        began = now()
        await app(scope_of(), receive, send)
        assert now() - began == 5
        return sent[0]["status"]

    assert run(main()) == 400
    assert results(metrics) == {"bad_schema": 1}


def test_a_web_page_can_ask_for_a_token(metrics: SSEMetrics, app: Any) -> None:
    """For streams whose application sends no hello: the route is one that is counted already."""
    count_requests(metrics, ROUTE, "/plain", "no template {", OTHER, OTHER)

    for path, route in (
        ("/chat/7", ROUTE),
        ("/plain", "/plain"),
        ("/strange", "other"),
        ("", "other"),
    ):
        query = f"path={path}&network_type=2g"
        answer = ask(app, scope_of("/sse/token", "GET", query=query))
        granted = json.loads(answer.body)
        grant = Tokens(SECRET).read(granted["report_token"])
        assert grant is not None
        assert (grant.route, grant.user_segment, grant.network_type) == (route, "all", "2g")
        assert granted["bounds"][RECONNECT] == list(BOUNDS[RECONNECT])
        assert answer.headers["cache-control"] == "no-store"
        assert post(app, {"token": granted["report_token"], "n": 1}).status == 204


def test_a_token_names_the_segment_that_the_middleware_would(metrics: SSEMetrics) -> None:
    """One of the declared, else `other`; a resolver that fails is counted as an observer error."""

    def segment(scope: Any) -> str:
        return {b"free": "free", b"strange": "strange"}[dict(scope["headers"])[b"plan"]]

    app = beacon_app(metrics, secret=SECRET, segments=("free",), segment=segment)
    count_requests(metrics, OTHER, OTHER, OTHER)

    for plan, expected in (("free", "free"), ("strange", "other"), ("none", "other")):
        answer = ask(app, scope_of("/token", "GET", headers={"plan": plan}))
        grant = Tokens(SECRET).read(json.loads(answer.body)["report_token"])
        assert grant is not None
        assert grant.user_segment == expected
    assert value(metrics, "sse_observer_faults_total", where="beacon") == 1


def test_tokens_are_given_to_our_web_pages_only_and_not_without_limit(
    metrics: SSEMetrics, clock: Clock
) -> None:
    """Else a stranger would fill our tables."""
    app = beacon_app(metrics, secret=SECRET, limits=Limits(address=(1, 2)), clock=clock)
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    count_requests(metrics, OTHER, OTHER, OTHER)

    assert ask(app, scope_of("/token", "GET", headers=foreign)).status == 403
    assert [ask(app, scope_of("/token", "GET")).status for _ in range(3)] == [200, 200, 429]
    assert ask(app, scope_of("/token", "POST")).status == 405


def test_a_token_is_due_to_a_stream_only(metrics: SSEMetrics, app: Any) -> None:
    """Whoever has opened none gets none, and one that carries its token needs no other."""
    statuses = []

    def asks() -> None:
        statuses.append(ask(app, scope_of("/token", "GET", query="path=/plain")).status)

    asks()
    count_requests(metrics, "/plain")
    asks()
    asks()
    app.issue("/plain", "all", "4g", Receipt(scope_of()["client"][0]))
    count_requests(metrics, "/plain", "/elsewhere")
    asks()

    assert statuses == [403, 200, 403, 403]


def test_a_token_ends_one_stream(metrics: SSEMetrics, app: Any, token: str) -> None:
    """One stream ends once, however often its browser says so, and with whatever else."""
    outcomes = ("completed", "cancelled", "failed", "completed")
    for n, outcome in enumerate(outcomes, 1):
        post(app, {"token": token, "n": n, "outcome": outcome, "events": 1})
    post(app, {"token": token, "n": 9, "events": 1})

    ended = {
        outcome: value(
            metrics,
            "sse_client_streams_total",
            route=ROUTE,
            outcome=outcome,
            user_segment="all",
            network_type="3g",
        )
        for outcome in ("completed", "cancelled", "failed")
    }
    assert ended == {"completed": 1, "cancelled": 0, "failed": 0}
    assert results(metrics) == {"accepted": 2, "replayed": 3}


def test_what_is_not_there_is_a_bare_404(app: Any) -> None:
    """And the report path takes nothing but reports."""
    assert ask(app, scope_of("/", "GET")).status == 404
    assert ask(app, scope_of("/deltas", "GET")).status == 405
    assert ask(app, scope_of("/deltas", "OPTIONS")).status == 204


def test_the_path_is_a_setting_and_its_default_offends_no_block_list() -> None:
    """Words by which lists block: none of them stands in what a web page loads or posts to."""
    app = beacon_app(SSEMetrics(CollectorRegistry()), secret=SECRET, path="x/y")
    token = app.issue(ROUTE, "all", "4g")

    answer = ask(app, scope_of("/a/x/y"), json.dumps({"token": token, "n": 1}).encode())

    assert answer.status == 204
    words = "track beacon analytic telemetry metric report collect pixel stat log event ad rum"
    for name in ("deltas", "token", "sse-observe.js"):
        assert not [word for word in words.split() if word in name]


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": ""},
        {"path": "/deltas"},
        {"path": "token"},
        {"origins": ("example.com",)},
        {"origins": ("https://example.com/",)},
        {"segments": ("free",)},
        {"secret": "short"},
    ],
    ids=str,
)
def test_a_wrong_setting_is_one_clear_line(wrong: dict[str, Any], metrics: SSEMetrics) -> None:
    """It says which setting, what is wrong, and what to give."""
    with pytest.raises(SettingsError) as caught:
        beacon_app(metrics, **{"secret": SECRET, **wrong})

    assert "\n" not in str(caught.value)


def test_an_observer_error_is_counted_and_answered(
    metrics: SSEMetrics, app: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server sees no exception."""

    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(app._judge._counts, "add", fail)

    assert post(app, {"token": token, "n": 1}).status == 500
    assert value(metrics, "sse_observer_faults_total", where="beacon") == 1


def test_it_follows_a_servers_life_and_takes_no_websocket(app: Any) -> None:
    """Alone under a server, where lifespan events come too."""

    async def spoken(kind: str, *events: str) -> list[str]:
        sent: list[str] = []
        left = list(events)

        async def receive() -> dict[str, str]:
            return {"type": left.pop(0)}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": kind}, receive, send)
        return sent

    life = ("lifespan.startup", "lifespan.shutdown")
    assert asyncio.run(spoken("lifespan", *life)) == [f"{event}.complete" for event in life]
    assert asyncio.run(spoken("websocket")) == ["websocket.close"]


def series_of(metrics: SSEMetrics) -> int:
    return sum(1 for family in metrics.registry.collect() for _ in family.samples)


async def storm(app: Any, metrics: SSEMetrics, n: int, seed: int) -> str:
    """Send mutated bodies; nothing may break, and nothing may grow. Return what came of them."""
    chance = random.Random(seed)
    whole = {
        "events": 40,
        "duplicates": 2,
        "shown": {"live": 2, "waiting": 1},
        RECONNECT: vector(_1=2, _8=1),
        "outcome": "completed",
    }
    # Every address is new to the table, which is full after ten thousand.
    full = 15_000
    sent: list[Any] = []
    body = b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    for k in range(n):
        if k % 20_000 == 0:
            # A mutated number that is high makes replays of all that follow.
            token = app.issue(ROUTE, "all", "4g")
            report = json.dumps({"token": token, "n": 0, **whole}).encode()
            before, _, after = report.partition(b'"n": 0')
        body = mutate(bytearray(b'%b"n": %d%b' % (before, k % 20_000 + 1, after)), chance)
        client = (f"10.{k >> 16 & 255}.{k >> 8 & 255}.{k & 255}", 1)
        sent.clear()
        await app(scope_of(client=client), receive, send)
        assert sent[0]["status"] in (204, 400, 403, 413, 429), body
        if k == full:
            series, blocks = series_of(metrics), held()
    grown = held() - blocks
    assert series_of(metrics) == series
    # Objects: what every body left, even one, would be thousands.
    assert grown < 2500
    assert value(metrics, "sse_observer_faults_total", where="beacon") == 0
    counted = results(metrics)
    assert sum(counted.values()) == n
    assert {"accepted", "bad_schema", "bad_token", "replayed"} <= set(counted)
    return f"{n} mutated reports: {counted}; {grown:+} objects, +0 series"


def held() -> int:
    """Return how many blocks of memory Python holds."""
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.slow
def test_20_000_mutated_reports_break_nothing_and_leave_nothing(metrics: SSEMetrics) -> None:
    """Every one is answered and counted; no series and no memory is added."""
    app = beacon_app(metrics, secret=SECRET, limits=Limits(token=(1e6, 1e6), everyone=(1e6, 1e6)))

    asyncio.run(storm(app, metrics, 20_000, seed=7))


@pytest.mark.prove
def test_a_million_mutated_reports_break_nothing_and_leave_nothing(metrics: SSEMetrics) -> None:
    """The same, fifty times as long."""
    app = beacon_app(metrics, secret=SECRET, limits=Limits(token=(1e6, 1e6), everyone=(1e6, 1e6)))

    print(asyncio.run(storm(app, metrics, 1_000_000, seed=8)))


@pytest.mark.prove
def test_a_report_costs_little_more_than_reading_it() -> None:
    """Three times `json.loads` of it with an empty answer at most; ten thousand each second."""
    from tests.bench.beacon import measure

    rounds = [measure() for _ in range(3)]

    assert min(seen["ratio"] for seen in rounds) <= 3, rounds
    assert max(seen["reports_per_second"] for seen in rounds) >= 10_000, rounds
    assert all(seen["accepted"] == 1 for seen in rounds)
