"""Browser reports: what is counted, what is refused, and that a stranger can cost us nothing."""

import asyncio
import gc
import gzip
import json
import random
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_observe.beacon import Limits, beacon_app
from sse_observe.beacon.counts import Books
from sse_observe.beacon.limits import Buckets, Page, Pages, network_of_address
from sse_observe.beacon.tokens import Grant, Tokens
from sse_observe.errors import SettingsError
from sse_observe.metrics import METRICS, REPORT_RESULTS
from sse_observe.registry import SSEMetrics
from tests.support.asgi import http_scope
from tests.support.clock import Clock

SECRET = "a secret of some length"
ROUTE = "/chat/{id}"
GRANT = Grant(ROUTE, "all", "4g", 0, "nonce")
RECONNECT = "sse_reconnect_time_seconds"
BOUNDS = {m.name: m.buckets for m in METRICS.values() if m.kind == "histogram"}


class Answer:
    def __init__(self, sent: list[Any]) -> None:
        self.status = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in sent[1:])


def ask(app: Any, scope: Mapping[str, Any], *chunks: bytes) -> Answer:
    """Run one request whose body comes in these chunks."""
    return asyncio.run(asked(app, scope, *chunks))


async def asked(app: Any, scope: Mapping[str, Any], *chunks: bytes) -> Answer:
    sent: list[Any] = []
    left = list(chunks or (b"",))

    async def receive() -> dict[str, Any]:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answer(sent)


def scope_of(path: str = "/deltas", method: str = "POST", **more: Any) -> dict[str, Any]:
    return http_scope(path, method=method, **more)


def post(app: Any, report: Any, **more: Any) -> Answer:
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    return ask(app, scope_of(**more), body)


