"""Random streams of each protocol against a slow reader of JSON, in any chunking."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.middleware.routes import Resolved
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, STREAM_HEADERS, Exchange, body, http_scope, samples, start
from tests.support.asgi import value as exported
from tests.support.clock import Clock
from tests.support.protocol_oracle import Verdict, gaps, judge
from tests.support.protocol_streams import Drawn, anything, cut, healthy
from tests.support.speakers import SPEAKERS, Event

# Sums of these are exact.
PAUSES = (0, 0, 0, 1 / 128, 1 / 32, 0.25, 8)


class Route:
    """One route that sends any streams, and what a slow reader says of them."""

    def __init__(self) -> None:
        self.metrics = SSEMetrics(CollectorRegistry())
        self.clock = Clock()
        self.app = SSEObserveMiddleware(
            self.serve,
            metrics=self.metrics,
            clock=self.clock,
            routes={"/s": StreamRoute()},
            log_ends=False,
        )
        self.verdicts: list[Verdict] = []
        self.firsts: list[float] = []
        self.endings: dict[str, bool] = {}

    async def serve(self, scope, receive, send) -> None:
        """Send one stream, and end like it."""
        drawn, pieces, pauses = scope["drawn"], scope["pieces"], scope["pauses"]
        more = [(name.encode(), word.encode()) for name, word in drawn.response.items()]
        await send(start(headers=[*STREAM_HEADERS, *more]))
        for piece, pause in zip(pieces, pauses, strict=True):
            self.clock.tick(pause)
            await send(body(piece))
        if drawn.ends == "left":
            scope["leave"]()
            while (await receive())["type"] != "http.disconnect":
                pass
        elif drawn.ends == "raised":
            raise RuntimeError
        elif drawn.ends == "in order":
            await send(END)

    async def play(self, drawn: Drawn, pieces: Sequence[bytes], pauses: Sequence[float]) -> None:
        """Play one stream, and judge it."""
        began = now = self.clock()
        written = []
        for piece, pause in zip(pieces, pauses, strict=True):
            now += pause
            written.append((now, piece))
        speaker = drawn.speaker
        verdict = judge(
            written,
            ends=drawn.ends,
            headers=drawn.headers,
            method=speaker.method,
            endings=self.endings,
        )
        self.verdicts.append(verdict)
        if verdict.first_content is not None:
            self.firsts.append(verdict.first_content - began)
        if verdict.states_terminal:
            self.endings[verdict.protocol] = True
        scope = http_scope("/s", method=speaker.method)
        headers = [(name.encode(), word.encode()) for name, word in speaker.headers.items()]
        scope |= {"headers": headers, "drawn": drawn, "pieces": pieces, "pauses": pauses}
        exchange = Exchange(self.app, scope)
        scope["leave"] = exchange.gone.set
        try:
            await exchange.run()
        except RuntimeError:
            assert drawn.ends == "raised"

    def compare(self) -> None:
        """Compare what was counted of all streams with what the slow reader says."""
        reasons = Counter(verdict.reason for verdict in self.verdicts)
        closed = samples(self.metrics, "sse_streams_closed_total").items()
        assert {key.split("reason=")[1].split(",")[0]: n for key, n in closed} == reasons
        assert exported(self.metrics, "sse_observer_faults_total") == 0
        empty = sum(verdict.empty for verdict in self.verdicts)
        assert exported(self.metrics, "sse_streams_empty_total") == empty
        first = "sse_time_to_first_event_seconds"
        assert exported(self.metrics, f"{first}_count") == len(self.firsts)
        assert exported(self.metrics, f"{first}_sum") == sum(self.firsts)
        # An empty piece in the middle of others may count, since not each of them is read.
        name = "sse_content_gap_seconds"
        strict = [gap for verdict in self.verdicts for gap in gaps(verdict.contents)]
        lenient = [gap for verdict in self.verdicts for gap in gaps(verdict.lenient)]
        count, total = (
            exported(self.metrics, f"{name}_count"),
            exported(self.metrics, f"{name}_sum"),
        )
        assert len(strict) <= count <= len(lenient)
        assert sum(strict) <= total <= sum(lenient)
        if strict == lenient:
            for bound in (0.01, 0.05, 0.5, 10.0):
                shown = exported(self.metrics, f"{name}_bucket", le=str(bound))
                assert shown == sum(gap <= bound for gap in strict)


def play(streams: Sequence[tuple[Drawn, list[bytes], list[float]]]) -> Route:
    """Play streams on one route, one after the other."""
    route = Route()

    async def run() -> None:
        for drawn, pieces, pauses in streams:
            await route.play(drawn, pieces, pauses)
        StreamTracker.of(route.metrics).tick()

    asyncio.run(run())
    return route


def some(r: Random, draw=anything) -> tuple[Drawn, list[bytes], list[float]]:
    """Draw one stream, its pieces and its pauses."""
    drawn = draw(r, r.choice(list(SPEAKERS)))
    pieces = cut(r, drawn.blocks)
    return drawn, pieces, [r.choice(PAUSES) for _ in pieces]


@pytest.mark.slow
# A seed is drawn, and not each of the thousands of choices: that took half of the time.
@given(st.randoms(use_true_random=True), st.integers(1, 5))
@settings(max_examples=200)
def test_a_stream_is_what_a_slow_reader_says(r: Random, count: int) -> None:
    """Ending, first content, emptiness and the gaps of content, whatever is sent."""
    play([some(r) for _ in range(count)]).compare()


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPEAKERS)
def test_streams_of_one_route_and_protocol_are_what_a_slow_reader_says(kind: str) -> None:
    """A route learns from one stream, and it is right for the next."""
    for seed in range(6):
        r = Random(f"{kind} {seed}")
        streams = []
        for _ in range(25):
            drawn = anything(r, kind)
            pieces = cut(r, drawn.blocks)
            streams.append((drawn, pieces, [r.choice(PAUSES) for _ in pieces]))
        play(streams).compare()


@pytest.mark.slow
@pytest.mark.prove
@pytest.mark.parametrize("seed", range(50))
def test_ten_thousand_streams_are_what_a_slow_reader_says(seed: int) -> None:
    """The same over 10,000 streams, on a route each 25."""
    r = Random(seed)
    for _ in range(8):
        play([some(r) for _ in range(25)]).compare()


def judge_healthy(seeds: range) -> None:
    """Play a healthy stream for each seed, a hundred on a route; none may fail."""
    for begin in range(seeds.start, seeds.stop, 100):
        streams = [some(Random(seed), healthy) for seed in range(begin, begin + 100)]
        route = play(streams)
        closed = samples(route.metrics, "sse_streams_closed_total")
        reasons = {key.split("reason=")[1].split(",")[0] for key in closed}
        assert reasons == {"completed"}, f"one of the streams {begin} to {begin + 99}"
        assert exported(route.metrics, "sse_observer_faults_total") == 0


@pytest.mark.slow
def test_no_healthy_stream_fails() -> None:
    """An error field that is null, one beside content, words about errors: all of them are fine."""
    judge_healthy(range(1000))


@pytest.mark.slow
@pytest.mark.prove
@pytest.mark.parametrize("part", range(20))
def test_no_healthy_stream_of_a_hundred_thousand_fails(part: int) -> None:
    """The same over 100,000 streams."""
    judge_healthy(range(part * 5000, (part + 1) * 5000))


def wire(event: Event) -> bytes:
    """Write an event as most servers do."""
    name, data = event
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + text + b"\n\n"


# In MCP each message may be the answer, and there are few.
@pytest.mark.parametrize("kind", [kind for kind in SPEAKERS if not kind.startswith("mcp")])
def test_the_short_path_is_taken_by_long_answers_of_each_protocol(kind: str) -> None:
    """Nothing is read of a message like the ones before it; a protocol costs no more than none."""
    r = Random(7)
    speaker, route = SPEAKERS[kind], Route()
    usual = [wire(speaker.usual(r)) for _ in range(200)]
    last = [wire(speaker.ends[0](r)), *(wire(fail(r)) for fail in speaker.failures[:1])]
    tracker = StreamTracker.of(route.metrics)
    counts = tracker.counts_of(Resolved("/s", StreamRoute()))
    seen = []

    async def app(scope, receive, send) -> None:
        await send(start())
        for piece in [wire(speaker.first(r)), *usual, *last]:
            await send(body(piece))
        tracker.buffer.count_pending()
        seen.append(sum(counts.fast))
        await send(END)

    route.app.app = app
    asyncio.run(Exchange(route.app, http_scope("/s")).run())

    assert seen[0] >= 198
    reason = "error_event" if speaker.failures else "completed"
    assert exported(route.metrics, "sse_streams_closed_total", reason=reason) == 1
