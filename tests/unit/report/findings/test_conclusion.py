"""The conclusion: a few sentences, the most important first, none more certain than the facts."""

from dataclasses import replace

from sse_observe.report.findings import slo
from sse_observe.report.findings.conclusion import INCOMPLETE, sentences, severity
from sse_observe.report.findings.episodes import STATES
from sse_observe.report.output.report import Report
from sse_observe.report.query.batch import Failure
from tests.support.report_findings import ALERTS
from tests.support.report_source import FakePrometheus, report_from, stalled


def test_it_reads_in_order_of_importance(report: Report) -> None:
    """Whose fault, alert, route, network, objective, and what was started before it."""
    words = list(sentences(report.incident))

    assert words[0] == (
        "83.0 % of the streams were good; failed: 11.0 % through an upstream, "
        "6.0 % through a deploy."
    )
    assert words[1].startswith("SSEStreamsStalled (critical) fired from ")
    summary = ALERTS["SSEStreamsStalled"].summary
    assert words[2] == f"Most affected route: /b. {summary}: 90.00 %, elsewhere 1.00 %."
    assert words[3].startswith("Most affected network: 3g. Streams that failed: 8.00 %, elsewhere")
    assert words[4].startswith("Objective missed on 1 of 3 routes: 94.88 % of the streams on /b ")
    assert words[5].endswith(", 4m before SSEStreamsStalled began.")
    assert severity(report.incident) == "critical"


def test_a_quiet_window_has_a_conclusion() -> None:
    """A quiet window is a report too."""
    quiet = [row for row in stalled() if not row[0].startswith(("ALERTS", "max_over"))]
    quiet = [(r"ALERTS", []), *quiet]
    with FakePrometheus(quiet) as fake:
        found = report_from(fake, alert="SSEStreamsStalled")

    assert found.incident.episodes == ()
    assert list(sentences(found.incident))[1] == "SSEStreamsStalled did not fire in this window."


def test_what_began_before_the_window_is_not_given_a_start(report: Report) -> None:
    """The first point of a window is no beginning."""
    incident = report.incident
    (episode,) = incident.episodes
    early = replace(episode, start=incident.window.start, ongoing=True)

    _, first, *_ = sentences(replace(incident, episodes=(early,)))

    assert " fired since before " in first
    assert ", for at least " in first
    assert first.endswith(", still firing at the end.")


def test_what_is_not_known_is_not_called_well(report: Report) -> None:
    """Where the states or the counts are missing, neither silence nor compliance is claimed."""
    failures = (Failure(STATES, "x"), Failure(f"{slo.COUNTS} lost", "x"))
    unknown = replace(report.incident, causes=None, episodes=(), slo=(), failures=failures)

    words = list(sentences(unknown))

    assert words[0] == f"It is not known whether an alert fired: {INCOMPLETE}."
    assert f"It is not known whether routes met their completion objective: {INCOMPLETE}." in words
    assert not any("times the limit" in sentence for sentence in words)


def test_signals_beyond_their_limits_without_any_alert_are_questioned(report: Report) -> None:
    """Alert rules that were never loaded must not read as a quiet night."""
    _, first, second, *_ = sentences(replace(report.incident, episodes=()))

    assert first == "No alert of sse-observe fired in this window."
    assert "18.0 times the limit of SSEStreamsStalled" in second
    assert "Are the alert rules loaded?" in second
