"""The sequence of events: each once, in order, and every hole named."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer import Event, Gap
from sse_observe.consumer.sequence import EventSequence
from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    Answer,
    Reading,
    Server,
    hello,
    payload,
    words,
)
from tests.support.virtual import run


def test_what_comes_twice_is_given_once() -> None:
    """A replay from before the cursor is dropped by the high-water mark, and counted."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0), payload(1), payload(2)),
            Answer(hello(), payload(0), payload(1), payload(2), payload(3), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == words(0, 1, 2, 3)
        assert reading.count("sse_duplicate_events_total", seen_by="client") == 3
        assert reading.count("sse_client_events_received_total") == 7
        assert reading.count("sse_message_loss_total", seen_by="client") == 0

    run(main())


def test_an_announced_gap_is_given_out_and_not_counted_again() -> None:
    """The server counted it already; the caller learns where it is."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=4), payload(5), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["w0", Gap(4, announced=True), "w5"]
        assert reading.count("sse_message_loss_total") == 0

    run(main())


def test_a_gap_at_the_very_end_is_given_out_too() -> None:
    """Nothing follows that would show it, so the end must."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=4), DONE),
        )

        assert (await Reading(server).all()).got == ["w0", Gap(4, announced=True)]

    run(main())


def test_a_silent_gap_is_counted_as_loss() -> None:
    """Dense ids show what no greeting announced."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=1), payload(4), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["w0", Gap(3, announced=False), "w4"]
        assert reading.count("sse_message_loss_total", seen_by="client") == 2

    run(main())


def test_the_mark_of_one_stream_is_never_used_on_another() -> None:
    """A new epoch begins at its own 0: nothing of it is taken for a repetition."""

    async def main() -> None:
        other = "ponmlkjihgfedcba"
        server = Server(
            Answer(hello(), payload(0), payload(7)),
            Answer(hello(), payload(0, other), payload(1, other), 0.0),
            Answer(hello(resumed_from=f"1-{other}"), payload(2, other), DONE),
        )
        reading = await Reading(server).all()
        gap = Gap(None, announced=True)

        assert reading.got == ["w0", Gap(6, announced=False), "w7", gap, "w0", "w1", "w2"]
        assert server.cursors == [None, f"7-{EPOCH}", f"1-{other}"]

    run(main())


def test_foreign_ids_are_compared_never_counted() -> None:
    """Ids of a Redis stream look like `<number>-<number>`: no hole between them is a loss."""

    async def main() -> None:
        def entry(n: int) -> bytes:
            return encode(f"e{n}", id=f"{1_700_000_000_000 + 50 * n}-0")

        server = Server(
            Answer(hello(), entry(0), entry(1), encode("x", event="usage")),
            Answer(hello(), entry(1), entry(2), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["e0", "e1", "x", "e2"]
        assert reading.count("sse_duplicate_events_total") == 1
        assert reading.count("sse_message_loss_total") == 0

    run(main())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=8))
def test_given_out_and_missing_always_add_up(connections: list[tuple[int, int]]) -> None:
    """Each event once, in order, and every hole named, however a server repeats or skips."""
    sequence = EventSequence()
    given_out: list[int] = []
    gaps = doubles = sent = 0
    for start, count in connections:
        sequence.connected()
        sequence.greeted({"lost": 0, "resumed_from": sequence.cursor or None})
        for seq in range(start, start + count):
            sent += 1
            arrival = sequence.arrived(Event("message", "", f"{seq}-{EPOCH}"), f"{seq}-{EPOCH}")
            gaps += arrival.unannounced
            if arrival.duplicate:
                doubles += 1
            else:
                given_out.append(seq)

    assert given_out == sorted(set(given_out))
    assert len(given_out) + doubles == sent
    assert len(given_out) + gaps == (given_out[-1] + 1 if given_out else 0)


def foreign(n: int, text: str) -> bytes:
    return encode(text, id=str(n))


def test_a_counter_that_begins_again_is_another_stream() -> None:
    """Its first number is known, and what it stands for is not: nothing of it came before."""

    async def main() -> None:
        server = Server(
            Answer(*(foreign(n, f"run 1, {n}") for n in (1, 2, 3))),
            Answer(*(foreign(n, f"run 2, {n}") for n in (1, 2, 3)), DONE),
        )
        reading = await Reading(server).all()

        first, second = ([f"run {run}, {n}" for n in (1, 2, 3)] for run in (1, 2))
        assert reading.got == [*first, Gap(None, announced=False), *second]
        assert reading.count("sse_duplicate_events_total") == 0

    run(main())


def test_one_id_for_several_events_says_nothing_about_one_of_them() -> None:
    """Words of one message share its id: after a break the next words are new."""

    async def main() -> None:
        ha = encode("ha", id="msg-7")
        server = Server(Answer(ha, ha, ha), Answer(ha, encode("!", id="msg-7"), DONE))
        reading = await Reading(server).all()

        assert reading.got == ["ha", "ha", "ha", "ha", "!"]

    run(main())


def test_an_empty_id_resets_the_cursor() -> None:
    """The standard's way to say that there is nothing to resume from."""

    async def main() -> None:
        server = Server(Answer(foreign(7, "a"), b"id:\ndata: b\n\n"), Answer(foreign(1, "c"), DONE))
        reading = await Reading(server).all()

        assert reading.got == ["a", "b", "c"]
        assert server.cursors == [None, None]

    run(main())


