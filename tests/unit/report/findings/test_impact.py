"""The impact ranking: places by the worst of their signals, and in which order they are told."""

from dataclasses import replace

import pytest

from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.impact import Impact, from_signals, ranked
from tests.support.report_findings import ALERTS, distance


def impact(value: str, **more: object) -> Impact:
    known = {
        "label": "route",
        "value": value,
        "measure": "Streams that failed",
        "unit": "ratio",
        "own": 0.1,
        "rest": 0.01,
        "limit": 0.005,
        "times_limit": 20.0,
        "rest_times_limit": 2.0,
    }
    return Impact(**{**known, **more})  # type: ignore[arg-type]


def test_places_are_ranked_by_the_alert_that_fired_then_by_difference() -> None:
    """An info alert a hundred times beyond its limit does not hide a critical one."""
    info = replace(ALERTS["SSEEventsOversized"], threshold=0.01)
    found = [
        distance("/big", 1.0, alert=info, limit=0.01),
        distance("/stalled", 0.2),
        distance("/fine", 0.01),
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
    assert (places[0].times_limit, places[0].rest_times_limit) == (4.0, pytest.approx(0.1))
    assert not places[2].clear


def test_a_place_stands_once_by_its_clearest_measure() -> None:
    """A measure that differs less is named beside it, one that differs by chance is not."""
    found = ranked(
        [
            impact("/a", measure="noise", times_limit=90.0, clear=False),
            impact("/a", measure="small", times_limit=4.0),
            impact("/a", measure="large"),
        ],
        [],
    )

    (place,) = found["route"]
    assert (place.measure, place.also) == ("large", ("small",))


def test_only_the_most_affected_places_are_kept() -> None:
    """A fleet of fifty routes is no list for a person."""
    found = ranked([impact(f"/{n}", times_limit=20.0 + n) for n in range(50)], [])["route"]

    assert [place.value for place in found] == [f"/{n}" for n in range(49, 39, -1)]
