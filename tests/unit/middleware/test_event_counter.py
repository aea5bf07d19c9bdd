from bisect import bisect_left
from collections import Counter
from random import Random
from types import MethodType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.middleware.message_counts import SIZE_BOUNDS, SIZES
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.routes import StreamRoute
from sse_observe.middleware.send import sender
from sse_observe.middleware.stream import Stream
from tests.support import slow_reader, strategies

DECLARED = StreamRoute(events=("tick",), terminal_events=("done", "[DONE]"), stall_seconds=30)
TERMINALS = (b"done", b"[DONE]")


class Bench:
    """Streams of one route on the message path, without a middleware around them."""

    def __init__(self, config=DECLARED):
        self.errors = []
        self.streams = []
        self.now = 100.0
        self.buffer = MessageBuffer(self.errors.append)
        self.counts = RouteCounts("/s", config)
        self.sender = sender(self.buffer, lambda: self.now, self.other)

    def other(self, stream, message):
        self.buffer.pending.append((stream, bytes(message["body"]), self.now))
        return stream.inner(message)

    def open(self):
        stream = Stream()
        stream.ask(None, {}, None, lambda _: None, self.now)
        stream.begin(self.counts, ("all", "unknown"), self.now)
        self.streams.append(stream)
        return stream, MethodType(self.sender, stream)

    def send(self, send, body):
        if body:
            send({"type": "http.response.body", "body": body, "more_body": True})

    def counted(self):
        """Return what the plain numbers say: kinds, size bins, comments, messages, bytes."""
        self.buffer.count_pending()
        assert not self.errors
        cells = [a + b for a, b in zip(self.counts.fast, self.counts.slow, strict=True)]
        kinds = Counter()
        sizes = Counter()
        for row, kind in enumerate(self.counts.kinds):
            for size, count in enumerate(cells[row * SIZES : (row + 1) * SIZES]):
                kinds[kind] += count
                sizes[size] += count
        for stream in self.streams:
            stream.update_totals(self.now)
        fast = sum(self.counts.fast)
        return {
            "kinds": +kinds,
            "sizes": +sizes,
            "comments": self.counts.comments,
            "messages": fast + self.counts.slow_messages,
            "bytes": self.counts.fast_volume + self.counts.slow_volume,
            "volume": self.counts.fast_volume - fast + self.counts.sizes.total,
        }


def expected(bodies, cuts, terminals=TERMINALS):
    """Return what a slow reader counts in these streams."""
    read = [slow_reader.read(b, declared=(b"tick",), terminals=terminals) for b in bodies]
    events = [event for reading in read for event in reading.events]
    return read, {
        "kinds": Counter(kind for kind, _ in events),
        "sizes": Counter(bisect_left(SIZE_BOUNDS, size) for _, size in events),
        "comments": sum(reading.comments for reading in read),
        "messages": sum(len([c for c in chunks if c]) for chunks in cuts),
        "bytes": sum(map(len, bodies)),
        "volume": sum(size for _, size in events),
    }


def play(bodies, cuts, random, convert=bytes):
    """Send the streams' chunks in any order between streams, and compare with the reader."""
    bench = Bench()
    streams = [bench.open() for _ in bodies]
    queues = [[chunk for chunk in chunks if chunk] for chunks in cuts]
    while waiting := [i for i, queue in enumerate(queues) if queue]:
        i = random.choice(waiting)
        bench.send(streams[i][1], convert(queues[i].pop(0)))
        if random.random() < 0.1:
            bench.buffer.count_pending()
    readings, counts = expected(bodies, cuts)
    assert counts == bench.counted()
    for (stream, _), reading in zip(streams, readings, strict=True):
        assert len(reading.events) == stream.events
        assert (reading.payload, reading.terminal) == (stream.has_content, stream.terminal)
        assert reading.failure == (stream.failure is not None)
        # The short path remembers an id with NUL, which readers ignore: it is no dense id.
        assert reading.id == stream.id[3:].removeprefix(b" ") or b"\0" in stream.id


@given(st.data())
@settings(max_examples=400)
def test_counts_equal_a_slow_readers_however_streams_are_cut_and_mixed(data):
    """Kinds, sizes, comments, ids, terminal events and bytes are exact for any bytes."""
    bodies = data.draw(st.lists(strategies.streams(), min_size=1, max_size=5))
    cuts = [data.draw(strategies.cuts(body)) for body in bodies]
    convert = data.draw(st.sampled_from([bytes, bytearray, memoryview]))

    play(bodies, cuts, Random(data.draw(st.integers(0, 2**32))), convert)


