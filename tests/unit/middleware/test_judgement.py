"""Each finite stream is judged once, by the first limit that it broke."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, current_stream
from sse_observe.errors import SettingsError
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, Exchange, body, http_scope, samples, start, value
from tests.support.clock import Clock
from tests.support.streaming import DONE, EVENT, holding, open_streams

LIMITS = StreamRoute(first_event_within=2.0, gap_within=10.0)
HEARTBEAT = b": ping\n\n"
FAILURE = b"event: error\ndata: {}\n\n"


def run(steps, *, route=LIMITS, leaves=False, resumed=False):
    """
    Play one stream: bytes are sent, numbers are seconds that pass, `tick` looks at the streams.

    Return the words that it was judged with, and how many streams were shown late while open.
    """
    metrics, clock = SSEMetrics(CollectorRegistry()), Clock()
    late = []

    async def app(scope, receive, send):
        await send(start())
        for step in steps:
            if isinstance(step, bytes):
                await send(body(step))
            elif step == "tick":
                StreamTracker.of(metrics).tick()
                late.append(value(metrics, "sse_late_streams"))
            elif step == "fail":
                raise ValueError
            else:
                clock.tick(step)
        if leaves:
            scope["leave"]()
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await send(END)

    observed = SSEObserveMiddleware(app, metrics=metrics, default=route, clock=clock)

    async def play():
        scope = http_scope(headers={"last_event_id": "7"} if resumed else {})
        exchange = Exchange(observed, scope)
        exchange.scope["leave"] = exchange.gone.set
        await asyncio.gather(exchange.run(), return_exceptions=True)

    asyncio.run(play())
    assert value(metrics, "sse_late_streams") == 0
    judged = samples(metrics, "sse_streams_judged_total")
    words = [
        name.split("verdict=")[1].rstrip("}") for name, n in judged.items() for _ in range(int(n))
    ]
    return words, late


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ((1, EVENT, 9, EVENT, 1), "good"),
        ((3, EVENT, 1), "late_first_event"),
        # The first breach names it.
        ((3, EVENT, 11, EVENT, "fail"), "late_first_event"),
        ((1, EVENT, 11, EVENT), "gap"),
        # Nor does a heartbeat end the silence.
        ((1, EVENT, 6, HEARTBEAT, 6, EVENT), "gap"),
        ((1, EVENT, 11, "fail"), "gap"),
        ((1, EVENT, 11, FAILURE), "gap"),
        ((1, EVENT, 1, FAILURE), "error_event"),
        # After its last word a stream owes nothing.
        ((1, EVENT, 1, FAILURE, 20), "error_event"),
        ((1, EVENT, DONE, 20), "good"),
        ((1, EVENT, "fail"), "server_error"),
        ((3, "fail"), "late_first_event"),
        ((1, DONE), "empty"),
        ((1, HEARTBEAT, 2, HEARTBEAT), "late_first_event"),
    ],
)
def test_the_first_breach_names_the_judgement(steps, word):
    """Late, silent, empty, failed: whichever came first, and good where nothing did."""
    assert run(steps)[0] == [word]


def test_a_user_who_stops_before_any_breach_is_outside():
    """A leaver may have seen enough; one who leaves after a breach has waited too long."""
    assert run((1, EVENT), leaves=True)[0] == []
    assert run((1, EVENT, 11, "tick"), leaves=True)[0] == ["gap"]
    assert run((3, "tick"), leaves=True)[0] == ["late_first_event"]


def test_without_limits_a_stream_is_judged_by_its_end():
    """A limit that is not declared cannot be broken."""
    steps = (100, EVENT, 100, EVENT)
    assert run(steps, route=StreamRoute())[0] == ["good"]
    assert run((*steps, "fail"), route=StreamRoute())[0] == ["server_error"]


def test_a_feed_is_not_judged():
    """It is not meant to end."""
    assert run((1, EVENT), route=StreamRoute(kind="continuous"))[0] == []


def test_who_resumes_does_not_wait_for_a_first_event():
    """It has come already, on the connection before; a gap is one on each connection."""
    assert run((30, EVENT), resumed=True)[0] == ["good"]
    assert run((1, EVENT, 11, EVENT), resumed=True)[0] == ["gap"]


def test_a_freeze_is_seen_while_it_lasts():
    """The gauge rises with the breach, once for each stream, and stays until the end."""
    steps = (1, "tick", EVENT, 9, "tick", 2, "tick", EVENT, 1, "tick", 11, "tick")
    assert run(steps) == (["gap"], [0, 0, 1, 1, 1])


def test_late_streams_of_a_route_add_up(observe, metrics, clock):
    """Two that wait for their first content are two; closing takes them out."""
    shown = []

    def work():
        for seconds in (1, 2):
            clock.tick(seconds)
            StreamTracker.of(metrics).tick()
            shown.append(value(metrics, "sse_late_streams"))

    open_streams(observe(holding(HEARTBEAT), default=LIMITS), 2, work)

    assert shown == [0, 2]
    assert value(metrics, "sse_late_streams") == 0


def test_a_compressed_body_is_judged_by_its_end(observe, metrics, clock):
    """Nobody sees its events, so it breaks no limit."""

    async def app(scope, receive, send):
        headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")]
        await send(start(headers=headers))
        clock.tick(60)
        await send(body(b"\x1f\x8b"))
        clock.tick(60)
        await send(END)

    asyncio.run(Exchange(observe(app, default=LIMITS), http_scope()).run())

    assert value(metrics, "sse_streams_judged_total", verdict="good") == 1


def test_a_polled_answer_is_no_end(observe, metrics):
    """It is asked for again in a moment."""

    async def app(scope, receive, send):
        current_stream().polled()
        await send(start())
        await send(body(EVENT))
        await send(END)

    asyncio.run(Exchange(observe(app, default=LIMITS), http_scope()).run())

    assert value(metrics, "sse_streams_judged_total") == 0


@pytest.mark.parametrize(("waits", "words"), [(1, {}), (11, {"gap": 1})])
def test_a_renewed_stream_is_judged_by_what_it_broke_before(observe, metrics, clock, waits, words):
    """Its end is none of what a user waited for; a silence before it was one."""

    async def app(scope, receive, send):
        current_stream().end_reason("rotated")
        await send(start())
        await send(body(b"id: 1-k3x9\ndata: x\n\n"))
        clock.tick(waits)
        await send(END)

    asyncio.run(Exchange(observe(app, default=LIMITS), http_scope()).run())

    judged = samples(metrics, "sse_streams_judged_total")
    assert {name.split("verdict=")[1].rstrip("}"): n for name, n in judged.items()} == words


def test_declared_limits_are_shown(observe, metrics):
    """Alerts compare with what is declared, and fire nowhere else."""
    observe(holding(), routes={"/chat": LIMITS, "/feed": StreamRoute()})

    assert samples(metrics, "sse_goodput_limit") == {
        "sse_goodput_limit_seconds{limit=first_event,route=/chat}": 2,
        "sse_goodput_limit_seconds{limit=gap,route=/chat}": 10,
    }


@pytest.mark.parametrize("wrong", [0, -1, True, "2"])
def test_a_limit_is_a_number_of_seconds(wrong):
    """One line says what is wrong and the remedy."""
    with pytest.raises(SettingsError, match=r"gap_within=.* is wrong; give seconds above 0"):
        StreamRoute(gap_within=wrong)


def test_a_feed_declares_no_limit():
    """It would never be judged by it."""
    with pytest.raises(SettingsError, match="only finite streams are judged; remove it"):
        StreamRoute(kind="continuous", gap_within=1)


@dataclass
class Model:
    """The slow way: all instants of content are kept, and looked through at the end."""

    first: float
    gap: float

    def judge(self, steps, leaves):
        """Return the word for one stream, None for what is outside."""
        now, contents, stated, failed = 0.0, [], None, False
        for step in steps:
            if isinstance(step, bytes):
                if step == EVENT:
                    # Content after a statement takes it back.
                    contents, stated = [*contents, now], None
                elif step in (DONE, FAILURE) and stated is None:
                    stated = (now, "error_event" if step == FAILURE else "completed")
                elif step == FAILURE:
                    stated = (stated[0], "error_event")
            elif step == "fail":
                failed = True
                break
            elif step != "tick":
                now += step
        until = now if stated is None else stated[0]
        instants = [*contents, until]
        if instants[0] > self.first and contents[:1] != [0.0]:
            return "late_first_event"
        if any(b - a > self.gap for a, b in pairwise(instants)):
            return "gap"
        if stated is not None:
            empty = stated[1] == "completed" and not contents
            return "empty" if empty else stated[1].replace("completed", "good")
        return None if leaves and not failed else "server_error" if failed else "good"


STEPS = st.lists(
    st.sampled_from([EVENT, EVENT, HEARTBEAT, DONE, FAILURE, "tick", "fail", 1, 2, 4, 7]),
    max_size=14,
)


@settings(deadline=None, max_examples=200)
@given(STEPS, st.booleans(), st.sampled_from([3, inf]), st.sampled_from([5, inf]))
def test_any_stream_is_judged_as_by_the_slow_model(steps, leaves, first, gap):
    """Whatever it sends, whenever somebody looks: the same word, once."""
    route = StreamRoute(
        first_event_within=None if first == inf else first,
        gap_within=None if gap == inf else gap,
    )
    word = Model(first, gap).judge(steps, leaves)

    assert run(steps, route=route, leaves=leaves)[0] == ([] if word is None else [word])
