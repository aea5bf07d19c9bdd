"""The report as a whole: the facts it finds, what it says of them, and how it fails."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sse_observe.catalog.load import load
from sse_observe.cli import app as commands
from sse_observe.errors import ReportError, SSEObserveError
from sse_observe.report.findings.conclusion import sentences
from sse_observe.report.output.document import document
from sse_observe.report.run import Findings, Order, carry_out, check_place, write
from tests.support.report_source import ALERT, BROKEN_FROM, NOW, FakePrometheus, stalled


@pytest.fixture(scope="module")
def source() -> Iterator[FakePrometheus]:
    """Return a source that knows of one incident."""
    with FakePrometheus() as fake:
        yield fake


@pytest.fixture(scope="module")
def findings(source: FakePrometheus) -> Findings:
    """Return what a report finds there."""
    return ordered(source)


def ordered(source: FakePrometheus, **more: object) -> Findings:
    return carry_out(Order(prometheus=source.url, **more), now=lambda: NOW)  # type: ignore[arg-type]


def test_it_says_what_fired_and_since_when(findings: Findings) -> None:
    """Pending is exact from the series of states; firing follows after the alert's own `for`."""
    (episode,) = findings.incident.episodes

    assert (episode.alert, episode.severity, episode.fired) == (
        "SSEStreamsStalled",
        "critical",
        True,
    )
    assert episode.labels == ALERT
    assert episode.pending == BROKEN_FROM
    assert episode.start == BROKEN_FROM + 300
    assert 3300 <= episode.seconds <= 3300 + 2 * findings.incident.window.step
    assert not episode.ongoing


def test_the_route_and_the_network_of_the_incident_stand_first(findings: Findings) -> None:
    """Who differs most from the rest is named, in numbers, before everybody else."""
    route, network = (findings.incident.suspects[key][0] for key in ("route", "network_type"))

    assert (route.value, route.severity, route.clear) == ("/b", "critical", True)
    assert (route.own, route.rest) == (0.9, 0.01)
    assert route.beyond == pytest.approx(18)
    assert (network.value, network.clear) == ("3g", True)
    assert network.counted == (80.0, 1000.0)
    assert network.rest == pytest.approx(0.001)
    assert not findings.incident.suspects["network_type"][1].clear


def test_the_verdict_reads_in_order_of_importance(findings: Findings) -> None:
    """Alert, route, network, promise, and what was started before it."""
    said = list(sentences(findings.incident))

    assert said[0].startswith("SSEStreamsStalled (critical) fired from ")
    assert said[1].startswith("Most affected route: /b. Open streams no longer carry anything: 90")
    assert said[2].startswith("Most affected network: 3g. Streams that failed: 8.00 %, elsewhere")
    assert said[3].startswith("Objective missed on 1 of 3 routes: 94.88 % of the streams on /b ")
    assert said[4].endswith(", 4m before SSEStreamsStalled began.")


def test_the_worst_minute_is_found_to_the_minute(findings: Findings) -> None:
    """Points of a day are minutes apart; the worst of them is looked at again."""
    (moment,) = findings.incident.worst

    assert moment.value == 0.9
    assert moment.seconds == 60
    assert BROKEN_FROM <= moment.at <= BROKEN_FROM + 3600


def test_every_panel_is_asked_once_and_with_few_points(source: FakePrometheus) -> None:
    """The boards' own queries, no variable left in them, at most 300 points each."""
    source.asked.clear()
    found = ordered(source, since="3h")
    queries = [given for _, given in source.asked]
    panels = {
        panel.title
        for board in load().boards
        for row in board.rows
        for panel in row.panels
        if not any("by (instance" in query.expr for query in panel.queries)
    }

    shown = {
        view.panel.title for one in found.incident.boards for r in one.rows for view in r.views
    }
    assert shown == panels
    assert [given for given in queries if "$" in given["query"] or "<<" in given["query"]] == []
    for given in queries:
        if "step" in given:
            points = (float(given["end"]) - float(given["start"])) / float(given["step"])
            assert points <= 300
    drawn = [view for one in found.incident.boards for row in one.rows for view in row.views]
    assert [view.panel.title for view in drawn if not view.lines] == []


def test_one_route_narrows_every_query_to_itself(source: FakePrometheus) -> None:
    """A route's braces and dots are no pattern; its name is matched as it stands."""
    name = '/chat/{id}."x"\\'
    with FakePrometheus(stalled(name)) as fake:
        found = ordered(fake, route=name, alert="SSEStreamsStalled")
        asked = [given["query"] for _, given in fake.asked]

    assert found.incident.route == name
    narrowed = [query for query in asked if "route=~" in query and "last_over_time" not in query]
    escaped = r"/chat/\\{id\\}\\.\"x\"\\\\"
    assert len(narrowed) > 30
    assert all(f'route=~"{escaped}' in query for query in narrowed)


def test_one_alert_narrows_the_report_to_its_board_and_runbook(source: FakePrometheus) -> None:
    """Its name is taken in any case of letters; its runbook is there though it never fired."""
    found = ordered(source, alert="ssemessageloss").incident

    assert found.alert == "SSEMessageLoss"
    assert [view.board.name for view in found.boards] == ["stream-health"]
    assert list(found.runbooks) == ["SSEMessageLoss"]
    assert found.fired == ()


