"""The facts of a report, one by one: episodes, comparisons, moments, starts, and the bar."""

from dataclasses import replace

import pytest

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert
from sse_observe.report.findings.episodes import Episode, episodes
from sse_observe.report.findings.impact import SHARES, from_shares, from_signals, ranked
from sse_observe.report.findings.limit_distance import Excess
from sse_observe.report.findings.worst_minutes import span, starts, worst
from sse_observe.report.output.progress import asking
from sse_observe.report.query.answer import Answer, Points, Series
from sse_observe.report.query.batch import Question
from sse_observe.report.query.window import Window

WINDOW = Window(0, 36_000, 60)
ALERTS = {alert.name: alert for alert in load().alerts}
STALLED = replace(ALERTS["SSEStreamsStalled"], threshold=0.05)
LABELS = {"alertname": "SSEStreamsStalled", "job": "chat", "route": "/a", "severity": "critical"}


def state(alertstate: str, begin: float, end: float, **labels: str) -> Series:
    points = tuple((at, 1.0) for at in range(int(begin), int(end) + 1, 60))
    return Series({**LABELS, **labels, "alertstate": alertstate}, points)


def since(value: float, begin: float, end: float, **labels: str) -> Series:
    points = tuple((float(at), value) for at in range(int(begin), int(end) + 1, 60))
    return Series({**LABELS, **labels}, points)


def read(states: list[Series], moments: list[Series] = []) -> tuple[Episode, ...]:  # noqa: B006
    return episodes(Answer(tuple(states)), Answer(tuple(moments)), ALERTS.values(), WINDOW)


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


def test_firing_begins_when_its_for_is_over() -> None:
    """The moment at which it became true is a value of a series, and its `for` is known."""
    (exact,) = read([state("firing", 660, 900)], [since(312.5, 360, 900)])
    (pair,) = read(
        [state("firing", 480, 900, alertname="SSEErrorBudgetBurn", long="1h")],
        [since(312.5, 360, 900, alertname="SSEErrorBudgetBurn", long="1h")],
    )
    (rough,) = read([state("firing", 660, 900)])

    assert (exact.pending, exact.start) == (312.5, 612.5)
    assert (pair.pending, pair.start) == (312.5, 432.5)
    assert (rough.pending, rough.start) == (None, 600)


def test_what_had_not_ended_with_the_window_is_ongoing() -> None:
    """And what names no alert of the catalogue is nobody's episode."""
    (found,) = read([state("firing", 34_980, 36_000), state("firing", 600, 900, alertname="Other")])

    assert found.ongoing


def test_other_rulers_labels_do_not_part_an_alert_from_its_moment() -> None:
    """VictoriaMetrics' ruler adds the group's name."""
    (found,) = read(
        [state("firing", 660, 900, alertgroup="sse")], [since(312.5, 360, 900, alertgroup="sse")]
    )

    assert found.pending == 312.5
    assert "alertgroup" not in found.labels


def compared(bad: dict[str, float], good: dict[str, float]) -> dict[str, tuple[bool, float]]:
    """Return for each network whether it clearly differs, and its share."""
    share = SHARES[0]
    asked = {(share, "network_type"): (Question("bad", ""), Question("good", ""))}
    answers = {
        question: Answer(
            tuple(Series({"network_type": name}, ((0.0, n),)) for name, n in counts.items())
        )
        for question, counts in zip(asked[share, "network_type"], (bad, good), strict=True)
    }
    found = from_shares(asked, answers, {share.alert: 0.005})
    return {one.value: (one.clear, round(one.own, 3)) for one in found}


@pytest.mark.parametrize(
    ("bad", "good", "clear"),
    [
        ({"3g": 50, "4g": 50}, {"3g": 950, "4g": 950}, set()),
        ({"3g": 80, "4g": 3}, {"3g": 920, "4g": 2997}, {"3g"}),
        ({"3g": 2}, {"3g": 2, "4g": 5000}, set()),
        ({"3g": 4}, {"3g": 1000, "4g": 1000}, set()),
        ({"3g": 10}, {"3g": 90}, {"3g"}),
        ({}, {"3g": 90}, set()),
        ({"3g": 0.4}, {}, set()),
    ],
)
def test_a_difference_is_clear_only_where_chance_does_not_explain_it(
    bad: dict[str, float], good: dict[str, float], clear: set[str]
) -> None:
    """Equal shares, and two of two, say nothing; a tenth of a thousand against none does."""
    assert {name for name, (is_clear, _) in compared(bad, good).items() if is_clear} == clear