def value(metrics: SSEMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def results(metrics: SSEMetrics) -> dict[str, float]:
    """Return the results that were counted at all."""
    counted = {r: value(metrics, "sse_client_reports_total", result=r) for r in REPORT_RESULTS}
    assert None not in counted.values()
    return {result: n for result, n in counted.items() if n}


def vector(name: str = RECONNECT, **at: int) -> dict[str, Any]:
    counts = [0] * (len(BOUNDS[name]) + 1)
    for index, n in at.items():
        counts[int(index[1:])] = n
    lows = (0, *BOUNDS[name])
    return {"counts": counts, "sum": sum(n * low for n, low in zip(counts, lows, strict=True))}


@pytest.fixture
def app(metrics: SSEMetrics, clock: Clock) -> Any:
    return beacon_app(metrics, secret=SECRET, clock=clock)


@pytest.fixture
def token(app: Any) -> str:
    return app.issue(ROUTE, "all", "3g")


def test_a_report_becomes_metrics_under_the_labels_of_its_token(
    metrics: SSEMetrics, app: Any, token: str
) -> None:
    """Every number arrives once, in the family that it belongs to."""
    report = {
        "token": token,
        "n": 1,
        "events": 40,
        "duplicates": 2,
        "lost": 3,
        "stalls": 1,
        "shown": {"live": 2, "reconnecting": 5},
        RECONNECT: vector(_1=2, _9=1),
        "sse_stall_recovery_seconds": vector("sse_stall_recovery_seconds", _0=1),
        "sse_event_delay_seconds": vector("sse_event_delay_seconds", _3=4),
        "outcome": "completed",
    }

    answer = post(app, report)

    assert (answer.status, answer.body) == (204, b"")
    assert results(metrics) == {"accepted": 1}
    route, both = {"route": ROUTE}, {"route": ROUTE, "network_type": "3g"}
    assert value(metrics, "sse_client_events_received_total", **both) == 40
    assert value(metrics, "sse_duplicate_events_total", **route, seen_by="client") == 2
    assert value(metrics, "sse_message_loss_total", **route, seen_by="client") == 3
    assert value(metrics, "sse_stall_detections_total", **route, seen_by="client") == 1
    assert value(metrics, "sse_ui_messages_shown_total", **route, message="reconnecting") == 5
    assert value(metrics, "sse_ui_messages_shown_total", **route, message="failed") == 0
    assert value(metrics, f"{RECONNECT}_bucket", **both, le="0.5") == 0
    assert value(metrics, f"{RECONNECT}_bucket", **both, le="1.0") == 2
    assert value(metrics, f"{RECONNECT}_bucket", **both, le="+Inf") == 3
    assert value(metrics, f"{RECONNECT}_sum", **both) == 61
    assert value(metrics, "sse_stall_recovery_seconds_count", **route) == 1
    assert value(metrics, "sse_event_delay_seconds_count", **route) == 4
    ended = {**both, "outcome": "completed", "user_segment": "all"}
    assert value(metrics, "sse_client_streams_total", **ended) == 1


def test_what_was_reported_is_written_down_without_a_scrape(
    metrics: SSEMetrics, app: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape by name, and the files of worker processes, do not come by here."""
    monkeypatch.setattr("sse_observe.beacon.counts._WRITE_SECONDS", 0.001)
    events = metrics.counter("sse_client_events_received_total", ROUTE, "3g")

    async def run() -> None:
        for n in (1, 2):
            body = json.dumps({"token": token, "n": n, "events": 4}).encode()
            await asked(app, scope_of(), body)
            for _ in range(1000):
                if events._value.get() == 4 * n:
                    break
                await asyncio.sleep(0.001)
            assert events._value.get() == 4 * n

    asyncio.run(run())


def test_what_reports_will_move_exists_at_0_once_a_token_is_issued(
    metrics: SSEMetrics, app: Any, token: str
) -> None:
    """`increase()` over a series that is born at 1 would miss the first loss."""
    labels = {"route": ROUTE, "seen_by": "client"}

    assert value(metrics, "sse_message_loss_total", **labels) == 0
    assert results(metrics) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"events": -1},
        {"events": 1_000_001},
        {"events": 1.5},
        {"events": "1"},
        {"events": True},
        {"n": 0},
        {"n": None},
        {"duplicates": 1},
        {"outcome": "won"},
        {"shown": {"reconnecting_1": 1}},
        {"shown": [1]},
        {RECONNECT: {"counts": [1], "sum": 0}},
        {RECONNECT: {"counts": [0] * 10, "sum": 0}},
        {RECONNECT: {**vector(_1=1), "sum": 0.4}},
        {RECONNECT: {**vector(_1=1), "sum": 1.1}},
        {RECONNECT: {**vector(_9=1), "sum": 86_401}},
        {RECONNECT: {**vector(_1=1), "sum": -1}},
        {RECONNECT: {**vector(_1=1), "le": 1}},
        {"token": 7},
    ],
    ids=str,
)
def test_a_report_that_cannot_be_true_is_refused_whole(
    change: dict[str, Any], metrics: SSEMetrics, app: Any, token: str
) -> None:
    """Unknown keys, negative, absurd and contradictory numbers: nothing of it is counted."""
    answer = post(app, {"token": token, "n": 1, "stalls": 1, **change})

    assert (answer.status, answer.body) == (400, b"")
    assert results(metrics) == {"bad_schema": 1}
    assert value(metrics, "sse_stall_detections_total", route=ROUTE, seen_by="client") == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"n":1e999}', b'{"n":NaN}', b"[" * 4000, b"{}" * 9],
    ids=repr,
)
def test_what_is_no_report_is_refused(body: bytes, metrics: SSEMetrics, app: Any) -> None:
    """Whatever it is, the answer is a bare 400."""
    assert post(app, body).status == 400
    assert results(metrics) == {"bad_schema": 1}


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
    """Browsers send twice when a page closes; the second is answered as the first was."""
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


def test_a_body_that_never_ends_is_given_up(
    metrics: SSEMetrics, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends a byte and waits holds nothing of ours for long."""
    monkeypatch.setattr("sse_observe.beacon.app._BODY_SECONDS", 0.01)

    async def run() -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope_of(), receive, send)
        return sent[0]["status"]

    assert asyncio.run(run()) == 400
    assert results(metrics) == {"bad_schema": 1}


def test_a_body_in_pieces_is_read_whole(metrics: SSEMetrics, app: Any, token: str) -> None:
    """Servers hand it over as it arrives."""
    body = json.dumps({"token": token, "n": 1}).encode()

    assert ask(app, scope_of(), body[:7], b"", body[7:]).status == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"sec-fetch-site": "same-origin", "origin": "https://a.example"}, 204),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://b.example"}, 403),
        ({"origin": "http://here.example", "host": "here.example"}, 204),
        ({"origin": "http://evil.example", "host": "here.example"}, 403),
        ({"origin": "null", "host": "here.example"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://friend.example"}, 204),
    ],
)
def test_only_our_pages_and_declared_origins_may_report(
    headers: dict[str, str], status: int, metrics: SSEMetrics
) -> None:
    """The browser says where a request comes from; no page can forge that."""
    app = beacon_app(metrics, secret=SECRET, origins=("https://friend.example",))
    token = app.issue(ROUTE, "all", "4g")

    answer = post(app, {"token": token, "n": 1}, headers=headers)

    assert answer.status == status
    friend = headers.get("origin") == "https://friend.example"
    allowed = "https://friend.example" if friend else None
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert results(metrics) == {"accepted" if status == 204 else "bad_origin": 1}


