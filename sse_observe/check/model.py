"""The vocabulary of the doctor: a check, its finding, its remedy, and what it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.asking.watch import MOST_BYTES

Result = Literal["fail", "warn", "pass", "not_asked"]
RESULTS: tuple[Result, ...] = get_args(Result)
"""Worst first."""

Cause = Literal[
    "whole",
    "buffer",
    "compressor",
    "late_tail",
    "batch",
    "late_head",
    "bursts",
    "idle_cut",
    "age_cut",
    "cut",
    "cursor",
    "cached",
    "answer",
    "length",
    "unreachable",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)

Flag = Literal["resume", "hostile_cursors", "parallel", "slow_reader", "hold", "origin", "metrics"]
"""What has to be asked for by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """
    The way out: one sentence, the section of a runbook that says more, and the proxies' fixes.

    `runbook` is an alert's name, `section` a heading of its page.
    """

    words: str
    runbook: str
    section: str = "Mitigation"
    fixes: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The place in the runbooks."""
        return f"{self.runbook}, {self.section}"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The result of one check with its evidence in one line.

    `cause` names what was seen to be behind it. `sure` is False where another cause would look
    the same from here. `remedy` replaces the check's own where the cause asks for another.
    """

    result: Result
    evidence: str
    cause: Cause | None = None
    sure: bool = True
    remedy: Remedy | None = None


def passed(evidence: str) -> Finding:
    """Return the finding that all is well."""
    return Finding("pass", evidence)


def not_asked(reason: str) -> Finding:
    """Return the finding that nobody can judge it, and why."""
    return Finding("not_asked", reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The user's wishes beside the question itself."""

    watch_seconds: float = 3.0
    """How long a stream is watched from its first byte on."""
    timeout_seconds: float = 15.0
    """How long anything is waited for."""
    hold_seconds: float | None = None
    heartbeat_seconds: float | None = None
    origin: str | None = None
    metrics: Question | None = None
    flags: frozenset[Flag] = frozenset()
    repeat: bool = False
    """Whether a question that is not safe may be put more than once."""
    most_bytes: int = MOST_BYTES
    """How much of one answer is read."""

    @property
    def horizon(self) -> float:
        """How long the main stream is watched at most."""
        return max(self.timeout_seconds + self.watch_seconds, self.hold_seconds or 0)


@dataclass
class Evidence:
    """Everything that was recorded, by the visit that recorded it."""

    question: Question
    options: Options
    recordings: dict[str, list[Recording]] = field(default_factory=dict)
    scrapes: dict[str, "Scrape"] = field(default_factory=dict)
    places: "list[Place]" = field(default_factory=list)
    """The same question put at each place of the way, outermost first; the first is this one."""

    @property
    def main(self) -> Recording:
        """The first and longest look at the stream."""
        return self.recordings["main"][0]

    def one(self, visit: str) -> Recording | None:
        """Return the first recording of a visit; None where it was not made."""
        return next(iter(self.recordings.get(visit, ())), None)

    @property
    def heartbeat_seconds(self) -> float | None:
        """The heartbeat interval, as the user or the stream declares it."""
        return self.options.heartbeat_seconds or self.main.log.heartbeat_seconds


@dataclass(frozen=True, slots=True)
class Scrape:
    """One look at a `/metrics`: what it took, and each sample by name and labels."""

    seconds: float
    samples: Sequence[tuple[str, Mapping[str, str], float]]
    error: str = ""

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of a family's samples with these labels; None where there is none."""
        found = [
            value
            for family, has, value in self.samples
            if family == name and labels.items() <= has.items()
        ]
        return sum(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    One check: what it asks, when it passes, how it judges, what to do.

    `visits` are the requests that it needs, `flag` what has to be asked for on the command line.
    Without `any_answer` it is only asked of an answer that is an event stream.
    """

    id: str
    name: str
    question: str
    passes: str
    remedy: Remedy
    judge: Callable[[Evidence], Finding]
    visits: tuple[str, ...] = ("main",)
    flag: Flag | None = None
    any_answer: bool = False

    @property
    def number(self) -> int:
        """Its place in the list."""
        return int(self.id[1:])


@dataclass(frozen=True, slots=True)
class Checked:
    """A check with its finding."""

    check: Check
    finding: Finding

    @property
    def remedy(self) -> Remedy:
        """The remedy of the finding, else the check's own."""
        return self.finding.remedy or self.check.remedy


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the way to the application, with what the checks found there."""

    evidence: Evidence
    checked: Sequence[Checked]

    @property
    def name(self) -> str:
        """Its host and port."""
        return str(self.evidence.question.origin)


def worst(results: Sequence[Result]) -> Result:
    """Return the worst of some results; `not_asked` where there is none."""
    return min(results, key=RESULTS.index, default="not_asked")
