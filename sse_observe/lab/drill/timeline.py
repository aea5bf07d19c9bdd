"""The timeline of a drill: one event for each thing that happened to a fault or an alert."""

from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "started",
    "broken",
    "crossed",
    "pending",
    "firing",
    "notified",
    "resolved",
    "repaired",
    "ended",
]


@dataclass(frozen=True)
class TimelineEvent:
    """One event, `seconds` after the drill began; `alert` is empty where it is the fault's."""

    seconds: float
    fault: str
    alert: str
    what: EventKind
    detail: str = ""