def usual_stream(random):
    """Return a stream as applications write them, one event per message, and its messages."""
    end = random.choice([b"\n", b"\n", b"\n", b"\r\n", b"\r"])
    messages, which = [], 0
    for seq in range(random.randrange(30)):
        shapes = [
            [b"data: %s" % (b"x" * random.choice([0, 1, 30, 120, 1000, 70_000]))],
            [b"id: %d-ab" % seq, b"data: %d" % seq],
            [b"id:%d" % seq, b"event: message", b"data:x"],
            [b"event: tick", b"data: 1", b"id: %d" % seq],
            [b"event: heartbeat", b'data: {"t":1}'],
            [b"event: %d" % random.randrange(400), b"data: x"],
            [b": ping"],
            [b"id: %d" % seq],
            [b"data: a", b"data: b"],
            [b"data: [DONE]"],
            [b"event: done", b"data"],
            [b"retry: 10", b"data: x"],
            [b"id: 5data: x"],
            [b"idx: 5", b"data: x"],
            [b"event: data: x"],
            [b"id: 1\0", b"data: x"],
            [b": c", b"data: x"],
            [b"id: data: 5", b"data: x"],
            [b"id: 5", b"id: %d" % seq, b"data: x"],
            [b"x: 1", b"data: x"],
            [b"x: 1", b"event: message", b"data: x"],
            [b"", b"event: tick", b"data: x"],
            [b"id: %d" % seq, b"event: tick", b"data: [DONE]"],
        ]
        # Most are like the one before.
        if not seq or random.random() < 0.5:
            which = random.randrange(len(shapes))
        messages.append(end.join(shapes[which]) + end + end)
    return messages


@pytest.mark.parametrize("seed", range(20))
def test_usual_streams_are_counted_exactly(seed):
    """The short paths recognise nothing that the full reading would count otherwise."""
    random = Random(seed)
    for _ in range(10):
        streams = [usual_stream(random) for _ in range(8)]
        cuts = []
        for messages in streams:
            whole = b"".join(messages)
            if random.random() < 0.6:
                cuts.append(messages)
            else:
                size = random.choice([1, 2, 3, 7, 100])
                if len(whole) > 5000:
                    size *= 1000
                cuts.append([whole[i : i + size] for i in range(0, len(whole), size)])
        play([b"".join(m) for m in streams], cuts, random)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 350))
def test_ten_thousand_usual_streams_are_counted_exactly(seed):
    """The same over 20,000 streams."""
    test_usual_streams_are_counted_exactly(seed)


def test_short_path_is_taken_by_the_usual_shapes():
    """The shapes that applications write most must not fall to the full reading."""
    bench = Bench()
    _, send = bench.open()
    for seq in range(20):
        for body in (b"id: %d\ndata: x\n\n", b"id: %d\nevent: tick\ndata: x\n\n"):
            bench.send(send, body % seq)
        bench.send(send, b"data: x\n\n")
    bench.buffer.count_pending()

    assert sum(bench.counts.fast) >= 57


def test_nothing_but_the_id_is_read_of_messages_that_differ_in_it_alone():
    """Their stream looks up no head; one of another kind ends that, and is counted as its own."""
    bench = Bench()
    stream, send = bench.open()
    rows, fast = [], []
    for bodies in (
        [b"id: %d\nevent: tick\ndata: x\n\n" % seq for seq in range(5)],
        [b": ping\n\n", b"id: 5\nevent: tick\ndata: x\n\n"],
        [b"id: 6\ndata: x\n\n", b"id: 7\nevent: tick\ndata: x\n\n"],
    ):
        for body in bodies:
            bench.send(send, body)
        bench.buffer.count_pending()
        rows.append(stream.short[4])
        fast.append(sum(bench.counts.fast))

    assert (fast[0], rows[0]) == (4, bench.counts.rows[b"tick"])
    assert (fast[1], rows[1]) == (5, rows[0])
    assert rows[2] is None
    assert stream.id == b"id: 7"
    assert bench.counted()["kinds"] == {"tick": 7, "message": 1}


@pytest.mark.parametrize("comment", [b": hi\n\n", b": a longer word, told from its kind\n\n"])
def test_a_comment_leaves_the_short_path_and_hides_no_gap(comment):
    """Content behind it needs no reading; its wait is that since the content before."""
    bench = Bench()
    stream, send = bench.open()
    for body in (b"data: x\n\n", b"data: x\n\n", comment, b"data: x\n\n"):
        bench.send(send, body)
        bench.now += 0.008
    bench.buffer.count_pending()
    taken = sum(bench.counts.fast)
    bench.counted()

    assert taken == 2
    assert sum(bench.counts.gaps.bins) == 0
    assert sum(bench.counts.content_gaps.bins) == 1
    assert stream.payload_at == stream.written_at


@pytest.mark.parametrize("cut", [1, 5])
def test_a_stall_that_ends_in_a_cut_comment_goes_on(cut):
    """The comment is no content; what follows ends the stall, though it is of the usual shape."""
    bench = Bench()
    stream, send = bench.open()
    for body in (b"data: x\n\n", b": hi\n\n", b"data: x\n\n", b": hi\n\n"[:cut]):
        bench.send(send, body)
    bench.buffer.count_pending()
    bench.now += 40
    stream.update_totals(bench.now)
    bench.send(send, b": hi\n\n"[cut:])
    bench.buffer.count_pending()
    stalled = stream.stalled
    bench.send(send, b"data: x\n\n")
    bench.buffer.count_pending()

    assert (stalled, stream.stalled, bench.counts.stalled) == (True, False, 0)