def excess(route: str, *values: float, alert: Alert = STALLED, limit: float = 0.05) -> Excess:
    points: Points = tuple((60.0 * n, value) for n, value in enumerate(values))
    return Excess(alert, "ratio", limit, {"route": route}, points)


def test_places_are_ranked_by_the_alert_that_fired_then_by_difference() -> None:
    """An info alert a hundred times beyond its limit does not hide a critical one."""
    info = replace(ALERTS["SSEEventsOversized"], threshold=0.01)
    found = [
        excess("/big", 1.0, alert=info, limit=0.01),
        excess("/stalled", 0.2),
        excess("/fine", 0.01),
    ]
    fired = [
        Episode(name, severity, {"route": route}, 0, 60, None, fired=True, ongoing=False)
        for name, severity, route in (
            ("SSEEventsOversized", "info", "/big"),
            ("SSEStreamsStalled", "critical", "/stalled"),
        )
    ]

    places = ranked(from_signals(found, ["route"], {"route": ["/idle"]}), fired)["route"]

    assert [place.value for place in places] == ["/stalled", "/big", "/fine"]
    assert places[0].rest == 0.01
    assert (places[0].beyond, places[0].rest_beyond) == (4.0, pytest.approx(0.1))
    assert not places[2].clear


def test_how_far_beyond_is_comparable_between_signals() -> None:
    """High is bad, low is bad, and any is too many."""
    low = replace(ALERTS["SSECompletionRateLow"], threshold=0.995)
    any_ = replace(ALERTS["SSEMessageLoss"], threshold=0)

    assert excess("/a", 0.5).times(0.5) == 10
    assert excess("/a", 0.9, alert=low, limit=0.995).times(0.95) == pytest.approx(10)
    assert Excess(any_, "count", 0.0, {}, ()).times(36) == 36
    assert excess("/a", 0.5, limit=1e-9).times(1) == 1000


def test_the_worst_moments_are_those_beyond_a_limit() -> None:
    """One of each signal and place, critical ones first."""
    found = worst([excess("/a", 0.1, 0.9, 0.2), excess("/b", 0.01), excess("/c", 0.4)], WINDOW)

    assert [(one.excess.labels["route"], one.at) for one in found] == [("/a", 60), ("/c", 0)]


def test_a_start_is_told_with_the_alert_that_followed() -> None:
    """Within an hour, of the same job; starts before the window are none of its business."""
    episode = Episode("X", "critical", LABELS, 5000, 6000, 4900, fired=True, ongoing=False)
    moments = Answer(
        (
            Series({"job": "chat"}, ((0, -50.0), (60, 4000.0), (120, 20_000.0))),
            Series({"job": "other"}, ((0, 4500.0),)),
        )
    )

    found = starts(moments, WINDOW, [episode])

    assert [(one.at, one.job, one.before is not None) for one in found] == [
        (4000, "chat", True),
        (4500, "other", False),
        (20_000, "chat", False),
    ]


def test_places_are_compared_while_alerts_fired() -> None:
    """From the first that became true to the last that ended; else over the whole window."""
    episode = Episode("X", "critical", LABELS, 5000, 6000, 4900, fired=True, ongoing=False)

    assert span([episode, replace(episode, end=9000)], WINDOW) == (4900, 9000)
    assert span([replace(episode, fired=False)], WINDOW) == (0, 36_000)


def test_a_bar_is_shown_to_somebody_who_watches_and_to_nobody_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the queries are counted; a pipe gets none of it."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with asking() as told:
        told(3, 10)
    assert capsys.readouterr().err == ""

    monkeypatch.setenv("FORCE_COLOR", "1")
    with asking() as told:
        told(12, 10)
    assert "10/10" in capsys.readouterr().err
