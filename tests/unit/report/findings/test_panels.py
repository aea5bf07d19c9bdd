"""The boards' panels: each asked once, with the catalogue's own queries."""

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Query
from sse_observe.report.findings.panels import _line_name
from tests.support.report_findings import series
from tests.support.report_source import FakePrometheus, report_from


def test_every_panel_is_asked_once_and_with_few_points(report_source: FakePrometheus) -> None:
    """The boards' own queries, no variable left in them, at most 300 points each."""
    report_source.asked.clear()
    found = report_from(report_source, since="3h")
    queries = [given for _, given in report_source.asked]
    panels = {
        panel.title
        for board in load().boards
        for row in board.rows
        for panel in row.panels
        if not any(query.by_instance for query in panel.queries)
    }

    shown = [view for board in found.incident.boards for row in board.rows for view in row.panels]
    assert {view.panel.title for view in shown} == panels
    assert [given for given in queries if "$" in given["query"] or "<<" in given["query"]] == []
    for given in queries:
        if "step" in given:
            points = (float(given["end"]) - float(given["start"])) / float(given["step"])
            assert points <= 300
    assert [view.panel.title for view in shown if not view.lines] == []


def test_a_legend_is_filled_once() -> None:
    """A route that is named like a label does not become that label's value."""
    query = Query(expr="", legend="{{route}} {{ le }}")

    assert _line_name(query, series({"route": "{{le}}", "le": "1"})) == "{{le}} 1"
    assert _line_name(query, series({"job": "chat"})) == ""
    assert _line_name(Query(expr="", legend="all"), series({})) == "all"
