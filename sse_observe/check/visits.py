"""
The visits: every request that a check may need, what it is for, and when it is made.

A visit puts questions and keeps what came; it judges nothing. Each is bounded, and one that
repeats a question that is not safe is left out unless the user allows it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace

from sse_observe.check.asking.connection import Dialing
from sse_observe.check.asking.exchange import Asking, ask
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.asking.watch import Pause, Watch
from sse_observe.check.checks.health_check import MOST_SECONDS as MOST_HEAD_SECONDS
from sse_observe.check.checks.hostile_cursors import CURSORS
from sse_observe.check.checks.leaving import noticed
from sse_observe.check.checks.protocol_version import TABS
from sse_observe.check.checks.resume import cursor_of
from sse_observe.check.checks.slow_reader import PAUSE_SECONDS
from sse_observe.check.metrics_text import scrape
from sse_observe.check.model import Evidence, Options
from sse_observe.check.reading.decoding import ENCODINGS
from sse_observe.protocols import NONE

MOST_CONNECTIONS = 8
"""At once, to all places together."""
_SHORT_SECONDS = 1.0
_NARROW_BYTES = 4096
# A server needs so long beside a heartbeat to notice that nobody reads.
_NOTICE_SECONDS = 5.0

OnChange = Callable[[str, Recording], None]


@dataclass
class Visitor:
    """Whoever visits one place: puts questions, within a bound that all places share."""

    evidence: Evidence
    asking: Asking
    slots: asyncio.Semaphore
    on_change: OnChange = lambda _, __: None
    sent: int = 0

    @property
    def options(self) -> Options:
        """The user's options."""
        return self.evidence.options

    @property
    def question(self) -> Question:
        """The question that all is about."""
        return self.evidence.question

    async def ask(
        self,
        visit: str,
        question: Question,
        watch: Watch,
        *,
        accepts: str = "identity",
        dialing: Dialing | None = None,
    ) -> Recording:
        """Put one question, and keep the recording under the visit's name."""
        watch = replace(watch, most_bytes=self.options.most_bytes)
        async with self.slots:
            self.sent += 1
            recording = await ask(
                question,
                watch,
                self.asking if dialing is None else replace(self.asking, dialing=dialing),
                accepts=accepts,
                on_change=lambda changed: self.on_change(visit, changed),
            )
        self.evidence.recordings.setdefault(visit, []).append(recording)
        return recording

    async def scrape(self, name: str) -> None:
        """Read the metrics once, and keep them under a name."""
        if self.options.metrics is not None:
            self.evidence.scrapes[name] = await scrape(self.options.metrics, self.asking.dialing)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """
    One visit: `says` what is sent, `requests` how many at most.

    It is made `early`, while the main stream is open, or after it. `everywhere` says that it is
    made at each place of the way; `needs` may leave it out by what is known before anything is
    sent.
    """

    says: str
    run: Callable[[Visitor], Coroutine[object, object, None]]
    requests: int = 1
    early: bool = False
    everywhere: bool = False
    repeats: bool = True
    needs: Callable[[Evidence], bool] = field(default=lambda _: True)


def main_watch(options: Options, *, safe: bool) -> Watch:
    """Return how the main stream is watched: until there is enough to judge, or it is over."""

    def until(recording: Recording) -> float:
        first = recording.first_byte_at
        if options.hold_seconds is not None:
            return options.hold_seconds
        if first is None:
            return options.timeout_seconds
        log = recording.log
        # An answer is waited for: its prelude says little, and its first content is due.
        waits = not safe or log.dialect.name != NONE.name
        if waits and not log.content_count:
            return options.timeout_seconds
        begins = log.content[0].at if waits else first
        # Fewer arrivals than events: something collects them, and two more bursts will name it.
        collected = log.content_count >= 3 and 2 * len(recording.reads) <= log.content_count
        late = begins > _SHORT_SECONDS
        return options.timeout_seconds if collected and late else begins + options.watch_seconds

    return Watch(seconds=options.horizon, until=until)


