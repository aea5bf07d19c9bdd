"""Rule files and index: a user's words arrive in them whole, and a disabled alert leaves them."""

import json
from pathlib import Path

from tests.support.rendered import files, rules


def test_hostile_words_survive_yaml(tmp_path: Path) -> None:
    """Quotes, colons, line feeds and templates in a user's annotation arrive as they were."""
    word = "a: 'b' \"c\"\n# d {{ $value }} \\ ü \x85 << by >>"

    found = rules(files(tmp_path, json.dumps({"annotations": {"note": word}})))

    assert {rule["annotations"]["note"] for rule in found if "alert" in rule} == {word}


def test_disabled_alert_leaves_no_trace(tmp_path: Path) -> None:
    """No rule, no runbook, no line in the index, no line on a board."""
    found = files(tmp_path, "alerts: {SSEEventsOversized: {enabled: false}}\n")

    assert "runbooks/SSEEventsOversized.md" not in found
    assert "SSEEventsOversized" not in found["alerts/sse-alerts.yaml"]
    assert "| [SSEEventsOversized]" not in found["runbooks/README.md"]