def test_each_token_each_address_and_everyone_have_a_limit(clock: Clock) -> None:
    """One page, one address, the whole world; and time gives room again."""
    from prometheus_client import CollectorRegistry

    for name, spread in (("token", False), ("address", False), ("everyone", True)):
        metrics = SSEMetrics(CollectorRegistry())
        wide = {"token": (9, 99), "address": (9, 99), "everyone": (9, 99), name: (1, 3)}
        app = beacon_app(metrics, secret=SECRET, limits=Limits(**wide), clock=clock)
        tokens = [app.issue(ROUTE, "all", "4g") for _ in range(5)]

        def report(n: int, app: Any = app, tokens: Any = tokens, spread: bool = spread) -> int:
            client = (f"192.0.2.{n if spread else 1}", 1)
            return post(app, {"token": tokens[0], "n": n + 1}, client=client).status

        assert [report(n) for n in range(5)] == [204, 204, 204, 429, 429], name
        clock.tick(1)
        assert report(5) == 204, name
        assert results(metrics) == {"accepted": 4, "rate_limited": 2}


def test_an_address_that_floods_does_not_use_up_everyones_limit(
    metrics: SSEMetrics, clock: Clock
) -> None:
    """The address is asked first."""
    limits = Limits(address=(1, 2), everyone=(1, 4))
    app = beacon_app(metrics, secret=SECRET, limits=limits, clock=clock)
    for _ in range(50):
        post(app, b"", client=("192.0.2.1", 1))

    assert post(app, b"", client=("192.0.2.2", 1)).status == 400


def test_what_is_remembered_of_strangers_has_a_bound(metrics: SSEMetrics, clock: Clock) -> None:
    """Ten thousand keys, however many come; in IPv6 a customer's whole /64 is one of them."""
    buckets = Buckets((1, 5), most=10, clock=clock)
    pages, book = Pages((1, 5), most=10, clock=clock), Books(metrics).open(ROUTE, "all", "4g")

    for n in range(1000):
        buckets.take(f"address {n}")
        pages.put(f"token {n}", GRANT, book)
        pages.get("token 0")

    assert len(buckets) == len(pages) == 10
    assert pages.get("token 0") is not None
    assert network_of_address("2001:db8::1") == network_of_address("2001:db8::ffff:2")
    assert network_of_address("2001:db8::1") != network_of_address("2001:db8:1::1")
    assert network_of_address("192.0.2.7") == "192.0.2.7"
    assert network_of_address("fe80::1%eth0") == network_of_address("fe80::2")
    assert network_of_address(":not:an:address:") == ":not:an:address:"


