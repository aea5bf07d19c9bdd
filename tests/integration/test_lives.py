"""Random stream lives against a model that counts from the whole history, never as it goes."""

import asyncio
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.metrics import METRICS
from sse_observe.middleware.cuts import limit_of
from sse_observe.middleware.resume_loss import parse_id
from sse_observe.middleware.tracker import StreamTracker
from tests.support import slow_reader
from tests.support.asgi import END, Exchange, body, http_scope, start

STALL, BEAT = 30, 10
RETURNS = 60
"""So long the cause of a leaving is open, in seconds."""
DENSE = StreamRoute(heartbeat_seconds=BEAT, stall_seconds=STALL, dense_ids=True, events=("tick",))
TERMINALS = (b"done", b"[DONE]")
FILLERS = [
    b": ping\n\n",
    b"event: heartbeat\ndata: {}\n\n",
    b"event: sse.hello\ndata: {}\n\n",
    b"event: tick\ndata: x\n\n",
    b"event: strange\ndata: x\r\n\r\n",
    b"data: [DONE]\n\n",
    b"event: done\ndata\n\n",
    b"event: error\ndata: x\n\n",
    b"data: " + b"x" * 500 + b"\n\n",
    b"data: first\n\ndata: second\n\n: both\n\n",
    b"data: ha",
    b"lf\n",
    b"\n",
    b"",
]
# The latest streams most of the time: a story needs several chapters.
RECENT = st.sampled_from([0, 0, 0, 1, 2, 7])


@dataclass
class Life:
    """Everything that happened to one stream."""

    exchange: Exchange
    cursor: bytes | None
    opened: float
    commands: asyncio.Queue = field(default_factory=asyncio.Queue)
    task: asyncio.Task | None = None
    writes: list[tuple[float, bytes]] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    looks: list[tuple[int, float]] = field(default_factory=list)
    closed: float | None = None
    reason: str | None = None
    running: bool = True
    left: bool = False
    cause: str | None = None
    unread_seconds: float = 0.0
    unread_events: int = 0
    silent: bool = False
    believed: tuple[int, bytes] | None = None
    _read: tuple[int, slow_reader.Reading] | None = None

    def read(self):
        """Read what was written so far, slowly."""
        if self._read is None or self._read[0] != len(self.writes):
            whole = b"".join(data for _, data in self.writes)
            reading = slow_reader.read(whole, declared=(b"tick",), terminals=TERMINALS)
            self._read = (len(self.writes), reading)
        return self._read[1]

    def payload_times(self) -> list[tuple[int, float]]:
        """Return in which order and when payload events were complete."""
        ends = list(accumulate(len(data) for _, data in self.writes))
        places = [bisect_left(ends, at) for at in self.read().payload_ends]
        return [(self.orders[place], self.writes[place][0]) for place in places]

    def ids(self) -> list[bytes]:
        """Return the id of each payload event that carried one itself."""
        return self.read().payload_ids


def is_empty(life: Life) -> bool:
    """Tell whether a whole answer had nothing in it; a feed that only ends may have had no news."""
    read = life.read()
    return life.reason == "completed" and read.terminal and not life.cursor and not read.payload


def verdict_of(life: Life) -> str | None:
    """Return the word of goodput for a stream that ended; its route declares no limit."""
    if life.reason == "completed":
        return "empty" if is_empty(life) else "good"
    words = {"shutdown": "lost", "server_error": "server_error", "error_event": "error_event"}
    return words.get(life.reason)


def key_of(last: bytes | None) -> bytes | None:
    """Return by what who comes back is known: the epoch of an id, or the id if it has none."""
    return (last.partition(b"-")[2] or last) if last else None


def hist(name: str, values: list[float]) -> Counter:
    """Return how many values lie at or under each bound."""
    bounds = METRICS[name].buckets
    return Counter(bisect_left(bounds, value) for value in values)


