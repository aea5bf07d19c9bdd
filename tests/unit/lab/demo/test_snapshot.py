"""A snapshot: what changes seldom, and the summary for scripts."""

import json
from dataclasses import replace

from sse_observe.lab.demo.alert_history import AlertState
from sse_observe.lab.demo.numbers import read
from sse_observe.lab.demo.snapshot import Snapshot

FIRING = AlertState("SSEMessageLoss", "firing", 61, "critical", "http://h/runbooks/x.md")
SNAPSHOT = Snapshot(125, "Healthy.", None, (FIRING,), {"Service": "http://h"}, "no Prometheus")


def test_the_stage_changes_with_phase_and_alerts_only() -> None:
    """Time and numbers change twice a second, and are no news."""
    assert replace(SNAPSHOT, elapsed=126, numbers=read("")).stage == SNAPSHOT.stage
    assert replace(SNAPSHOT, phase="Repaired.").stage != SNAPSHOT.stage
    assert replace(SNAPSHOT, alerts=(replace(FIRING, state="resolved"),)).stage != SNAPSHOT.stage


def test_the_summary_says_what_is_missing() -> None:
    """A script sees that no alert could fire, and why."""
    document = SNAPSHOT.document([FIRING])

    assert document["missing"] == "no Prometheus"
    assert document["numbers"] is None
    assert document["links"] == {"Service": "http://h"}
    assert [(one["name"], one["state"]) for one in document["alerts"]] == [
        ("SSEMessageLoss", "firing")
    ]


def test_a_page_gets_what_a_frame_shows() -> None:
    """The same numbers, alerts and links, as JSON."""
    state = replace(SNAPSHOT, numbers=read("")).state()

    assert json.loads(json.dumps(state)) == state
    assert state["alerts"][0]["runbook_url"] == "http://h/runbooks/x.md"
    assert state["numbers"]["started"] == 0
    assert (state["phase"], state["note"]) == ("Healthy.", "no Prometheus")
