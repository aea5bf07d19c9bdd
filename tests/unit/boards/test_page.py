"""The page of a board: its frame, and content in which no text becomes a tag."""

import json
import re
from itertools import pairwise

import pytest

from sse_observe.boards.choice import Choice
from sse_observe.boards.console import Console
from sse_observe.boards.page import board_page, live_content
from sse_observe.boards.reader import BoardReader
from sse_observe.report.query.source import Source
from tests.support.report_html import Outline
from tests.support.report_source import NOW, FakePrometheus, stalled
from tests.unit.boards.conftest import CATALOG, SETTINGS

HEALTH = CATALOG.boards[0]
CONSOLE = Console("http://prometheus.test/graph")
HOSTILE = "</script><img src=x onerror=window.broken=1>\u202e"


@pytest.fixture
def content(reader: BoardReader) -> dict[str, object]:
    """Return the content of a board over six hours."""
    return live_content(reader.read(HEALTH, Choice("now-6h")), CONSOLE)


def test_the_frame_names_every_board_and_the_controls() -> None:
    """One heading, landmarks, a label for each control, the own board marked."""
    outline = Outline(board_page(HEALTH, CATALOG.boards, "v1"))

    links = [str(one.get("href")) for one in outline.named("a")]
    assert {f"/d/{board.uid}" for board in CATALOG.boards} <= set(links)
    assert [one["href"] for one in outline.named("a") if one.get("aria-current")] == [
        f"/d/{HEALTH.uid}"
    ]
    assert len(outline.named("h1")) == len(outline.named("main")) == len(outline.named("nav")) == 1
    assert len(outline.named("label")) == len(outline.named("select")) + len(outline.named("input"))
    assert all(str(one["src"]).endswith("?v=v1") for one in outline.named("script"))


def test_every_panel_leads_to_its_query_and_its_runbook(content: dict[str, object]) -> None:
    """The next click from a line beyond its threshold is what to do about it."""
    board = str(content["board"])
    panels = [panel for row in HEALTH.rows if not row.collapsed for panel in row.panels]

    assert board.count(f'<a href="{CONSOLE.graph}?g0.expr=') == len(panels)
    assert 'href="/runbooks/SSECompletionRateLow.md"' in board
    assert "Runbooks" not in board


def test_what_fires_now_stands_above_with_its_runbook() -> None:
    """The alerts of the moment, and those of the range as bars with a table."""
    alert = {"alertname": "SSEStreamsStalled", "severity": "critical", "job": "chat", "route": "/b"}
    firing = [({**alert, "alertstate": "firing"}, lambda at: 1.0 if at > NOW - 600 else None)]
    answers = [
        (pattern, firing if pattern.startswith("max_over_time") else rows)
        for pattern, rows in stalled()
    ]
    with FakePrometheus(answers) as source:
        reader = BoardReader(Source(source.url), CATALOG, SETTINGS, lambda: NOW)
        content = live_content(reader.read(HEALTH, Choice("now-1h")), Console())

    assert 'href="/runbooks/SSEStreamsStalled.md"' in str(content["alerts"])
    assert "firing since" in str(content["alerts"])
    assert "Alerts that fired in this range: 1" in str(content["board"])
    assert "No alert" in str(live_content(reader_without(), Console())["alerts"])


def reader_without() -> object:
    """Return a board of a source that knows of no alert."""
    quiet = [(p, [] if "ALERTS" in p else rows) for p, rows in stalled()]
    with FakePrometheus(quiet) as source:
        reader = BoardReader(Source(source.url), CATALOG, SETTINGS, lambda: NOW)
        return reader.read(HEALTH, Choice("now-1h"))


def test_a_hostile_label_is_text() -> None:
    """A route may be called anything: in HTML, in figures and among the choices."""
    with FakePrometheus(stalled(HOSTILE)) as source:
        reader = BoardReader(Source(source.url), CATALOG, SETTINGS, lambda: NOW)
        content = live_content(reader.read(HEALTH, Choice("now-6h")), CONSOLE)

    html = str(content["board"]) + str(content["alerts"])
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "\u202e" not in html
    assert "<img" not in json.dumps(content["figures"])
    assert [HOSTILE, HOSTILE.replace("\u202e", "\\u202e")] in content["routes"]  # type: ignore[operator]


def test_headings_lead_through_the_board(content: dict[str, object]) -> None:
    """No level is skipped, and every chart has words and its numbers in a table."""
    outline = Outline(str(content["board"]))
    levels = [int(name[1]) for name, _ in outline.tags if re.fullmatch(r"h[1-6]", name)]
    charts = [attributes for _, attributes in outline.tags if "data-figure" in attributes]

    assert levels[0] == 2
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert {str(chart["data-figure"]) for chart in charts} == set(content["figures"])  # type: ignore[call-overload]
    assert all(len(str(chart["aria-label"])) > 20 for chart in charts)
