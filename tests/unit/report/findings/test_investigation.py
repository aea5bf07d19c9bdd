"""The investigation: the facts that are found in one source, and the ones that are not."""

import json

import pytest

from sse_observe.report.output.report import Report
from tests.support.report_source import ALERT, BROKEN_FROM, FakePrometheus, report_from


def test_it_finds_what_fired_and_since_when(report: Report) -> None:
    """Pending is exact from the series of states; firing follows after the alert's own `for`."""
    (episode,) = report.incident.episodes

    assert (episode.alert, episode.severity, episode.fired) == (
        "SSEStreamsStalled",
        "critical",
        True,
    )
    assert episode.labels == ALERT
    assert episode.pending == BROKEN_FROM
    assert episode.start == BROKEN_FROM + 300
    assert 3300 <= episode.seconds <= 3300 + 2 * report.incident.window.step
    assert not episode.ongoing


def test_the_route_and_the_network_of_the_incident_stand_first(report: Report) -> None:
    """The place that differs most from the rest is named, in numbers, before everybody else."""
    route, network = (report.incident.impacts[key][0] for key in ("route", "network_type"))

    assert (route.value, route.severity, route.clear) == ("/b", "critical", True)
    assert (route.own, route.rest) == (0.9, 0.01)
    assert route.times_limit == pytest.approx(18)
    assert (network.value, network.clear) == ("3g", True)
    assert network.counted == (80.0, 1000.0)
    assert network.rest == pytest.approx(0.001)
    assert not report.incident.impacts["network_type"][1].clear


def test_the_worst_minute_is_found_to_the_minute(report: Report) -> None:
    """Points of a day are minutes apart; the worst of them is looked at again."""
    (minute,) = report.incident.worst_minutes

    assert minute.value == 0.9
    assert minute.seconds == 60
    assert BROKEN_FROM <= minute.at <= BROKEN_FROM + 3600


def test_a_failed_query_is_named_and_the_rest_is_there() -> None:
    """Partial data is shown as partial: by the name of the panel, with the source's own words."""
    refusal = 503, json.dumps({"status": "error", "error": "query needs too much memory"})
    with FakePrometheus(refuse={"sse_stall_recovery_seconds": refusal}) as fake:
        found = report_from(fake, alert="SSEStreamsStalled")

    failures = {one.name: one.reason for one in found.incident.failures}
    assert "SSE / Stall Detection: Recovery time" in failures
    assert all("query needs too much memory" in reason for reason in failures.values())
    assert len(failures) < 5
    assert not found.complete
    assert found.incident.fired


def test_an_answer_with_a_warning_counts_as_partial() -> None:
    """Thanos answers without some of its stores, and says so in passing."""
    with FakePrometheus(warnings={"ALERTS_FOR_STATE": "store-7 did not answer"}) as fake:
        found = report_from(fake, alert="SSEStreamsStalled")

    (failure,) = found.incident.failures
    assert failure.reason == "incomplete: store-7 did not answer"
