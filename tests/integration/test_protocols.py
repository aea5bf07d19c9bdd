"""Recorded streams of each protocol: outcome, first content and emptiness, however they are cut."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.middleware.reader import Reader
from sse_observe.middleware.routes import StreamRoute
from sse_observe.protocols import NONE, PROTOCOLS, UNRECOGNISED
from sse_observe.protocols.model import CONTENT, CONTENT_IF_FIRST, FAILURE
from sse_observe.protocols.recognition import may_be_known, recognise_event
from tests.support.asgi import END, STREAM_HEADERS, Exchange, body, http_scope, start, value
from tests.support.clock import Clock
from tests.support.samples import SAMPLES, Sample, samples

FINE = {"completed", "cancelled"}
each_sample = pytest.mark.parametrize("one", samples(), ids=lambda one: one.id)
Variant = Callable[[bytes], bytes]
VARIANTS: dict[str, Variant] = {
    "as it is": bytes,
    "CRLF": lambda wire: wire.replace(b"\n", b"\r\n"),
    "CR": lambda wire: wire.replace(b"\n", b"\r"),
    "no space after the colon": lambda wire: wire.replace(b"\ndata: ", b"\ndata:"),
    "an id last": lambda wire: (
        wire if b"\nid:" in b"\n" + wire or b"data" not in wire else wire[:-1] + b"id: 7\n\n"
    ),
    "a comment before": lambda wire: b": keepalive\n\n" + wire,
    "a BOM": lambda wire: wire,
}


def test_every_protocol_has_samples_that_end_well_and_that_do_not() -> None:
    """A protocol is known as far as its recorded streams are."""
    outcomes: dict[str, set[str]] = {}
    for one in samples():
        outcomes.setdefault(one.protocol, set()).add(one.outcome)

    assert outcomes.keys() == {*PROTOCOLS, NONE.name}
    assert {path.name for path in SAMPLES.iterdir()} == outcomes.keys()
    assert all(found & FINE and found - FINE for found in outcomes.values())


@each_sample
def test_the_facts_of_a_sample_follow_from_its_blocks(one: Sample) -> None:
    """A sample claims just what its marks say, so that nobody writes one down wrong."""
    contents = [
        at
        for at, block in enumerate(one.blocks)
        if block.meaning is not None and block.meaning & (CONTENT | CONTENT_IF_FIRST)
    ]

    assert one.first_content == next(iter(contents), None)
    assert not (one.is_empty and contents)
    assert bool(one.fact("error")) <= any(block.meaning == FAILURE for block in one.blocks)


@each_sample
def test_each_event_means_what_it_means_to_a_user_who_waits(one: Sample) -> None:
    """The protocol itself, without a middleware: recognised, then read event by event."""
    known = [{**PROTOCOLS, NONE.name: NONE}[one.protocol]] if _named(one) else []
    for block in one.blocks:
        if block.meaning is None:
            continue
        plain = Reader(NONE, StreamRoute(), [])
        if not known and block.name not in plain.names:
            found = recognise_event(block.name, block.data)
            known = [] if found is UNRECOGNISED else [found]
            assert block.name or not known or found is NONE or may_be_known(block.data)
        reader = Reader(known[0] if known else UNRECOGNISED, StreamRoute(), [])

        assert reader.meaning(block.name, block.data) == block.meaning, block.wire

    assert not known or known[0].name == one.protocol


def _named(one: Sample) -> bool:
    """Tell whether headers name the protocol."""
    names = {name for side in ("request", "response") for name, _ in one.headers(side)}
    protocol = PROTOCOLS.get(one.protocol)
    return protocol is not None and bool(
        names & {*protocol.request_headers, *protocol.response_headers}
    )


class Player:
    """Plays samples through one middleware, and knows what should have been counted."""

    def __init__(self) -> None:
        self.metrics = SSEMetrics(CollectorRegistry())
        self.clock = Clock()
        self.app = SSEObserveMiddleware(
            self.serve, metrics=self.metrics, clock=self.clock, routes={"/s": StreamRoute()}
        )
        self.runs = 0
        self.waited = 0.0

    async def serve(self, scope, receive, send) -> None:
        """Send the pieces, one a second."""
        one, pieces = scope["sample"], scope["pieces"]
        await send(start(headers=[*STREAM_HEADERS, *one.headers("response")]))
        for piece in pieces:
            await send(body(piece))
            self.clock.tick(1)
        if one.ends == "client leaves":
            scope["leave"]()
            while (await receive())["type"] != "http.disconnect":
                pass
        elif one.ends == "in order":
            await send(END)

    async def play(self, one: Sample, pieces: Sequence[bytes]) -> None:
        """Play one stream, in these pieces."""
        headers = one.headers("request")
        scope = http_scope("/s", method=one.fact("method", "POST"), query=one.fact("query"))
        scope |= {"headers": headers, "sample": one, "pieces": pieces}
        exchange = Exchange(self.app, scope)
        scope["leave"] = exchange.gone.set
        await exchange.run()

    async def judge(self, one: Sample, pieces: Sequence[bytes], first_at: int | None) -> None:
        """Play one stream; `first_at` is the byte with which the first content is complete."""
        self.runs += 1
        if first_at is not None and not one.is_resumed:
            sent = 0
            for number, piece in enumerate(pieces):
                sent += len(piece)
                if sent >= first_at:
                    self.waited += number
                    break
        await self.play(one, pieces)

    def counted(self) -> dict[str, object]:
        """Return what was counted."""
        first = "sse_time_to_first_event_seconds"
        found = {
            sample.labels["reason"]: sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "sse_streams_closed_total" and sample.value
        }
        return {
            "ends": found,
            "empty": value(self.metrics, "sse_streams_empty_total"),
            "first events": value(self.metrics, f"{first}_count"),
            "waited": value(self.metrics, f"{first}_sum"),
            "errors of ours": value(self.metrics, "sse_observer_faults_total"),
        }

    def expected(self, one: Sample) -> dict[str, object]:
        """Return what should have been counted."""
        has_first = one.first_content is not None and not one.is_resumed
        return {
            "ends": {one.outcome: self.runs},
            "empty": self.runs * one.is_empty,
            "first events": self.runs * has_first,
            "waited": self.waited,
            "errors of ours": 0,
        }


def cuts_of(wires: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield every cut in two, each block alone, each byte alone, and all at once."""
    whole = b"".join(wires)
    yield [whole]
    yield list(wires)
    yield [whole[at : at + 1] for at in range(len(whole))]
    yield from ([whole[:at], whole[at:]] for at in range(1, len(whole)))


