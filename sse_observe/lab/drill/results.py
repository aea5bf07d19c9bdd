"""What a drill found, as one value: verdicts, what no fault explains, recall and precision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sse_observe.lab.drill.scenario_run import Happening, Verdict


@dataclass(frozen=True)
class Report:
    """
    All verdicts, and the alerts that fired outside of every fault.

    `skipped` says of each fault that could not be caused here why; `missed` is the share of
    scrapes that failed, which no fault explains.
    """

    verdicts: tuple[Verdict, ...]
    strays: tuple[str, ...]
    seconds: float
    scale: float
    timeline: tuple[Happening, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    missed: float = 0.0

    @property
    def as_expected(self) -> bool:
        """Whether each fault raised exactly its own alerts, and nothing else did."""
        return not self.strays and all(verdict.as_expected for verdict in self.verdicts)

    @property
    def recall(self) -> float:
        """The share of expected alerts that fired; 1 where none was expected."""
        expected = sum(len(verdict.expected) for verdict in self.verdicts)
        missing = sum(len(verdict.missing) for verdict in self.verdicts)
        return 1 - missing / expected if expected else 1.0

    @property
    def precision(self) -> float:
        """The share of alerts that fired and were expected; 1 where none fired."""
        wrong = sum(len(verdict.unexpected) for verdict in self.verdicts) + len(self.strays)
        fired = sum(len(verdict.fired) for verdict in self.verdicts) + len(self.strays)
        return 1 - wrong / fired if fired else 1.0
