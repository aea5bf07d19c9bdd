"""
Everything that a report asks, asked: some queries at a time, within a limit, failures by name.

Knows no query and draws nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sse_observe.errors import ReportError
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.source import Source, UnansweredError
from sse_observe.report.query.window import Window

# Few enough that a Prometheus in trouble is not asked to death.
_AT_ONCE = 4
LIMIT_SECONDS = 300.0
"""How long a report may ask in all."""

_MOST_UNANSWERED = 5


@dataclass(frozen=True, slots=True)
class Question:
    """One query; `name` is what a reader calls it. Without a window it asks for one moment."""

    name: str
    expr: str
    window: Window | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A query that gave nothing, or less than there is, and why."""

    name: str
    reason: str


@dataclass
class Survey:
    """
    Asks one source; what fails is kept in `failures` and answered with nothing.

    `told` is called after each answer with the number of answers; ReportError never leaves here.
    """

    source: Source
    told: Callable[[int], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    failures: list[Failure] = field(default_factory=list)
    asked: int = 0
    _deadline: float = field(init=False)
    _unanswered: int = field(init=False, default=0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._deadline = self.clock() + LIMIT_SECONDS

    def ask(self, questions: Sequence[Question]) -> Mapping[Question, Answer]:
        """Return an answer to each question, an empty one where it failed."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return dict(zip(questions, pool.map(self._ask, questions), strict=True))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _ask(self, question: Question) -> Answer:
        answer = Answer(answered=False)
        reason = self._hopeless()
        if reason is None:
            try:
                answer = self._answer(question)
                reason = answer.warning and f"incomplete: {answer.warning}"
            except ReportError as error:
                reason = str(error)
                if isinstance(error, UnansweredError):
                    with self._lock:
                        self._unanswered += 1
        with self._lock:
            self.asked += 1
            if reason:
                self.failures.append(Failure(question.name, reason))
            self.told(self.asked)
        return answer

    def _answer(self, question: Question) -> Answer:
        if question.window is None:
            return self.source.at(question.expr, question.at)
        return self.source.over(question.expr, question.window)

    def _hopeless(self) -> str | None:
        """Say why a further query is not worth its time."""
        if self._unanswered >= _MOST_UNANSWERED:
            return f"not asked: {_MOST_UNANSWERED} queries before it got no answer"
        if self.clock() > self._deadline:
            return f"not asked: the report's {LIMIT_SECONDS:g} s were over"
        return None
