"""Episodes: what fired and when, read from the states that were stored."""

from dataclasses import replace

from sse_observe.report.findings.episodes import Episode, episodes, firing_span
from sse_observe.report.query.answer import Answer, Series
from tests.support.report_findings import ALERTS, LABELS, WINDOW, constant


def state(alertstate: str, begin: int, end: int, **labels: str) -> Series:
    return constant(1.0, begin, end, alertstate=alertstate, **labels)


def read(states: list[Series], since: tuple[Series, ...] = ()) -> tuple[Episode, ...]:
    return episodes(Answer(tuple(states)), Answer(since), ALERTS.values(), WINDOW)


def test_an_alert_that_fires_twice_is_two_episodes() -> None:
    """A gap ends an episode; the longer one of two comes first."""
    series = state("firing", 600, 900)
    again = state("firing", 6000, 9000)
    found = read([replace(series, points=(*series.points, *again.points))])

    assert [(one.start, one.end) for one in found] == [(5940, 9000), (540, 900)]


def test_what_was_pending_and_fired_is_one_episode() -> None:
    """Pending stands alone only where nothing came of it, and then once, the longest time."""
    found = read([state("pending", 300, 540), state("firing", 600, 900)])
    early = state("pending", 60, 120)
    pending = replace(early, points=(*early.points, *state("pending", 300, 540).points))
    other = read([pending, state("firing", 600, 900, route="/b")])

    assert [one.fired for one in found] == [True]
    assert [(one.labels["route"], one.fired) for one in other] == [("/b", True), ("/a", False)]
    assert (other[1].start, other[1].end) == (240, 540)


def test_firing_begins_when_its_for_is_over() -> None:
    """The time at which it became true is a value of a series, and its `for` is known."""
    (exact,) = read([state("firing", 660, 900)], (constant(312.5, 360, 900),))
    (pair,) = read(
        [state("firing", 480, 900, alertname="SSEErrorBudgetBurn", long="1h")],
        (constant(312.5, 360, 900, alertname="SSEErrorBudgetBurn", long="1h"),),
    )
    (rough,) = read([state("firing", 660, 900)])

    assert (exact.pending, exact.start) == (312.5, 612.5)
    assert (pair.pending, pair.start) == (312.5, 432.5)
    assert (rough.pending, rough.start) == (None, 600)


def test_what_had_not_ended_with_the_window_is_ongoing() -> None:
    """And what names no alert of the catalogue is nobody's episode."""
    (found,) = read([state("firing", 34_980, 36_000), state("firing", 600, 900, alertname="Other")])

    assert found.ongoing


def test_other_rulers_labels_do_not_part_an_alert_from_its_onset() -> None:
    """VictoriaMetrics' ruler adds the group's name."""
    (found,) = read(
        [state("firing", 660, 900, alertgroup="sse")],
        (constant(312.5, 360, 900, alertgroup="sse"),),
    )

    assert found.pending == 312.5
    assert "alertgroup" not in found.labels


def test_places_are_compared_while_alerts_fired() -> None:
    """From the first that became true to the last that ended; else over the whole window."""
    episode = Episode("X", "critical", LABELS, 5000, 6000, 4900, fired=True, ongoing=False)

    assert firing_span([episode, replace(episode, end=9000)], WINDOW) == (4900, 9000)
    assert firing_span([replace(episode, fired=False)], WINDOW) == (0, 36_000)
