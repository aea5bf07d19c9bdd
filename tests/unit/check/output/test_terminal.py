"""The view in a terminal: the plan before anything is sent, the table after."""

import io

from rich.console import Console

from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.checks import every
from sse_observe.check.doctor import Doctor, Examination
from sse_observe.check.hops import verdicts
from sse_observe.check.model import Checked, Evidence, Finding, Options, Place
from sse_observe.check.output.document import document
from sse_observe.check.output.terminal import Screen, plan_lines, table
from tests.support.check_recordings import evidence, flow, recording


def test_the_plan_says_what_will_be_sent_and_where() -> None:
    """One line for each place, with the most requests, and no secret."""
    question = Question(url="http://host.test/?token=secret-token")
    lines = plan_lines(Doctor(question, Options(), Asking()).plan())

    assert len(lines) == 1
    assert lines[0].startswith("Will send up to 5 requests to http://host.test/?token=…: GET;")


def test_the_table_shows_results_evidence_and_remedy() -> None:
    """A failure comes with its remedy and the runbook's section; what was not asked is grouped."""
    seen = Evidence(Question(url="http://host.test/"), Options())
    seen.recordings["main"] = [recording(*flow(20))]
    findings = {"D5": Finding("fail", "in bursts", "bursts"), "D12": Finding("not_asked", "no")}
    checked = tuple(Checked(check, findings[check.id]) for check in every() if check.id in findings)
    place = Place(seen, checked)
    found = Examination(seen.question, checked, (place,), tuple(verdicts([place])), 0.0, 1.0, 1)
    out = io.StringIO()
    table(document(found), found, Console(file=out, width=100))
    text = out.getvalue()

    assert "FAIL" in text
    assert "in bursts" in text
    assert "runbook SSEDeliveryDelayed, Mitigation" in text
    assert "D12: no" in text
    assert found.exit_code == 2


def test_strips_fit_into_eighty_columns() -> None:
    """Neither the scale below them nor what stands behind a live one goes on in another line."""
    places = [
        Place(evidence(recording(*flow(20), url=f"http://{name}.test/chat")), ())
        for name in ("www.example.com-edge", "app-8000")
    ]
    question = places[0].evidence.question
    found = Examination(question, (), tuple(places), (), 0.0, 1.0, 1)
    out = io.StringIO()
    table(document(found), found, Console(file=out, width=80))
    screen = Screen(silent=True)
    screen.changed("main", recording(*flow(20)))
    live = io.StringIO()
    Console(file=live, width=80).print(screen._view(80))

    assert [line.strip()[0] for line in out.getvalue().splitlines()[1:4]] == ["w", "a", "0"]
    assert out.getvalue().splitlines()[3].endswith(" s")
    assert [line.strip()[0] for line in live.getvalue().splitlines()] == ["m", "0"]


def test_steps_are_shown_while_they_run() -> None:
    """Load and a slow link take half a minute in which nothing else would move."""
    screen = Screen(silent=True)
    screen.changed("main", recording(*flow(3)))
    screen.begun("load")
    screen.begun("slow link")
    out = io.StringIO()
    Console(file=out, width=100).print(screen._view(100))
    lines = out.getvalue().splitlines()

    assert lines[0].startswith("main")
    assert [line.split("  ")[0] for line in lines[-2:]] == ["load", "slow link"]
    assert lines[-1].rstrip().endswith(" s")