def _until_content(count: int) -> Callable[[Recording], float]:
    """Return a limit: until so many content events have come, or a second after the first byte."""

    def until(recording: Recording) -> float:
        if recording.log.content_count >= count:
            return 0.0
        first = recording.first_byte_at
        return float("inf") if first is None else first + _SHORT_SECONDS

    return until


async def _compressed(visitor: Visitor) -> None:
    watch = main_watch(replace(visitor.options, hold_seconds=None), safe=visitor.question.is_safe)
    await visitor.ask("compressed", visitor.question, watch, accepts=ENCODINGS)


async def _again(visitor: Visitor) -> None:
    main = visitor.evidence.main
    if main.end == "complete" and main.lasted >= _SHORT_SECONDS / 2:
        await visitor.ask("again", visitor.question, Watch(seconds=max(0.2, main.lasted / 4)))


async def _again_cut(visitor: Visitor) -> None:
    main = visitor.evidence.main
    if main.end == "cut":
        watch = Watch(seconds=min(main.lasted * 1.5 + 2, visitor.options.horizon + 2))
        await visitor.ask("again_cut", visitor.question, watch)


async def _head(visitor: Visitor) -> None:
    question = replace(visitor.question, method="HEAD", body=b"")
    closing = question.with_headers({"Connection": "close"})
    if visitor.evidence.main.http == "2":
        closing = question
    await visitor.ask("head", closing, Watch(seconds=MOST_HEAD_SECONDS, until_closed=True))


async def _stranger(visitor: Visitor) -> None:
    bare = replace(visitor.question, headers=(), url=_without_user(visitor.question.url))
    await visitor.ask("stranger", bare, Watch(seconds=2.0, until=lambda r: 0 if r.reads else 2.0))


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return f"{scheme}://{netloc.rpartition('@')[2]}{slash}{path}"


def _has_credentials(evidence: Evidence) -> bool:
    question = evidence.question
    given = {name.lower() for name, _ in question.sent_headers}
    return bool(given & {"authorization", "cookie", "x-api-key", "proxy-authorization"})


async def _resume(visitor: Visitor) -> None:
    cursor = cursor_of(visitor.evidence.main)
    if cursor is None:
        return
    question = visitor.question.with_headers({"Last-Event-ID": cursor})
    # Twice, over fresh connections: two replicas may differ.
    for _ in range(2):
        await visitor.ask("resume", question, _resume_watch(visitor))


def _resume_watch(visitor: Visitor) -> Watch:
    follows = len(visitor.evidence.main.log.content) // 2
    return Watch(seconds=visitor.options.timeout_seconds, until=_until_content(max(1, follows)))


async def _query_cursor(visitor: Visitor) -> None:
    cursor = cursor_of(visitor.evidence.main)
    if cursor is not None:
        question = visitor.question.with_query({"last_event_id": cursor})
        await visitor.ask("query_cursor", question, _resume_watch(visitor))


async def _finished(visitor: Visitor) -> None:
    main = visitor.evidence.main
    if main.end != "complete":
        return
    question = visitor.question
    name = (main.log.hello or {}).get("stream")
    if isinstance(name, str):
        question = question.with_query({"stream_id": name})
    elif not main.log.last_event_id:
        return
    if main.log.last_event_id:
        question = question.with_headers({"Last-Event-ID": main.log.last_event_id})
    watch = Watch(seconds=visitor.options.timeout_seconds, until=_until_content(1))
    await visitor.ask("finished", question, watch)


async def _hostile(visitor: Visitor) -> None:
    for cursor in CURSORS.values():
        question = visitor.question.with_headers({"Last-Event-ID": cursor})
        watch = Watch(seconds=visitor.options.timeout_seconds, until=_until_content(1))
        await visitor.ask("hostile_cursors", question, watch)


async def _parallel(visitor: Visitor) -> None:
    seconds = visitor.options.timeout_seconds
    watch = Watch(
        seconds=seconds,
        until=lambda r: seconds if r.first_byte_at is None else r.first_byte_at + _SHORT_SECONDS,
    )
    await asyncio.gather(*(visitor.ask("parallel", visitor.question, watch) for _ in range(TABS)))