@pytest.mark.parametrize(
    ("one", "variant"),
    [
        pytest.param(one, variant, id=f"{one.id}-{variant}")
        for variant in VARIANTS
        for one in samples()
        # An id says that an MCP client may come back: it is no detail.
        if not (variant == "an id last" and one.protocol == "mcp")
    ],
)
def test_a_sample_is_counted_the_same_however_it_is_cut(
    one: Sample, variant: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At every byte, with every line end, from a route that has sent the like before."""
    wires = [VARIANTS[variant](block.wire) for block in one.blocks]
    if variant == "a BOM":
        wires[0] = b"\xef\xbb\xbf" + wires[0]
    place = one.first_content
    # A CR ends a line, whatever follows.
    first_at = None if place is None else len(b"".join(wires[: place + 1]).removesuffix(b"\n"))
    if place is not None and variant != "CRLF":
        first_at = len(b"".join(wires[: place + 1]))
    player = Player()

    async def all_cuts() -> None:
        if one.before is not None:
            await player.play(one.before, [one.before.body])
        every = list(cuts_of(wires))
        # The other variants differ in a few places of each block.
        for pieces in every if variant == "as it is" else [*every[:3], *every[3::7]]:
            await player.judge(one, pieces, first_at)

    with caplog.at_level(logging.INFO, "sse_observe"):
        asyncio.run(all_cuts())

    expected = player.expected(one)
    if one.before is not None:
        before = one.before
        assert before.first_content is not None
        expected["first events"] = player.runs * (one.first_content is not None) + 1
        ends = {one.outcome: player.runs}
        ends[before.outcome] = ends.get(before.outcome, 0) + 1
        expected["ends"] = ends
    assert player.counted() == expected
    if one.fact("error"):
        assert f"error={one.fact('error')} " in caplog.messages[0]
    elif one.outcome == "error_event":
        assert "error=" not in caplog.messages[0]
