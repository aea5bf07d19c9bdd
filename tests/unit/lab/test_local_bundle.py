"""The bundle for one service: links that lead to it, at a pace that fits the shortened time."""

import json
from pathlib import Path

import pytest

from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.render.settings import AlertSettings
from tests.support.asgi import drive, http_scope


@pytest.mark.parametrize(("scale", "interval"), [(30, "1000ms"), (60, "500ms")])
def test_the_shortest_window_holds_four_scrapes(scale: float, interval: str) -> None:
    """Two minutes of the rules are four scrapes at any pace."""
    assert LocalBundle("http://h:1", scale).interval == interval


def test_every_link_of_an_alert_leads_to_the_service() -> None:
    """No alert sends its reader to an address that does not exist."""
    rules = LocalBundle("http://h:1", 60).files["alerts/sse-alerts.yaml"]
    links = [line for line in rules.splitlines() if "_url: " in line]

    assert links
    assert [link for link in links if '_url: "http://h:1/' not in link] == []


def test_the_rules_that_are_written_are_those_that_the_settings_ask_for(tmp_path: Path) -> None:
    """An alert that was switched off is in no file that Prometheus loads."""
    off = {"SSEMessageLoss": AlertSettings(enabled=False)}
    bundle = LocalBundle("http://h:1", 60, off)
    bundle.prometheus(tmp_path, {"job": ["h:1"]}, program="/bin/true")

    text = (tmp_path / "alerts/sse-alerts.yaml").read_text()
    assert "- alert: SSEReplayMiss" in text
    assert "- alert: SSEMessageLoss\n" not in text
    assert "SSEMessageLoss" not in {alert.name for alert in bundle.catalog.alerts}


def test_its_boards_say_why_there_is_no_prometheus() -> None:
    """A demo without the program has pages all the same."""
    boards = LocalBundle("http://h:1", 60).boards(None, "prometheus: not found on PATH")
    scope = http_scope("/d/sse-stream-health/live.json", headers={"host": "127.0.0.1"})

    _, end = drive(boards, scope)

    assert json.loads(end["body"]) == {"problem": "prometheus: not found on PATH"}