class Lives(RuleBasedStateMachine):
    """Streams that open, write, stall, resume, fail and end in any order."""

    route = DENSE

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.loop = asyncio.new_event_loop()
        self.metrics = SSEMetrics(CollectorRegistry())
        self.app = SSEObserveMiddleware(
            self.serve,
            metrics=self.metrics,
            routes={"/s": self.route},
            log_ends=False,
            clock=lambda: self.now,
        )
        self.tracker = StreamTracker.of(self.metrics)
        # Only the rule below ticks: the loop's own timers go by real time.
        self.loop.call_later = self.loop.call_at = lambda *_, **__: None
        self.lives: list[Life] = []
        self.lost = self.duplicated = 0
        self.came_back: dict[bytes, float] = {}
        self.lost_up_to: dict[bytes, int] = {}
        self.epochs = 0
        self.happened = 0

    def teardown(self) -> None:
        """Compare once more at the end, and leave no task behind."""
        try:
            self.scrape()
        finally:
            self.stop()

    def stop(self) -> None:
        """Cancel what still runs."""
        for life in self.lives:
            life.task.cancel()
        tasks = [life.task for life in self.lives]
        if tasks:
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def update_totals(self) -> None:
        """Let the loop run until nothing moves."""

        async def turns():
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    async def serve(self, scope, receive, send):
        """Do what the life is told, and listen for its client."""
        life = scope["life"]
        listener = asyncio.create_task(self.listen(receive))
        try:
            await send(start())
            while True:
                what = await life.commands.get()
                if isinstance(what, bytes):
                    await send(body(what))
                elif isinstance(what, Exception):
                    raise what
                elif what == "end":
                    await send(END)
                    return
                else:
                    return
        finally:
            listener.cancel()

    async def listen(self, receive):
        while (await receive())["type"] != "http.disconnect":
            pass

    def order(self) -> int:
        """Return the place of what happens now among all that happened."""
        self.happened += 1
        return self.happened

    # What the world may do.

    def open_lives(self) -> list[Life]:
        """Return the streams that are open."""
        return [life for life in self.lives if life.closed is None]

    def pick(self, number: int) -> Life:
        """Return one open stream."""
        found = self.open_lives()
        return found[-1 - number % len(found)]

    @rule(cursor=st.sampled_from([None, None, b"nonsense", b"3-ffff", b"99999-0"]))
    def open(self, cursor):
        """Open a stream: fresh, or with a foreign or hostile cursor."""
        self.begin(cursor)

    @precondition(lambda self: any(life.ids() for life in self.lives))
    @rule(number=RECENT, back=st.integers(0, 3), again=st.booleans())
    def resume(self, number, back, again):
        """Come back with a cursor of a stream, right or stale, or with the one used before."""
        used = [life.cursor for life in self.lives if life.believed]
        if again and used:
            self.begin(used[-1])
            return
        ids = [life.ids() for life in self.lives if life.ids()]
        seen = ids[-1 - number % len(ids)]
        self.begin(seen[max(0, len(seen) - 1 - back)])

    def begin(self, cursor: bytes | None) -> None:
        headers = {"last_event_id": cursor.decode()} if cursor else {}
        scope = http_scope("/s", headers=headers)
        life = Life(Exchange(self.app, scope), cursor, self.now)
        scope["life"] = life
        self.come_back(key_of(cursor))
        asked = parse_id(cursor) if cursor else None
        if asked is not None and asked[0] <= self.written(asked[1]):
            life.believed = asked
        self.lives.append(life)
        life.task = self.loop.create_task(life.exchange.run())
        self.update_totals()

    def written(self, epoch: bytes) -> int:
        """Return the highest seq that any payload event of an epoch carried."""
        found = [parse_id(raw) for life in self.lives for raw in life.ids()]
        return max((seq for seq, name in filter(None, found) if name == epoch), default=-1)

    @precondition(lambda self: self.open_lives())
    @rule(number=RECENT, data=st.sampled_from(FILLERS))
    def write(self, number, data):
        """Write anything."""
        self.send(self.pick(number), data)

    @precondition(lambda self: self.open_lives())
    @rule(
        number=RECENT,
        skip=st.sampled_from([0, 0, 0, 1, 4]),
        count=st.sampled_from([1, 2, 5, 5, 70]),
    )
    def write_events(self, number, skip, count):
        """Write events with dense ids, from where the stream stands or after a hole."""
        life = self.pick(number)
        ids = [parse_id(raw) for raw in life.ids()]
        asked = parse_id(life.cursor) if life.cursor else None
        if ids and ids[-1]:
            seq, epoch = ids[-1][0] + 1, ids[-1][1]
        elif asked is not None and life.believed:
            # Right after the cursor, some later, or some that the client has already.
            seq, epoch = max(0, asked[0] + 1 + skip - (2 if count == 2 else 0)), asked[1]
        else:
            self.epochs += 1
            seq, epoch = 0, b"e%d" % self.epochs
        for n in range(count):
            self.send(life, b"id: %d-%s\ndata: x\n\n" % (seq + n, epoch), run=False)
        self.update_totals()
        self.update_totals()

    def send(self, life: Life, data: bytes, *, run: bool = True) -> None:
        before = len(life.ids())
        life.commands.put_nowait(data)
        # Every write of a batch happens at this very time.
        if data:
            life.writes.append((self.now, data))
            life.orders.append(self.order())
        for raw in life.ids()[before:]:
            self.judge(life, raw)
        if run:
            self.update_totals()
        else:
            self.loop.run_until_complete(asyncio.sleep(0))

    def judge(self, life: Life, raw: bytes) -> None:
        """Count what a resumed connection's ids tell of loss and duplicates."""
        found = parse_id(raw)
        asked = parse_id(life.cursor) if life.cursor else None
        if asked is None or found is None or getattr(life, "judged", False):
            return
        (seq, epoch), (cursor, asked_epoch) = found, asked
        if epoch != asked_epoch:
            life.judged = True
            if life.believed:
                self.lose(asked_epoch, cursor, self.written(asked_epoch) + 1)
        elif seq <= cursor:
            self.duplicated += life.believed is not None
        else:
            life.judged = True
            self.lose(epoch, cursor, seq)

    def lose(self, epoch: bytes, cursor: int, first: int) -> None:
        """Count a hole once."""
        after = max(cursor, self.lost_up_to.get(epoch, -1))
        if first - 1 > after:
            self.lost += first - 1 - after
            self.lost_up_to[epoch] = first - 1

    @rule(seconds=st.sampled_from([0.02, 3, 26, 31, 301]), looked_at=st.booleans())
    def pause(self, seconds, looked_at):
        """Let time pass, and let the tracker look or not."""
        self.now += seconds
        with self.tracker.lock:
            self.tracker.causes.look(self.now)
        self.give_up(self.now - RETURNS)
        if looked_at:
            self.tick()

    def tick(self):
        """Let the tracker look."""
        self.look()
        for life in self.lives:
            if life.left and life.running:
                life.unread_seconds = self.now - life.closed
        for life in self.open_lives():
            last = life.writes[-1][0] if life.writes else life.opened
            life.silent = self.now - last > 2.5 * BEAT
        self.tracker.tick()

    def look(self) -> None:
        for life in self.open_lives():
            life.looks.append((self.order(), self.now))

    def close(self, life: Life, reason: str, *, fails: bool = False) -> None:
        life.looks.append((self.order(), self.now))
        life.closed, life.reason = self.now, reason
        if reason == "shutdown":
            life.cause = "deploy"
        elif reason in ("server_error", "error_event") or is_empty(life):
            life.cause = "application" if fails else "unknown"
        elif reason == "client_disconnected":
            key = self.left_with(life)
            if key is None:
                life.cause = "unknown"
            elif self.came_back.get(key, life.opened) > life.opened:
                life.cause = "network"
                del self.came_back[key]

    # Whose client left without a word may come back for the rest; one return explains one.

    @staticmethod
    def left_with(life: Life) -> bytes | None:
        return key_of(life.ids()[-1]) if life.ids() else None

    def waiting(self) -> list[Life]:
        """Return the streams whose cause is still open."""
        left = [life for life in self.lives if life.reason == "client_disconnected"]
        return [life for life in left if life.cause is None]

    def come_back(self, key: bytes | None) -> None:
        if key is None:
            return
        left = [life for life in self.waiting() if self.left_with(life) == key]
        if left:
            max(left, key=lambda life: life.looks[-1]).cause = "network"
        else:
            self.came_back[key] = self.now

    def give_up(self, due: float) -> None:
        for life in self.waiting():
            if life.closed <= due:
                life.cause = "unknown"

    @staticmethod
    def stated(life: Life) -> str | None:
        """Return the end that a stream has stated itself; nothing but content takes it back."""
        read = life.read()
        if read.failure:
            return "error_event"
        if not read.terminal:
            return None
        return "already_complete" if life.cursor and not read.payload else "completed"

    # The latest stream is spared by most endings, so that it grows old.

    @precondition(lambda self: self.open_lives())
    @rule(number=RECENT)
    def leave(self, number):
        """The client leaves."""
        life = self.pick(number + 1)
        stated = self.stated(life)
        # Who resumes to be told that all is over, and leaves before, has read nothing.
        self.close(life, "client_disconnected" if stated in (None, "already_complete") else stated)
        life.left = True
        life.exchange.gone.set()
        self.update_totals()

    @precondition(lambda self: self.open_lives())
    @rule(number=RECENT, how=st.sampled_from(["end", "return", "fail", "cancel"]))
    def finish(self, number, how):
        """The application ends, in one way or another."""
        life = self.pick(number + 1)
        reasons = {"end": "completed", "cancel": "shutdown"}
        reason = self.stated(life) or reasons.get(how, "server_error")
        self.close(life, reason, fails=how == "fail")
        life.running = False
        if how == "cancel":
            life.task.cancel()
        else:
            life.commands.put_nowait(RuntimeError() if how == "fail" else how)
        self.update_totals()
        assert life.task.done()
        life.task.cancelled() or life.task.exception()

    @precondition(lambda self: any(life.closed and life.running for life in self.lives))
    @rule(data=st.sampled_from(FILLERS), then=st.sampled_from(["end", "stay"]))
    def write_after_the_end(self, data, then):
        """An application goes on after the end; that counts only as unread, if its client left."""
        life = next(life for life in self.lives if life.closed and life.running)
        life.commands.put_nowait(data)
        if life.left and data != FILLERS[0]:
            life.unread_events += data.count(b"\n\n") + data.count(b"\r\n\r\n")
        if then == "end":
            life.commands.put_nowait("end")
            life.running = False
            life.unread_seconds = self.now - life.closed if life.left else 0.0
        self.update_totals()

    @precondition(lambda self: len(self.open_lives()) > 2)
    @rule()
    def shut_down(self):
        """The server says that the process ends."""
        for life in self.open_lives():
            self.close(life, self.stated(life) or "shutdown")
        self.give_up(self.now)
        inner, self.app.app = self.app.app, self.shutdown_app

        async def receive():
            return {"type": "lifespan.shutdown"}

        self.loop.run_until_complete(self.app({"type": "lifespan"}, receive, None))
        self.app.app = inner

    async def shutdown_app(self, scope, receive, send):
        """Take the word."""
        await receive()

    # What must hold, whenever it is asked.

    @rule()
    def scrape(self):
        """Every counter, gauge and histogram equals what the whole history says."""
        self.look()
        assert self.exported() == self.expected()

    def exported(self) -> dict[str, object]:
        """Return what a scrape shows."""
        found: dict[str, object] = {}
        buckets: dict[str, list[float]] = {}
        for family in self.metrics.registry.collect():
            for sample in family.samples:
                if sample.labels.get("route") != "/s" or sample.name.endswith("_count"):
                    continue
                if sample.name.endswith("_bucket"):
                    buckets.setdefault(family.name, []).append(sample.value)
                    continue
                shown = ("start", "reason", "state", "event", "since", "limit", "seen_by")
                shown = (*shown, "verdict", "cause")
                words = [sample.labels[k] for k in shown if k in sample.labels]
                if sample.value:
                    found[" ".join([sample.name, *words])] = pytest.approx(sample.value)
        for name, values in buckets.items():
            steps = [b - a for a, b in zip([0.0, *values], values, strict=False)]
            found[name] = {n: count for n, count in enumerate(steps) if count}
        ours = ("sse_heartbeat_interval", "sse_route_info", "sse_stream_limit", "sse_response")
        return {k: v for k, v in found.items() if not k.startswith(ours)}

    def expected(self) -> dict[str, object]:
        """Count it all from the histories."""
        c: Counter = Counter()
        gaps, content_gaps, sizes, firsts, ages = [], [], [], [], []
        for life in self.lives:
            read = life.read()
            c["sse_streams_opened_total " + ("resumed" if life.cursor else "fresh")] += 1
            c["sse_events_sent_total comment"] += read.comments
            for kind, size in read.events:
                c[f"sse_events_sent_total {kind}"] += 1
                sizes.append(size)
            c["sse_sent_bytes_total"] += sum(len(data) for _, data in life.writes)
            times = [at for at, _ in life.writes]
            gaps += [b - a for a, b in pairwise(times)]
            payloads = life.payload_times()
            content_gaps += [b - a for (_, a), (_, b) in pairwise(payloads)]
            if not life.cursor:
                firsts += [at - life.opened for _, at in payloads[:1]]
            self.count_time(c, life, payloads)
            if life.closed is None:
                c["sse_concurrent_streams"] += 1
                c["sse_silent_streams"] += life.silent
                continue
            c[f"sse_streams_closed_total {life.reason}"] += 1
            ages.append(life.closed - life.opened)
            c["sse_orphaned_streams"] += life.running and life.left
            c["sse_streams_empty_total"] += is_empty(life)
            c["sse_unread_seconds_total"] += life.unread_seconds
            c["sse_unread_events_total"] += life.unread_events
            if (verdict := verdict_of(life)) is not None:
                c[f"sse_streams_judged_total {verdict}"] += 1
            if life.cause is not None:
                c[f"sse_streams_failed_total {life.cause}"] += 1
            if life.reason == "client_disconnected":
                last = times[-1] if times else life.opened
                for since, seconds in (("open", ages[-1]), ("write", life.closed - last)):
                    c[f"sse_cuts_total {since} {limit_of(seconds)}"] += 1
        if self.route.dense_ids:
            c["sse_message_loss_total server"] = self.lost
            c["sse_duplicate_events_total server"] = self.duplicated
        result: dict[str, object] = {}
        for name, values in (
            ("sse_event_gap_seconds", gaps),
            ("sse_content_gap_seconds", content_gaps),
            ("sse_event_size_bytes", sizes),
            ("sse_time_to_first_event_seconds", firsts),
            ("sse_stream_duration_seconds", ages),
        ):
            result[name] = dict(hist(name, values))
            c[f"{name}_sum"] += sum(values)
        return result | {k: v for k, v in c.items() if v > 1e-9}

    @staticmethod
    def count_time(c: Counter, life: Life, payloads: list[tuple[int, float]]) -> None:
        """Add a stream's flowing and stalled time: a stall is what a look has seen."""
        end = life.looks[-1][1] if life.looks else life.opened
        stalled = 0.0
        marks = [(0, life.opened), *payloads]
        for (after, at), following in zip(marks, [*payloads, None], strict=True):
            before, until = following or (None, end)
            # Of two things at the same time the order decides which saw the other.
            seen = any(
                order > after and at + STALL <= time and (before is None or order < before)
                for order, time in life.looks
            )
            if not seen:
                continue
            c["sse_stall_detections_total server"] += 1
            stalled += until - (at + STALL)
            if following is None and life.closed is None:
                c["sse_stalled_streams"] += 1
        c["sse_stream_seconds_total stalled"] += stalled
        c["sse_stream_seconds_total flowing"] += end - life.opened - stalled


class PlainLives(Lives):
    """The same on a route without dense ids, where nobody looks at each event closely."""

    route = replace(DENSE, dense_ids=False)


TestLives = pytest.mark.slow(Lives.TestCase)
TestPlainLives = pytest.mark.slow(PlainLives.TestCase)
TestLives.settings = TestPlainLives.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None
)


@pytest.mark.prove
@pytest.mark.parametrize("lives", [Lives, PlainLives])
def test_a_thousand_random_lives(lives):
    """The same over 400 histories of 60 steps each: well over a thousand streams."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        lives, settings=settings(max_examples=400, stateful_step_count=60, deadline=None)
    )
