"""One incident: everything that was found out about it. Frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass

from sse_observe.report.findings.causes import Causes
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.impact import Impact
from sse_observe.report.findings.panels import BoardView
from sse_observe.report.findings.process_starts import ProcessStart
from sse_observe.report.findings.slo import SLOCompliance
from sse_observe.report.findings.worst_minutes import WorstMinute
from sse_observe.report.query.batch import Failure
from sse_observe.report.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    The facts of a report, in the order in which it tells them.

    `causes` is None where they are not known, or no stream ended.
    `compared_over` is the time in which places were compared. `runbooks` are Markdown by alert.
    `failures` are the queries that failed or were answered in part; `asked` is how many there were.
    """

    source: str
    window: Window
    compared_over: Window
    route: str | None
    alert: str | None
    causes: Causes | None
    episodes: tuple[Episode, ...]
    slo: tuple[SLOCompliance, ...]
    objective: float
    budget_window: str
    impacts: Mapping[str, tuple[Impact, ...]]
    worst_minutes: tuple[WorstMinute, ...]
    process_starts: tuple[ProcessStart, ...]
    boards: tuple[BoardView, ...]
    runbooks: Mapping[str, str]
    failures: tuple[Failure, ...]
    asked: int

    @property
    def fired(self) -> tuple[Episode, ...]:
        """The episodes that got beyond pending, the worst first."""
        return tuple(one for one in self.episodes if one.fired)

    def is_incomplete(self, name: str) -> bool:
        """Whether a query whose name begins so got less than a whole answer."""
        return any(failure.name.startswith(name) for failure in self.failures)