async def _preflight(visitor: Visitor) -> None:
    headers = {
        "Origin": visitor.options.origin or "",
        "Access-Control-Request-Method": visitor.question.method,
        "Access-Control-Request-Headers": "last-event-id",
    }
    question = Question(url=visitor.question.url, method="OPTIONS").with_headers(headers)
    await visitor.ask("preflight", question, Watch(seconds=5.0))


async def _slow_reader(visitor: Visitor) -> None:
    seconds = PAUSE_SECONDS + 2 * _SHORT_SECONDS
    await visitor.scrape("before_slow")
    watch = Watch(seconds=seconds, pause=Pause(after=0.2, seconds=PAUSE_SECONDS))
    # Else the kernels take megabytes before anybody feels that nothing is read.
    narrow = replace(visitor.asking.dialing, receive_bytes=_NARROW_BYTES)
    await asyncio.gather(
        visitor.ask("slow_reader", visitor.question, watch, dialing=narrow),
        visitor.ask("beside_slow", visitor.question, Watch(seconds=PAUSE_SECONDS)),
    )
    await visitor.scrape("after_slow")


async def _leaving(visitor: Visitor) -> None:
    """Open a stream, read the metrics, leave, and read them until they show it."""
    loop = asyncio.get_running_loop()
    # What was opened before has to be gone first.
    await asyncio.sleep(_SHORT_SECONDS)
    await visitor.scrape("before_leaving")
    arrived = asyncio.Event()

    def until(recording: Recording) -> float:
        if recording.reads or recording.over:
            arrived.set()
        return float("inf")

    visit = asyncio.create_task(
        visitor.ask("leaving", visitor.question, Watch(seconds=60, until=until))
    )
    waiting = asyncio.create_task(arrived.wait())
    await asyncio.wait({visit, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    waiting.cancel()
    await visitor.scrape("open")
    visit.cancel()
    await asyncio.wait({visit})
    left = loop.time()
    limit = left + (visitor.evidence.heartbeat_seconds or 0) + _NOTICE_SECONDS
    scrapes = visitor.evidence.scrapes
    while True:
        await visitor.scrape("left")
        now = loop.time()
        scrapes["left"] = replace(scrapes["left"], seconds=now - left)
        done = noticed(scrapes["before_leaving"], scrapes["open"], scrapes["left"])
        if done or scrapes["left"].error or now > limit:
            return
        await asyncio.sleep(0.25)


async def _metrics(visitor: Visitor) -> None:
    await visitor.scrape("metrics")


VISITS: Mapping[str, Visit] = {
    "compressed": Visit(
        says=f"the same, accepting {ENCODINGS}", run=_compressed, early=True, everywhere=True
    ),
    "again_cut": Visit(says="the same, if it was cut", run=_again_cut, everywhere=True),
    "again": Visit(says="the same, if it has ended by itself", run=_again, everywhere=True),
    "head": Visit(says="HEAD", run=_head, repeats=False),
    "stranger": Visit(says="the same without credentials", run=_stranger, needs=_has_credentials),
    "resume": Visit(
        says="the same with Last-Event-ID, twice", run=_resume, requests=2, everywhere=True
    ),
    "query_cursor": Visit(says="the same with ?last_event_id=", run=_query_cursor),
    "finished": Visit(says="the finished stream again", run=_finished),
    "hostile_cursors": Visit(
        says=f"the same with {len(CURSORS)} hostile cursors", run=_hostile, requests=len(CURSORS)
    ),
    "parallel": Visit(says=f"the same {TABS} times at once", run=_parallel, requests=TABS),
    "preflight": Visit(says="OPTIONS", run=_preflight, repeats=False),
    "slow_reader": Visit(says="the same twice, one read slowly", run=_slow_reader, requests=2),
    "leaving": Visit(says="the same, to leave it", run=_leaving),
    "metrics": Visit(says="the metrics", run=_metrics, repeats=False),
}
"""The visits beside the main one, in the order in which they are made."""