@pytest.mark.parametrize("event_id", ["a\x01b", "x" * 5000, "\x7f"])
def test_an_id_that_cannot_be_sent_is_none_to_resume_from(event_id: str) -> None:
    """The last one that can is sent; what comes again after it is known."""

    async def main() -> None:
        strange = f"id: {event_id}\ndata: strange\n\n".encode()
        server = Server(
            Answer(foreign(1, "a"), strange),
            Answer(strange, foreign(3, "c"), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["a", "strange", "c"]
        assert server.cursors == [None, "1"]
        assert reading.count("sse_duplicate_events_total") == 1

    run(main())


def test_ids_take_no_memory_beyond_a_mark() -> None:
    """A server that sends megabytes of ids fills nothing."""
    sequence = EventSequence()
    tracemalloc.start()
    for n in range(1000):
        sequence.arrived(Event("message", "x", f"{n}" * 50_000), f"{n}" * 50_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 1_000_000


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["", "1", "2", "a"]), st.text("xy", max_size=1))),
        max_size=5,
    )
)
def test_only_what_came_before_is_a_duplicate(
    connections: list[list[tuple[str, str]]],
) -> None:
    """Whatever the ids: the same id with the same content."""
    sequence = EventSequence()
    seen: set[tuple[str, str]] = set()
    for events in connections:
        sequence.connected()
        for event_id, data in events:
            arrival = sequence.arrived(Event("message", data, event_id), event_id)
            assert not arrival.duplicate or (event_id, data) in seen
            seen.add((event_id, data))


@pytest.mark.parametrize(
    ("connections", "cursors", "got"),
    [
        # Alone, before and after an event, and on a heartbeat: it counts wherever it stands.
        ([b"id: 6\n\n", b"data: a\n\n"], [None, "6"], ["a"]),
        ([b"id: 5\ndata: a\n\nid: 6\n\n", b"id: 7\ndata: b\n\n"], [None, "6"], ["a", "b"]),
        ([b"event: ping\nid: 6\ndata: {}\n\n", b"data: a\n\n"], [None, "6"], ["a"]),
        # An empty one: there is nothing to resume from, whatever came before it.
        ([b"id: 5\ndata: a\n\nid:\ndata: b\n\n", b"data: c\n\n"], [None, None], ["a", "b", "c"]),
        ([b"id: 5\ndata: a\n\n", b"id:\ndata: b\n\n", b""], [None, "5", None], ["a", "b"]),
        ([b"id: 5\ndata: a\n\n", b"id:\n\n", b""], [None, "5", None], ["a"]),
        # No field at all: the one before it stays.
        ([b"id: 5\ndata: a\n\n", b"data: b\n\n", b""], [None, "5", "5"], ["a", "b"]),
        ([b"id: 5\ndata: a\n\ndata: a\n\n", b"data: b\n\n"], [None, "5"], ["a", "a", "b"]),
    ],
)
def test_the_cursor_is_the_last_id_as_the_standard_says(
    connections: list[bytes], cursors: list[str | None], got: list[str]
) -> None:
    """An id counts with and without data, and an empty one as well."""

    async def main() -> None:
        *cut, last = connections
        server = Server(*(Answer(text) for text in cut), Answer(last, DONE))
        reading = await Reading(server).all()

        assert server.cursors == cursors
        assert reading.got == got

    run(main())


def test_an_id_alone_moves_the_mark_of_a_stream_without_holes() -> None:
    """Events that the server passed over are not missing, and the cursor never goes back."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0), f"id: 4-{EPOCH}\n\nid: 2-{EPOCH}\n\n".encode()),
            Answer(hello(resumed_from=f"4-{EPOCH}"), payload(4), payload(5), DONE),
        )
        reading = await Reading(server).all()

        assert server.cursors == [None, f"4-{EPOCH}"]
        assert reading.got == words(0, 5)
        assert reading.count("sse_message_loss_total", seen_by="client") == 0

    run(main())
