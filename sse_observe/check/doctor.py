"""
The doctor: makes the visits that the checks need, at each place of the way, and lets them judge.

Says what it will send before it sends anything. Entry: `examine()`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks import every
from sse_observe.check.hops import HopVerdict, verdicts
from sse_observe.check.model import (
    Check,
    Checked,
    Evidence,
    Finding,
    Options,
    Place,
    Result,
    not_asked,
    worst,
)
from sse_observe.check.visits import MOST_CONNECTIONS, VISITS, OnChange, Visitor, main_watch
from sse_observe.errors import CheckError

HOP = "D8"


class Planned(NamedTuple):
    """A visit before it is made: where, what is sent, how many requests at most."""

    place: Question
    visit: str
    says: str
    requests: int


@dataclass(frozen=True)
class Examination:
    """Everything that was found about one stream."""

    question: Question
    checked: tuple[Checked, ...]
    places: tuple[Place, ...]
    verdicts: tuple[HopVerdict, ...]
    began: float
    seconds: float
    requests: int

    @property
    def result(self) -> Result:
        """The worst result of all checks."""
        return worst([one.finding.result for one in self.checked])

    def beside(self, others: Sequence[Checked]) -> "Examination":
        """Return it with other findings before its own."""
        return replace(self, checked=(*others, *self.checked))

    @property
    def exit_code(self) -> int:
        """0 where all is well, 1 for a warning, 2 for a failure."""
        return {"fail": 2, "warn": 1}.get(self.result, 0)

    @property
    def main(self) -> Recording:
        """The recording of the stream as its user sees it."""
        return self.places[0].evidence.main


class Doctor:
    """The examination of one stream, with what was asked for."""

    def __init__(
        self,
        question: Question,
        options: Options,
        asking: Asking,
        *,
        via: Sequence[Question] = (),
        checks: Sequence[Check] | None = None,
    ) -> None:
        if via and not (question.is_safe or options.repeat):
            raise CheckError(
                f"--via: would put a {question.method} {len(via) + 1} times; add --repeat"
            )
        if options.origin is not None:
            question = question.with_headers({"Origin": options.origin})
        self._options = options
        self._asking = asking
        self._questions = (question, *via)
        self._checks = tuple(every() if checks is None else checks)

    @property
    def question(self) -> Question:
        """The stream as its user asks for it."""
        return self._questions[0]

    def plan(self) -> list[Planned]:
        """Return what will be sent, at most, before anything is."""
        found = []
        for number, question in enumerate(self._questions):
            found.append(Planned(question, "main", question.method, 1))
            evidence = Evidence(question, self._options)
            for name in self._visits(evidence, outer=number == 0):
                visit = VISITS[name]
                found.append(Planned(question, name, visit.says, visit.requests))
        return found

    async def run(self, on_change: OnChange = lambda _, __: None) -> Examination:
        """Make all visits and judge; `on_change` is called as recordings grow."""
        began, start = time.time(), time.perf_counter()
        slots = asyncio.Semaphore(MOST_CONNECTIONS)
        visitors = [
            Visitor(
                Evidence(question, self._options),
                self._asking,
                slots,
                on_change if number == 0 else (lambda _, __: None),
            )
            for number, question in enumerate(self._questions)
        ]
        await asyncio.gather(
            *(self._visit(visitor, outer=not number) for number, visitor in enumerate(visitors))
        )
        places = tuple(Place(one.evidence, self._judged(one.evidence)) for one in visitors)
        main = visitors[0].evidence
        main.places.extend(places)
        last = [Checked(check, check.judge(main)) for check in self._checks if check.id == HOP]
        checked = sorted((*places[0].checked, *last), key=lambda one: one.check.number)
        return Examination(
            question=self._questions[0],
            checked=tuple(checked),
            places=places,
            verdicts=tuple(verdicts(places)),
            began=began,
            seconds=time.perf_counter() - start,
            requests=sum(visitor.sent for visitor in visitors),
        )

    def _visits(self, evidence: Evidence, *, outer: bool) -> list[str]:
        """Return the visits that are made at a place, in order."""
        asked = self._options.flags
        wanted = {
            visit
            for check in self._checks
            if check.flag is None or check.flag in asked
            for visit in check.visits
        }
        if "parallel" not in asked:
            wanted.discard("parallel")
        repeats = evidence.question.is_safe or self._options.repeat
        return [
            name
            for name, visit in VISITS.items()
            if name in wanted
            and (outer or visit.everywhere)
            and (repeats or not visit.repeats)
            and visit.needs(evidence)
        ]

    async def _visit(self, visitor: Visitor, *, outer: bool) -> None:
        names = self._visits(visitor.evidence, outer=outer)
        answered = asyncio.Event()
        on_change = visitor.on_change

        def changed(visit: str, recording: Recording) -> None:
            if visit == "main":
                answered.set()
            on_change(visit, recording)

        visitor.on_change = changed
        question = visitor.question
        watch = main_watch(self._options, safe=question.is_safe)
        main = asyncio.create_task(visitor.ask("main", question, watch))
        # What hangs is asked only once more, and not before it had its time.
        waiting = asyncio.create_task(answered.wait())
        await asyncio.wait({main, waiting}, timeout=2, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        early: list[asyncio.Task[object]] = []
        if not main.done() or main.result().is_stream:
            early = [
                asyncio.create_task(VISITS[name].run(visitor))
                for name in names
                if VISITS[name].early
            ]
        await asyncio.gather(main, *early)
        if main.result().is_stream:
            for name in names:
                if not VISITS[name].early:
                    await VISITS[name].run(visitor)

    def _judged(self, evidence: Evidence) -> tuple[Checked, ...]:
        return tuple(
            Checked(check, self._finding(check, evidence))
            for check in self._checks
            if check.id != HOP
        )

    def _finding(self, check: Check, evidence: Evidence) -> Finding:
        if not check.any_answer and not evidence.main.is_stream:
            return not_asked("no event stream to look at")
        if check.flag is not None and check.flag not in self._options.flags:
            return not_asked(f"--{check.flag.replace('_', '-')} asks for it")
        return check.judge(evidence)
