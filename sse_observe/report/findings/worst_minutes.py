"""When: the worst minutes of the window, and what was started in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sse_observe.report.findings.episodes import Episode, severity_rank
from sse_observe.report.findings.limit_distance import Excess
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.window import Window

MOST_MOMENTS = 6
# A deploy shows its effect within the longest `for` of the alerts, and their windows.
RELATED_SECONDS = 3600.0
_MOST_STARTS = 20


@dataclass(frozen=True, slots=True)
class Moment:
    """The worst point of one signal at one place, `seconds` wide."""

    at: float
    seconds: float
    excess: Excess
    value: float

    @property
    def times(self) -> float:
        """How many times its threshold the signal was."""
        return self.excess.times(self.value)


@dataclass(frozen=True, slots=True)
class Start:
    """The newest process of a job started; `before` is the alert whose start it preceded."""

    at: float
    job: str
    before: Episode | None = None


def worst(found: Iterable[Excess], window: Window) -> tuple[Moment, ...]:
    """Return the worst moments beyond a threshold, no two of one signal, the worst first."""
    moments = [
        Moment(at, window.step, excess, value)
        for excess in found
        for at, value in (excess.worst,)
        if excess.times(value) > 1
    ]
    moments.sort(key=lambda one: (severity_rank(one.excess.alert.severity), -one.times, one.at))
    return tuple(moments[:MOST_MOMENTS])


def within(moment: Moment, found: Iterable[Excess]) -> Moment:
    """Return the worst point of the same place in a finer answer; the same where it has none."""
    for excess in found:
        if excess.labels == moment.excess.labels:
            at, value = excess.worst
            spacing = excess.points[1][0] - excess.points[0][0] if len(excess.points) > 1 else 60.0
            return Moment(at, spacing, moment.excess, value)
    return moment


def starts(answer: Answer, window: Window, fired: Iterable[Episode]) -> tuple[Start, ...]:
    """Return every start within the window, in order, each with the first alert that followed."""
    onsets = sorted(
        ((one.pending or one.start, one) for one in fired if one.fired), key=lambda pair: pair[0]
    )
    moments = {
        (round(value, 3), series.labels.get("job", ""))
        for series in answer.series
        for _, value in series.points
        if window.start <= value <= window.end
    }
    found = []
    for at, job in sorted(moments):
        after = (
            episode
            for onset, episode in onsets
            if 0 <= onset - at <= RELATED_SECONDS and episode.labels.get("job", job) == job
        )
        found.append(Start(at, job, next(after, None)))
    # Those that an alert followed are worth more than the newest.
    related = [one for one in found if one.before]
    others = [one for one in found if not one.before]
    kept = [*related[-_MOST_STARTS:], *others[-max(0, _MOST_STARTS - len(related)) :]]
    return tuple(sorted(kept, key=lambda one: one.at))


def span(fired: Iterable[Episode], window: Window) -> tuple[float, float]:
    """Return from when to when the incident lasted: all that fired, or the whole window."""
    episodes = [one for one in fired if one.fired]
    if not episodes:
        return window.start, window.end
    start = min(max(window.start, one.pending or one.start) for one in episodes)
    end = max(one.end for one in episodes)
    return start, max(end, start + min(window.seconds, 5 * window.step))
