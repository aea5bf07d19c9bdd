"""
Batches of queries: a few at a time, within a time limit, failures kept by name.

Knows no query and draws nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sse_observe.errors import ReportError
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.source import Source, UnansweredError
from sse_observe.report.window import Window

# Few enough that a Prometheus in trouble gets no worse.
_AT_ONCE = 4
LIMIT_SECONDS = 300.0
"""How long the queries of a report may take in all."""

_MOST_UNANSWERED = 5


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One query; `name` is what a reader calls it. Without a window it asks for one time, `at`."""

    name: str
    expr: str
    window: Window | None = None
    at: float = 0.0


Answers = Mapping[NamedQuery, Answer]


@dataclass(frozen=True, slots=True)
class Failure:
    """A query that gave nothing, or less than there is, and why."""

    name: str
    reason: str


@dataclass
class BatchRunner:
    """
    Asks one source; what fails is kept in `failures` and answered with nothing.

    `on_progress` is called after each answer with the number of answers so far. Nothing is asked
    any more after `limit_seconds`. A ReportError never leaves here.
    """

    source: Source
    on_progress: Callable[[int], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    limit_seconds: float = LIMIT_SECONDS
    failures: list[Failure] = field(default_factory=list)
    asked: int = 0
    _deadline: float = field(init=False)
    _unanswered: int = field(init=False, default=0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._deadline = self.clock() + self.limit_seconds

    def run(self, batch: Iterable[NamedQuery]) -> Answers:
        """Return an answer to each query, an empty one where it failed."""
        queries = tuple(batch)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return dict(zip(queries, pool.map(self._ask, queries), strict=True))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _ask(self, query: NamedQuery) -> Answer:
        answer = Answer(answered=False)
        reason = self._given_up()
        if reason is None:
            try:
                answer = self._answer(query)
                reason = answer.warning and f"incomplete: {answer.warning}"
            except ReportError as error:
                reason = str(error)
                if isinstance(error, UnansweredError):
                    with self._lock:
                        self._unanswered += 1
        with self._lock:
            self.asked += 1
            if reason:
                self.failures.append(Failure(query.name, reason))
            self.on_progress(self.asked)
        return answer

    def _answer(self, query: NamedQuery) -> Answer:
        if query.window is None:
            return self.source.at(query.expr, query.at)
        return self.source.over(query.expr, query.window)

    def _given_up(self) -> str | None:
        """Say why a further query is not worth its time."""
        if self._unanswered >= _MOST_UNANSWERED:
            return f"not asked: {_MOST_UNANSWERED} queries before it got no answer"
        if self.clock() > self._deadline:
            return f"not asked: the time limit of {self.limit_seconds:g} s was over"
        return None
