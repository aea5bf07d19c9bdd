"""Process starts within the window: deploys and restarts, each with the alert that followed."""

from collections.abc import Iterable
from dataclasses import dataclass

from sse_observe.report.findings.episodes import Episode
from sse_observe.report.query.answer import Answer
from sse_observe.report.window import Window

NAME = "Process starts"
"""The name of the query that they are the answer to."""

# A deploy shows its effect within the longest `for` of the alerts, and their windows.
RELATED_SECONDS = 3600.0
_MOST = 20


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """The newest process of a job started; `before` is the alert whose onset it preceded."""

    at: float
    job: str
    before: Episode | None = None

    @property
    def seconds_before(self) -> float:
        """How long after it that alert began; 0 where none did."""
        return self.before.onset - self.at if self.before else 0.0


def process_starts(
    answer: Answer, window: Window, episodes: Iterable[Episode]
) -> tuple[ProcessStart, ...]:
    """Return every start within the window, in order, each with the first alert that followed."""
    fired = sorted((one for one in episodes if one.fired), key=lambda one: one.onset)
    started = {
        (round(point.value, 3), series.labels.get("job", ""))
        for series in answer.series
        for point in series.points
        if window.contains(point.value)
    }
    found = [ProcessStart(at, job, _following(at, job, fired)) for at, job in sorted(started)]
    # Those that an alert followed are worth more than the newest.
    related = [one for one in found if one.before]
    others = [one for one in found if not one.before]
    kept = [*others, *related][-_MOST:]
    return tuple(sorted(kept, key=lambda one: one.at))


def _following(at: float, job: str, fired: Iterable[Episode]) -> Episode | None:
    """Return the first alert of a job that began within an hour after a time."""
    for episode in fired:
        if 0 <= episode.onset - at <= RELATED_SECONDS and episode.labels.get("job", job) == job:
            return episode
    return None
