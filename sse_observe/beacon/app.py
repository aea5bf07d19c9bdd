"""
`beacon_app()`: beacon reports of browsers in, the client module and report tokens out.

Knows HTTP, and trusts nobody: every request is bounded in size, time and rate before it is
read, and every refused report is counted by its reason. What a report says is `report`'s business.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl

from sse_observe.asgi import (
    Message,
    Receive,
    Scope,
    Send,
    address_of,
    answer,
    content_length,
    follow_lifespan,
    network_of_address,
    refuse_websocket,
)
from sse_observe.beacon.body import Bodies
from sse_observe.beacon.claims import Claims
from sse_observe.beacon.client_module import NAME as MODULE
from sse_observe.beacon.client_module import Module
from sse_observe.beacon.confirmations import Confirmations
from sse_observe.beacon.counts import ClientCounts
from sse_observe.beacon.hearing import Hearing
from sse_observe.beacon.judge import Judge
from sse_observe.beacon.keeping import accounts_in, balances_in
from sse_observe.beacon.known_routes import KnownRoutes
from sse_observe.beacon.limits import Buckets, Limits, Rate
from sse_observe.beacon.origins import Origins
from sse_observe.beacon.reporters import Reporters
from sse_observe.beacon.seen import Seen, SeenReports
from sse_observe.beacon.tokens import Tokens
from sse_observe.beacon.unconfirmed import OnUnconfirmed, check_listening
from sse_observe.contract import REPORT_SECONDS
from sse_observe.errors import SettingsError
from sse_observe.metrics import REPORT_RESULTS
from sse_observe.middleware.greeting import BUCKET_BOUNDS
from sse_observe.middleware.headers import network_of
from sse_observe.middleware.segments import Resolver, Segments
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.registry.receipt import Receipt

TOKEN = "token"  # noqa: S105 - the name of a path
# Twice what our client ever sends.
_MOST_BYTES = 4096
# Four kilobytes that take longer are not being sent in earnest.
_BODY_SECONDS = 5.0
_STATUS = {
    "accepted": 204,
    "replayed": 204,
    "bad_schema": 400,
    "implausible": 400,
    "bad_origin": 403,
    "bad_token": 403,
    "too_large": 413,
    "rate_limited": 429,
}


def beacon_app(
    metrics: SSEMetrics | None = None,
    *,
    secret: str | None = None,
    path: str = "deltas",
    origins: Sequence[str] = (),
    segments: Sequence[str] = (),
    segment: Resolver | None = None,
    limits: Limits | None = None,
    store: SeenReports | None = None,
    report_seconds: float = REPORT_SECONDS,
    on_unconfirmed: OnUnconfirmed | None = None,
    clock: Callable[[], float] = time.monotonic,
    unix_time: Callable[[], float] = time.time,
) -> "Beacon":
    """
    Return the application that browsers report to; mount it where your web pages can reach it.

    Under its mount it serves the client module (`sse-observe.js`), report tokens for streams
    whose application sends no hello (`token`), and takes beacon reports at `path`. `secret`
    signs the tokens; without it SSE_OBSERVE_SECRET does, and several workers or hosts need the
    same one. `origins` are further origins whose web pages may report, as in
    `https://app.example.com`. `segments` and `segment` are those of the middleware. Metrics
    that have a beacon put a token into every hello. `store`, a `RedisStore`, lets a report
    that comes again at another host count once; `limits` stay each process's own.
    `report_seconds` is the longest time between two reports of a client, as its `reportEvery`;
    `on_unconfirmed` is called once for each open stream whose client has reported, and not for
    three times as long: it must be quick. `metrics` are those of the middleware; `clock` and
    `unix_time`, in seconds, are for tests. Raises SettingsError for what can never be right.
    """
    if not path or path.startswith("/") or path in (MODULE, TOKEN):
        raise SettingsError(
            f"beacon_app: path={path!r} is wrong; give a path below the mount, as in 'deltas'"
        )
    check_listening(report_seconds, on_unconfirmed)
    metrics = chosen_metrics(metrics, "beacon_app")
    observer_error = partial(StreamTracker.of(metrics).observer_error, "beacon")
    return Beacon(
        metrics,
        Origins(origins),
        Segments(segments, segment, on_error=observer_error, where="beacon_app"),
        limits or Limits(),
        path=path,
        listening=Listening(
            tokens=Tokens(secret, clock=unix_time),
            seen=None if store is None else Seen(store, clock),
            report_seconds=report_seconds,
            on_unconfirmed=on_unconfirmed,
            clock=clock,
        ),
        observer_error=observer_error,
    )


class Listening(NamedTuple):
    """How reports are judged, and what their absence means."""

    tokens: Tokens
    seen: Seen | None
    report_seconds: float
    on_unconfirmed: OnUnconfirmed | None
    clock: Callable[[], float]


class Beacon:
    """The application that `beacon_app()` returns."""

    def __init__(
        self,
        metrics: SSEMetrics,
        origins: Origins,
        segments: Segments,
        limits: Limits,
        *,
        path: str,
        listening: Listening,
        observer_error: Callable[[], None],
    ) -> None:
        self._origins = origins
        self._segments = segments
        self._seen, clock = listening.seen, listening.clock
        self._path = "/" + path
        self._observer_error = observer_error
        tracker = StreamTracker.of(metrics)
        self._claims = Claims(balances_in(metrics.directory))
        tracker.on_request = self._asked
        self._routes = KnownRoutes(metrics)
        self._by_address = Buckets(limits.address, clock)
        self._rate_of_all = Rate(limits.everyone, clock)
        self._everyone = self._rate_of_all.full()
        self._bodies = Bodies(_MOST_BYTES, _BODY_SECONDS)
        self._module = Module()
        self._count = {
            result: metrics.counter("sse_client_reports_total", result).inc
            for result in REPORT_RESULTS
        }
        self._starts: dict[str, Message] = {
            result: {
                "type": "http.response.start",
                "status": status,
                "headers": content_length(status),
            }
            for result, status in _STATUS.items()
        }
        self._judge = _new_judge(metrics, listening, limits, observer_error, self._count)
        self._hearing = self._judge.hearing
        metrics.sign_report_tokens_with(self.issue)

    def issue(
        self,
        route: str,
        user_segment: str,
        network_type: str,
        receipt: Receipt | None = None,
    ) -> str:
        """Return a token for one stream to carry; its reports' series exist from now on."""
        if receipt is not None:
            self._claims.give(route, network_of_address(receipt.address))
        return self._judge.issue(route, user_segment, network_type, receipt)

    def _asked(self, route: str, scope: Scope) -> None:
        """Take note of a request for a stream; never raises."""
        try:
            self._claims.ask(route, address_of(scope))
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._observer_error()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await follow_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await refuse_websocket(send)
        else:
            path = scope["path"]
            try:
                if path.endswith(self._path):
                    await self._at_reports(scope, receive, send)
                elif path.endswith("/" + MODULE):
                    await self._module.serve(scope, send)
                elif path.endswith("/" + TOKEN):
                    await self._at_tokens(scope, send)
                else:
                    await answer(send, 404)
            except Exception:  # noqa: BLE001 - an observer error is not the server's
                self._observer_error()
                await answer(send, 500)

    async def _at_reports(self, scope: Scope, receive: Receive, send: Send) -> None:
        cors = self._origins.cors(scope)
        if scope["method"] != "POST":
            status = 204 if scope["method"] == "OPTIONS" else 405
            await answer(send, status, b"", (b"allow", b"POST, OPTIONS"), *cors)
            return
        result = self._refusal(scope)
        if result is None:
            body = await self._bodies.read(receive)
            if len(body) > _MOST_BYTES:
                result = "too_large"
            elif self._seen is None:
                result = self._judge.judge(body)
            else:
                result = await self._judge.judge_in_fleet(body, self._seen)
        self._count[result]()
        start = self._starts[result]
        if cors:
            start = {**start, "headers": [*start["headers"], *cors]}
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    def _refusal(self, scope: Scope) -> str | None:
        """Return why a beacon report is not even read."""
        if not self._origins.allow(scope):
            return "bad_origin"
        return None if self._is_within_limits(scope) else "rate_limited"

    async def _at_tokens(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "GET":
            await answer(send, 405, b"", (b"allow", b"GET"))
        elif refusal := self._refusal(scope):
            await answer(send, _STATUS[refusal])
        else:
            route = self._routes.label_of(_stream_path(scope))
            if not self._claims.take(route, address_of(scope)):
                await answer(send, 403, b"", *self._origins.cors(scope))
                return
            labels = self._segments.of(scope), network_of(scope)
            token = self._judge.issue(route, *labels, None)
            body = json.dumps({"report_token": token, "bounds": BUCKET_BOUNDS}).encode()
            kind = (b"content-type", b"application/json")
            uncached = (b"cache-control", b"no-store")
            await answer(send, 200, body, kind, uncached, *self._origins.cors(scope))

    def _is_within_limits(self, scope: Scope) -> bool:
        """Tell whether one more request of this address is allowed, and count it if so."""
        # The address first: one that floods must not use up what is everyone's.
        now, address = self._rate_of_all.clock(), address_of(scope)
        if not self._by_address.take(address, now):
            self._hearing.refused(address)
        elif not self._rate_of_all.take(self._everyone, now):
            self._hearing.refused(None)
        else:
            return True
        return False


def _new_judge(
    metrics: SSEMetrics,
    listening: Listening,
    limits: Limits,
    on_error: Callable[[], None],
    count: Mapping[str, Callable[[], None]],
) -> Judge:
    tracker, clock = StreamTracker.of(metrics), listening.clock
    accounts = accounts_in(metrics.directory)
    hearing = Hearing(listening.report_seconds, clock)
    confirmations = Confirmations(
        accounts,
        hearing,
        tracker.lock,
        report_seconds=listening.report_seconds,
        seen=listening.seen,
        on_unconfirmed=listening.on_unconfirmed,
        on_error=on_error,
        clock=clock,
    )
    tracker.companions.add(confirmations)
    return Judge(
        listening.tokens,
        accounts,
        Reporters(limits.token, clock),
        ClientCounts(metrics),
        confirmations=confirmations,
        hearing=hearing,
        count_pending=tracker.buffer.count_pending,
        count=lambda result: count[result](),
        on_error=on_error,
    )


def _stream_path(scope: Scope) -> str:
    """Return the path of the stream for which a browser asks a token."""
    try:
        query = parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=10)
    except ValueError:
        return ""
    return next((value for name, value in query if name == "path"), "")
