"""A board as it is now: its panels, the alerts, the routes; and no more than is seen."""

import promql_parser
import pytest

from sse_observe.boards.choice import Choice
from sse_observe.boards.reader import NOTHING, BoardReader
from sse_observe.errors import ReportError
from sse_observe.report.query.source import Source
from tests.support.report_source import NOW, FakePrometheus, stalled
from tests.unit.boards.conftest import CATALOG, SETTINGS

(HEALTH,) = [board for board in CATALOG.boards if board.name == "stream-health"]
SIX_HOURS = Choice("now-6h")


def test_every_open_panel_is_asked_and_no_other(
    source: FakePrometheus, reader: BoardReader
) -> None:
    """A collapsed row costs nothing until somebody opens it."""
    first = reader.read(HEALTH, SIX_HOURS)
    asked = len(source.asked)
    depth = next(row for row in HEALTH.rows if row.collapsed and not row.by_instance)

    opened = reader.read(HEALTH, Choice("now-6h", opened=frozenset({depth.title})))

    titles = [view.panel.title for row in first.view.rows for view in row.panels]
    assert titles == [
        panel.title for row in HEALTH.rows if not row.collapsed for panel in row.panels
    ]
    more = {view.panel.title for row in opened.view.rows for view in row.panels} - set(titles)
    assert more == {panel.title for panel in depth.panels}
    # How often rules are evaluated is asked once a minute.
    assert len(source.asked) - asked > asked - 2
    assert first.problem == ""


def test_the_alerts_and_the_starts_of_the_time_are_there(reader: BoardReader) -> None:
    """They stand behind every chart, and above them."""
    live = reader.read(HEALTH, SIX_HOURS)

    assert [one.alert for one in live.episodes] == ["SSEStreamsStalled"]
    assert [one.job for one in live.starts] == ["chat"]
    assert live.routes == ("/a", "/b", "/c")


def test_a_route_narrows_the_queries_and_not_the_choice(
    source: FakePrometheus, reader: BoardReader
) -> None:
    """Whoever looks at one route can still choose another."""
    live = reader.read(HEALTH, Choice("now-6h", route='/b"} or vector(1)'))

    assert live.routes == ("/a", "/b", "/c")
    queries = [given["query"] for _, given in source.asked]
    narrowed = [query for query in queries if "vector" in query]
    assert len(narrowed) > 20
    assert [query for query in narrowed if '"} or vector(1)' in query] == []
    for query in narrowed:
        promql_parser.parse(query)


def test_where_there_is_nothing_the_reader_is_told_what_to_do() -> None:
    """An empty board would look like a service without streams."""
    nothing = [(pattern, []) for pattern, _ in stalled()]
    with FakePrometheus(nothing) as source:
        live = BoardReader(Source(source.url), CATALOG, SETTINGS, lambda: NOW).read(
            HEALTH, SIX_HOURS
        )

    assert live.problem == NOTHING
    assert live.episodes == ()


def test_a_source_that_is_away_is_one_line_without_its_password() -> None:
    """The address is shown, what signs in there is not."""
    source = Source("http://me:secret@127.0.0.1:1", ["X-Token: hidden"])

    with pytest.raises(ReportError) as refused:
        BoardReader(source, CATALOG, SETTINGS, lambda: NOW).read(HEALTH, SIX_HOURS)

    assert "127.0.0.1:1: connection refused" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "hidden" not in str(refused.value)