def test_a_failed_query_is_named_and_the_rest_is_there() -> None:
    """Partial data is shown as partial: by the name of the panel, with the source's own words."""
    refusal = 503, json.dumps({"status": "error", "error": "query needs too much memory"})
    with FakePrometheus(refuse={"sse_stall_recovery_seconds": refusal}) as fake:
        found = ordered(fake, alert="SSEStreamsStalled")

    failures = {one.name: one.reason for one in found.incident.failures}
    assert "SSE / Stall Detection: Recovery time" in failures
    assert all("query needs too much memory" in reason for reason in failures.values())
    assert len(failures) < 5
    assert not found.complete
    assert found.incident.fired


def test_an_answer_with_a_warning_counts_as_partial() -> None:
    """Thanos answers without some of its stores, and says so in passing."""
    with FakePrometheus(warnings={"ALERTS_FOR_STATE": "store-7 did not answer"}) as fake:
        found = ordered(fake, alert="SSEStreamsStalled")

    (failure,) = found.incident.failures
    assert failure.reason == "incomplete: store-7 did not answer"


def test_nothing_fired_is_said_as_such() -> None:
    """A quiet window is a report too."""
    quiet = [row for row in stalled() if not row[0].startswith(("ALERTS", "max_over"))]
    quiet = [(r"ALERTS", []), *quiet]
    with FakePrometheus(quiet) as fake:
        found = ordered(fake, alert="SSEStreamsStalled")

    assert found.incident.episodes == ()
    assert next(iter(sentences(found.incident))) == "SSEStreamsStalled did not fire in this window."


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(r"count by", []), (r"sse_build_info", []), ("", [])], "no metrics of sse-observe"),
        ([(r"count by", []), ("", [({}, 3.0)])], "load the rules that `sse-observe render`"),
    ],
)
def test_a_source_without_our_series_is_told_apart(
    answers: list[tuple[str, list]], words: str
) -> None:
    """No metrics at all is another mistake than no rules."""
    with FakePrometheus(answers) as fake, pytest.raises(ReportError, match=re.escape(words)):
        ordered(fake)


def test_an_unknown_route_gets_the_nearest(source: FakePrometheus) -> None:
    """A misspelt route would otherwise give an empty report."""
    with pytest.raises(ReportError, match="did you mean /b"):
        ordered(source, route="/bb")


def test_the_rules_own_interval_is_found_out() -> None:
    """Counts are sums over evaluations: without the rules' settings they are right all the same."""
    with FakePrometheus(spacing=10) as fake:
        ordered(fake, alert="SSEStreamsStalled")
        counted = [
            given["query"] for _, given in fake.asked if "sse_streams_lost" in given["query"]
        ]

    assert counted
    assert all("* 10)" in query for query in counted)


def test_the_document_holds_the_same_facts(findings: Findings) -> None:
    """What a script reads is what the page says, and it is JSON without exceptions."""
    read = json.loads(json.dumps(document(findings), allow_nan=False))

    assert read["verdict"] == list(sentences(findings.incident))
    assert (read["severity"], read["complete"]) == ("critical", True)
    assert read["alerts"][0]["pending"] == "2026-09-21T12:13:20.000+00:00"
    assert read["affected"]["network_type"][0]["value"] == "3g"
    assert len(read["boards"]) == 3


def test_the_command_writes_the_page_or_nothing(
    source: FakePrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that fails leaves no half of it, and what was there before as it was."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "incident.html"
    place.write_text("the last report")
    words = ["report", "--prometheus", source.url, "--since", "2026-09-21T00:00"]
    words += ["--until", "2026-09-21T14:00", "--out", "incident.html"]
    words += ["--alert", "SSEStreamsStalled"]

    failed = CliRunner().invoke(commands.app, [*words, "--route", "/nowhere"])
    assert isinstance(failed.exception, SSEObserveError)
    assert [path.name for path in tmp_path.iterdir()] == ["incident.html"]
    assert place.read_text() == "the last report"

    done = CliRunner().invoke(commands.app, words)
    assert done.exit_code == 0, done.output
    assert "SSEStreamsStalled" in place.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["incident.html"]


def test_json_alone_writes_no_file(
    source: FakePrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is all that stands on the standard output; partial data sets the exit code."""
    monkeypatch.chdir(tmp_path)
    source.refuse["sse_stall_recovery"] = (422, "{}")
    try:
        words = ["report", "--prometheus", source.url, "--json", "--until", "2026-09-21T14:00"]
        done = CliRunner().invoke(
            commands.app, [*words, "--since", "2026-09-21T00:00", "--alert", "SSEStreamsStalled"]
        )
    finally:
        source.refuse.clear()

    assert done.exit_code == 1
    assert json.loads(done.stdout)["complete"] is False
    assert "partial: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_asking(tmp_path: Path) -> None:
    """Minutes of asking are not thrown away for a misspelt folder."""
    strange = (Path("/dev/full"), tmp_path / f"{'a' * 300}.html")
    for place in (tmp_path, tmp_path / "no" / "incident.html", *strange):
        with pytest.raises(ReportError, match="name a file"):
            check_place(place)
    check_place(tmp_path / "incident.html")


def test_a_link_is_followed_and_kept(tmp_path: Path) -> None:
    """What somebody linked to is what they want written."""
    target, link = tmp_path / "target.html", tmp_path / "incident.html"
    link.symlink_to(target)

    check_place(link)
    write(link, "text")

    assert link.is_symlink()
    assert target.read_text() == "text"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_leaves_no_draft(tmp_path: Path) -> None:
    """What cannot be written whole is taken away again."""
    place = tmp_path / "incident.html"
    place.mkdir()

    with pytest.raises(ReportError, match="--out"):
        write(place, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["incident.html"]