def test_hostile_names_do_not_fill_the_memory():
    """The short path's memory is bounded, whatever a stream carries."""
    bench = Bench()
    _, send = bench.open()
    for n in range(2000):
        bench.send(send, b"event: %d\ndata: x\n\n" % n)
        bench.send(send, b": %d\n\n" % n)
    bench.send(send, b"data: " + b"x" * 10_000_000)

    assert bench.counted()["kinds"] == {"other": 2000}
    assert len(bench.counts.plain.heads) <= 256
    assert len(bench.counts.pings) <= 256


def test_unfinished_line_keeps_its_beginning_only():
    """An endless line costs some kilobytes where its data may matter, else a few hundred bytes."""
    bench = Bench()
    stream, send = bench.open()
    bench.send(send, b"data: " + b"x" * 100_000)
    bench.buffer.count_pending()
    assert len(stream.scan.rest) <= 16_384

    stream, send = bench.open()
    bench.send(send, b"data: x\n\n")
    for _ in range(100):
        bench.send(send, b"data: " + b"x" * 10_000)
    bench.buffer.count_pending()

    assert len(stream.scan.rest) <= 256
    assert stream.scan.length == 1_000_600


def test_a_cut_block_is_held_up_to_a_few_kilobytes():
    """Text that is cut anywhere is read in one piece; what is long is not kept for it."""
    bench = Bench()
    stream, send = bench.open()
    bench.send(send, b"data: x\n\n")
    bench.send(send, b"data: " + b"x" * 2000)
    bench.buffer.count_pending()
    held = len(stream.scan.beginning)
    bench.send(send, b"x" * 2000)
    bench.send(send, b"x" * 2000)
    bench.buffer.count_pending()

    assert held == 2006
    assert len(stream.scan.rest) <= 256
    bench.send(send, b"\n\n")
    assert bench.counted()["volume"] == 8 + 6007


def test_a_blank_line_more_is_no_part_of_an_event():
    """The size of an event does not depend on how many blank lines follow it."""
    play([b"data: 1\n\ndata: x\n\n\n"], [[b"data: 1\n\n", b"data: x\n\n\n"]], Random(1))


@pytest.mark.parametrize("before", [[], [b": hi\n\n"], [b": hi\n\n", b"data: "], [b"data: x\n"]])
def test_a_stall_before_the_first_payload_ends_with_it(before):
    """Whoever thinks for long before answering has recovered as soon as the answer comes."""
    bench = Bench()
    _, usual = bench.open()
    for _ in range(3):
        bench.send(usual, b"data: x\n\n")
    stream, send = bench.open()
    for body in before:
        bench.send(send, body)
    bench.buffer.count_pending()
    bench.now += 40
    stream.update_totals(bench.now)
    stalled = bench.counts.stalled
    bench.send(send, (b"" if before[1:] or b"data: x\n" in before else b"data: ") + b"y\n\n")
    bench.buffer.count_pending()

    assert stalled == 1
    assert (bench.counts.stalled, bench.counts.stalls) == (0, 1)
    assert (stream.stalled, stream.has_content) == (False, True)


def test_gaps_are_counted_between_writes():
    """One write is no gap, the lowest bin is what remains, the sum telescopes."""
    bench = Bench()
    stream, send = bench.open()
    for pause in (0, 0.001, 0.002, 0.2, 12, 400):
        bench.now += pause
        bench.send(send, b"data: x\n\n")
    bench.buffer.count_pending()
    stream.update_totals(bench.now)

    assert bench.counts.firsts == 1
    assert [i for i, n in enumerate(bench.counts.gaps.bins) for _ in range(n)] == [2, 7, 10]
    assert bench.counts.gaps.total == pytest.approx(412.203)


def test_a_message_that_cannot_be_counted_loses_no_other():
    """One bad message is one observer error; the messages around it count."""
    bench = Bench()
    stream, send = bench.open()
    bench.send(send, b"data: x\n\n")
    bench.buffer.pending.append((stream, object(), 1.0))
    bench.send(send, b"data: x\n\n")
    bench.buffer.count_pending()

    assert bench.errors == ["event_counter"]
    assert stream.events == 2


def test_first_event_is_the_first_payload():
    """Hello, heartbeats and comments are no answer to the user's request."""
    bench = Bench()
    _, send = bench.open()
    for body in (b"event: sse.hello\ndata: {}\n\n", b": x\n\n", b"event: ping\ndata: 1\n\n"):
        bench.send(send, body)
    bench.now += 3
    bench.send(send, b"data: x\n\n")
    bench.now += 3
    bench.send(send, b"data: x\n\n")
    bench.buffer.count_pending()

    assert bench.counts.first_events.total == pytest.approx(3)
    assert sum(bench.counts.first_events.bins) == 1


def test_a_feed_that_is_resumed_keeps_nobody_waiting_for_a_first_event():
    """Between two events of a quiet feed lies an hour, and its user has seen the one before."""
    bench = Bench()
    stream, send = bench.open()
    stream.resumed = True
    bench.now += 3600
    bench.send(send, b"data: x\n\n")
    bench.buffer.count_pending()

    assert stream.has_content
    assert sum(bench.counts.first_events.bins) == 0
