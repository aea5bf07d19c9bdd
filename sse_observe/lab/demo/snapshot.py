"""The state of a demo at one moment: everything that a frame shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sse_observe.lab.demo.alert_history import AlertState
from sse_observe.lab.demo.numbers import Numbers


@dataclass(frozen=True)
class Snapshot:
    """One moment; `note` says what is missing on this machine."""

    elapsed: float
    phase: str
    numbers: Numbers | None
    alerts: tuple[AlertState, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def stage(self) -> object:
        """The part that changes seldom: phase, and the state of each alert."""
        return self.phase, tuple((alert.name, alert.state) for alert in self.alerts)

    def state(self) -> dict[str, Any]:
        """Return what a page shows of it, ready for JSON."""
        return {
            "seconds": round(self.elapsed, 1),
            "phase": self.phase,
            "numbers": asdict(self.numbers) if self.numbers else None,
            "alerts": [asdict(alert) for alert in self.alerts],
            "links": dict(self.links),
            "note": self.note,
        }

    def document(self, changes: list[AlertState]) -> dict[str, Any]:
        """Return a summary that is ready for JSON; `changes` are those of all alerts so far."""
        return {
            "seconds": round(self.elapsed, 1),
            "numbers": asdict(self.numbers) if self.numbers else None,
            "alerts": [asdict(change) for change in changes],
            "links": dict(self.links),
            "missing": self.note or None,
        }
