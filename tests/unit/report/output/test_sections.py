"""The sections of words and tables: what each tells, and what it does not claim."""

from dataclasses import replace

from sse_observe.report.findings import causes, slo
from sse_observe.report.findings.episodes import STATES
from sse_observe.report.findings.process_starts import NAME
from sse_observe.report.logs.reading import LogExcerpt
from sse_observe.report.output.report import Report
from sse_observe.report.output.sections import (
    alerts_section,
    causes_section,
    impact_section,
    log_section,
    minutes_section,
    opening,
    slo_section,
)
from sse_observe.report.query.batch import Failure


def test_whose_fault_is_told_in_numbers(report: Report) -> None:
    """Good streams first, then each cause in words, with its number and its share."""
    html = causes_section(report.incident)

    assert ">4,150</td>" in html
    assert ">83.0 %</td>" in html
    assert html.index("through an upstream") < html.index("through a deploy")
    assert ">11.0 %</td>" in html


def test_alerts_have_the_time_since_when_they_were_pending(report: Report) -> None:
    """The columns are named as Prometheus names the states of an alert."""
    html = alerts_section(report.incident, None)

    assert '<th scope="col">Pending since</th>' in html
    assert '<th scope="col">Firing since</th>' in html
    assert '<th scope="row">SSEStreamsStalled /b</th>' in html
    assert ">12:13:20</td>" in html


def test_the_slo_names_the_route_that_missed_it(report: Report) -> None:
    """In numbers, and in a word for those who do not see the colour."""
    html = slo_section(report.incident)

    assert '<h2 id="slo">SLO</h2>' in html
    assert '<span class="bad">94.88 %</span> (missed)' in html
    assert html.count("(missed)") == 1


def test_places_are_ranked_with_what_they_are_compared_to(report: Report) -> None:
    """The value here, elsewhere, and how many times the limit."""
    html = impact_section(report.incident)

    assert ">8.00 % (80 of 1,000)</td>" in html
    assert ">0.10 %</td>" in html
    assert ">16.0 ×</td>" in html
    assert "no clear difference" in html


def test_minutes_and_starts_stand_together(report: Report) -> None:
    """A deploy four minutes before the first alert is the first thing to look at."""
    html = minutes_section(report.incident)

    assert "SSEStreamsStalled /b, 4m later" in html
    assert ">18.0 ×</td>" in html


def test_nothing_is_called_well_for_want_of_an_answer(report: Report) -> None:
    """An empty section says whether there was nothing or nobody knows."""
    quiet = replace(
        report.incident,
        causes=None,
        episodes=(),
        slo=(),
        impacts={},
        worst_minutes=(),
        process_starts=(),
    )
    names = (STATES, f"{slo.COUNTS} lost", "Signal of X", NAME, causes.NAME)
    unknown = replace(quiet, failures=tuple(Failure(name, "x") for name in names))

    assert "No alert fired, and none was pending." in alerts_section(quiet, None)
    assert "No stream ended in this window." in slo_section(quiet)
    assert "No stream ended." in causes_section(quiet)
    assert "Nothing could be compared." in impact_section(quiet)
    assert "No process started in this window." in minutes_section(quiet)
    assert "No alert fired" not in alerts_section(unknown, None)
    assert "Not known" in causes_section(unknown)
    assert "No stream ended" not in slo_section(unknown)
    assert minutes_section(unknown).count("as far as is known") == 2


def test_equal_reasons_are_given_once_in_the_opening(report: Report) -> None:
    """Of a store that is away a hundred queries tell the same."""
    failures = tuple(Failure(f"q{number}", "away") for number in range(12))

    html = opening(replace(report.incident, failures=failures), report.created)

    assert html.count("away") == 1
    assert "12 queries failed" in html
    assert "q9 and 2 more: away" in html


def test_a_log_without_a_line_to_show_has_a_sentence() -> None:
    """And what was left out of it."""
    html = log_section(LogExcerpt("app.log", 5, 0, (), ("no line has a time within the window",)))

    assert "0 of 5 lines of app.log are from the window." in html
    assert "None of them is about streams" in html
    assert "No line has a time within the window." in html
