"""The results of a drill: all verdicts, alerts that no fault explains, recall and precision."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.drill.verdict import Verdict


@dataclass(frozen=True)
class Results:
    """
    The verdicts of one drill, which ran `scale` times as fast as the rules' own time.

    `strays` are alerts that fired outside of every fault. `skipped` holds the reason for each
    fault that could not be caused here. `missed` is the share of scrapes that failed and that no
    fault explains.
    """

    verdicts: tuple[Verdict, ...]
    strays: tuple[str, ...]
    seconds: float
    scale: float
    timeline: tuple[TimelineEvent, ...]
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

    def document(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "as_expected": self.as_expected,
            "recall": self.recall,
            "precision": self.precision,
            "seconds": self.seconds,
            "time_scale": self.scale,
            "strays": list(self.strays),
            "skipped": dict(self.skipped),
            "missed_scrapes": self.missed,
            "faults": [
                {**asdict(verdict), "as_expected": verdict.as_expected} for verdict in self.verdicts
            ],
            "timeline": [asdict(event) for event in self.timeline],
        }