def test_each_number_is_new_once_at_most(metrics: SSEMetrics) -> None:
    """And in order, always: only a number far behind the highest is taken for a replay."""
    book = Books(metrics).open(ROUTE, "all", "4g")

    @given(st.lists(st.integers(1, 200), max_size=60))
    def hold(numbers: list[int]) -> None:
        page, seen = Page(GRANT, book, 1, 0), set()
        for n in numbers:
            new = page.is_new(n)
            assert not (new and n in seen)
            if n not in seen and n > max(seen, default=0) - 64:
                assert new
            seen.add(n)

    hold()


def test_a_page_can_ask_for_a_token(metrics: SSEMetrics, app: Any) -> None:
    """For streams whose application sends no hello: the route is one that is counted already."""
    from sse_observe.middleware.routes import Resolved, StreamRoute
    from sse_observe.middleware.tracker import StreamTracker

    for label in (ROUTE, "/plain", "no template {"):
        StreamTracker.of(metrics).counts_of(Resolved(label, StreamRoute()))

    for path, route in (("/chat/7", ROUTE), ("/plain", "/plain"), ("/odd", "other"), ("", "other")):
        query = f"path={path}&network_type=2g"
        answer = ask(app, scope_of("/sse/token", "GET", query=query))
        said = json.loads(answer.body)
        grant = Tokens(SECRET).read(said["report_token"])
        assert grant is not None
        assert (grant.route, grant.user_segment, grant.network_type) == (route, "all", "2g")
        assert said["bounds"][RECONNECT] == list(BOUNDS[RECONNECT])
        assert answer.headers["cache-control"] == "no-store"
        assert post(app, {"token": said["report_token"], "n": 1}).status == 204


def test_a_token_names_the_segment_that_the_middleware_would(metrics: SSEMetrics) -> None:
    """One of the declared, else `other`; a resolver that fails is our fault, and counted."""

    def segment(scope: Any) -> str:
        return {b"free": "free", b"odd": "odd"}[dict(scope["headers"])[b"plan"]]

    app = beacon_app(metrics, secret=SECRET, segments=("free",), segment=segment)

    for plan, expected in (("free", "free"), ("odd", "other"), ("none", "other")):
        answer = ask(app, scope_of("/token", "GET", headers={"plan": plan}))
        grant = Tokens(SECRET).read(json.loads(answer.body)["report_token"])
        assert grant is not None
        assert grant.user_segment == expected
    assert value(metrics, "sse_observer_faults_total", where="beacon") == 1


def test_tokens_are_given_to_our_pages_only_and_not_without_limit(
    metrics: SSEMetrics, clock: Clock
) -> None:
    """Else a stranger would fill our tables."""
    app = beacon_app(metrics, secret=SECRET, limits=Limits(address=(1, 2)), clock=clock)
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}

    assert ask(app, scope_of("/token", "GET", headers=foreign)).status == 403
    assert [ask(app, scope_of("/token", "GET")).status for _ in range(3)] == [200, 200, 429]
    assert ask(app, scope_of("/token", "POST")).status == 405


def test_the_module_is_revalidated_and_kept_for_ever_by_its_version(app: Any) -> None:
    """A page that names the version never asks again; one that does not always sees the newest."""
    from sse_observe.registry import package_version

    path = "/sse/sse-observe.js"
    plain = ask(app, scope_of(path, "GET"))
    packed = ask(app, scope_of(path, "GET", headers={"accept-encoding": "br, gzip"}))
    again = ask(app, scope_of(path, "GET", headers={"if-none-match": plain.headers["etag"]}))
    known = ask(app, scope_of(path, "GET", query=f"v={package_version()}"))
    other = ask(app, scope_of(path, "GET", query="v=0.0.0"))
    head = ask(app, scope_of(path, "HEAD"))

    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["cache-control"] == other.headers["cache-control"] == "no-cache"
    assert known.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert b"export class ResilientEventSource" in plain.body
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["vary"] == "Accept-Encoding"
    assert (again.status, again.body) == (304, b"")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(plain.body))
    assert ask(app, scope_of(path, "POST")).status == 405


def test_what_is_not_there_is_a_bare_404(app: Any) -> None:
    """And the report path takes nothing but reports."""
    assert ask(app, scope_of("/", "GET")).status == 404
    assert ask(app, scope_of("/deltas", "GET")).status == 405
    assert ask(app, scope_of("/deltas", "OPTIONS")).status == 204


