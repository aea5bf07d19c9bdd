"""The story of a demo: healthy, broken, repaired; told by the clock, or begun again by a button."""

from typing import NamedTuple

_HEALTHY, _INCIDENT, _REPAIRED = "Healthy.", "Incident: answers fail.", "Repaired."

FIRST_INCIDENT = 25.0
"""When the first incident begins, in seconds."""
INCIDENT_SECONDS = 35.0
"""Long enough for an alert that waits 5m (here 10 s), short enough to see it resolve."""


class Phase(NamedTuple):
    """A part of the story: its name, and the share of answers that fail."""

    name: str
    failing: float


class Story:
    """The phases over time, in seconds since the demo began."""

    def __init__(self) -> None:
        self._incident_at = FIRST_INCIDENT

    def phase(self, elapsed: float) -> Phase:
        """Return the phase that a second of the demo is in."""
        into = elapsed - self._incident_at
        if into >= INCIDENT_SECONDS:
            return Phase(_REPAIRED, 0.0)
        return Phase(_INCIDENT, 0.4) if into >= 0 else Phase(_HEALTHY, 0.0)

    def start_incident(self, elapsed: float) -> None:
        """Let the incident begin now; one that is under way goes on as it is."""
        if not self.phase(elapsed).failing:
            self._incident_at = elapsed
