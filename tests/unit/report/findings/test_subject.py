"""The subject of a report: one route, one alert, or everything, found before anything is asked."""

import re

import pytest

from sse_observe.catalog.load import load
from sse_observe.errors import ReportError
from sse_observe.report.findings.subject import find_alert
from tests.support.report_source import FakePrometheus, Rows, report_from, stalled


def test_one_route_narrows_every_query_to_itself() -> None:
    """A route's braces and dots are no pattern; its name is matched as it stands."""
    name = '/chat/{id}."x"\\'
    with FakePrometheus(stalled(name)) as fake:
        found = report_from(fake, route=name, alert="SSEStreamsStalled")
        asked = [given["query"] for _, given in fake.asked]

    assert found.incident.route == name
    narrowed = [query for query in asked if "route=~" in query and "last_over_time" not in query]
    escaped = r"/chat/\\{id\\}\\.\"x\"\\\\"
    assert len(narrowed) > 30
    assert all(f'route=~"{escaped}' in query for query in narrowed)


def test_one_alert_narrows_the_report_to_its_board_and_runbook(
    report_source: FakePrometheus,
) -> None:
    """Its name is taken in any case of letters; its runbook is there though it never fired."""
    found = report_from(report_source, alert="ssemessageloss").incident

    assert found.alert == "SSEMessageLoss"
    assert [view.board.name for view in found.boards] == ["stream-health"]
    assert list(found.runbooks) == ["SSEMessageLoss"]
    assert found.fired == ()


def test_an_unknown_alert_gets_the_nearest() -> None:
    """A misspelt alert is refused before anything is asked."""
    with pytest.raises(ReportError, match=r"--alert SSEMesageLoss: .* did you mean SSEMessageLoss"):
        find_alert(load(), "SSEMesageLoss")
    with pytest.raises(ReportError, match="`sse-observe runbook` lists them"):
        find_alert(load(), "?")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(r"count by", []), (r"sse_build_info", []), ("", [])], "no metrics of sse-observe"),
        ([(r"count by", []), ("", [({}, 3.0)])], "load the rules that `sse-observe render`"),
    ],
)
def test_no_metrics_and_no_rules_are_different_errors(
    answers: list[tuple[str, Rows]], words: str
) -> None:
    """No metrics at all is another mistake than no rules."""
    with FakePrometheus(answers) as fake, pytest.raises(ReportError, match=re.escape(words)):
        report_from(fake)


def test_an_unknown_route_gets_the_nearest(report_source: FakePrometheus) -> None:
    """A misspelt route would otherwise give an empty report."""
    with pytest.raises(ReportError, match="did you mean /b"):
        report_from(report_source, route="/bb")