def test_the_path_is_a_setting_and_its_default_offends_no_block_list() -> None:
    """Words by which lists block: none of them stands in what a page loads or posts to."""
    from prometheus_client import CollectorRegistry

    app = beacon_app(SSEMetrics(CollectorRegistry()), secret=SECRET, path="x/notes")
    token = app.issue(ROUTE, "all", "4g")

    answer = ask(app, scope_of("/a/x/notes"), json.dumps({"token": token, "n": 1}).encode())

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


def test_limits_that_let_nothing_through_are_refused() -> None:
    """A rate of 0 is a mistake, not a way to switch reports off."""
    with pytest.raises(SettingsError, match="address"):
        Limits(address=(0, 10))


def test_a_fault_of_ours_is_counted_and_answered(
    metrics: SSEMetrics, app: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server sees no exception."""

    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(app._books, "add", fail)

    assert post(app, {"token": token, "n": 1}).status == 500
    assert value(metrics, "sse_observer_faults_total", where="beacon") == 1


def test_it_follows_a_servers_life_and_takes_no_websocket(app: Any) -> None:
    """Alone under a server, where lifespan events come too."""

    async def run(kind: str, *events: str) -> list[str]:
        sent: list[str] = []
        left = list(events)

        async def receive() -> dict[str, str]:
            return {"type": left.pop(0)}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": kind}, receive, send)
        return sent

    life = ("lifespan.startup", "lifespan.shutdown")
    assert asyncio.run(run("lifespan", *life)) == [f"{event}.complete" for event in life]
    assert asyncio.run(run("websocket")) == ["websocket.close"]


# What strangers send.

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["token", "n", "events", "lost", "shown", "outcome", RECONNECT, "x"])


def test_no_form_of_report_breaks_it(metrics: SSEMetrics) -> None:
    """Any JSON under any key, with a true token too: refused or counted, never an exception."""
    wide = (1e9, 1e9)
    app = beacon_app(metrics, secret=SECRET, limits=Limits(wide, wide, wide))

    @settings(max_examples=200)
    @given(st.dictionaries(KEYS, VALUES), st.booleans())
    def hold(fields: dict[str, Any], signed: bool) -> None:
        token = {"token": app.issue(ROUTE, "all", "4g")} if signed else {}
        assert post(app, {**fields, **token}).status in (204, 400, 403, 413)
        assert value(metrics, "sse_observer_faults_total", where="beacon") == 0

    hold()


def mutate(body: bytearray, random: random.Random) -> bytes:
    """Return a body with some of its bytes changed, cut, doubled or swapped."""
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(body) + 1)
        kind = random.randrange(5)
        if kind == 0:
            body[at:at] = bytes([random.randrange(256)])
        elif kind == 1:
            del body[at : at + random.randint(1, 20)]
        elif kind == 2:
            body[at:at] = body[at : at + random.randint(1, 300)] * random.randint(1, 9)
        elif kind == 3:
            body[at : at + 1] = random.choice([b"-", b"9" * 30, b"1e9", b"null", b'"', b"\0", b"{"])
        elif body:
            body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return bytes(body)


def series_of(metrics: SSEMetrics) -> int:
    return sum(1 for family in metrics.registry.collect() for _ in family.samples)


async def storm(app: Any, metrics: SSEMetrics, n: int, seed: int) -> str:
    """Send mutated bodies; nothing may break, and nothing may grow. Return what came of them."""
    chance = random.Random(seed)
    whole = {
        "events": 40,
        "duplicates": 2,
        "shown": {"live": 2, "waiting": 1},
        RECONNECT: vector(_1=2, _9=1),
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
    from bench.beacon import measure

    rounds = [measure() for _ in range(3)]

    assert min(seen["ratio"] for seen in rounds) <= 3, rounds
    assert max(seen["reports_per_second"] for seen in rounds) >= 10_000, rounds
    assert all(seen["accepted"] == 1 for seen in rounds)
