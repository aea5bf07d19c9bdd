"""The test vectors of the metric contract: our own exporter keeps what it asks of others."""

from pathlib import Path

import pytest

from sse_observe.metrics import METRICS
from tests.support.paths import ROOT
from tests.support.vectors import OWN, VECTORS, Replay, load, text

CONTRACT = ROOT / "docs/reference/metric-contract.md"


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_exposition_follows_from_the_stream(path: Path) -> None:
    """Every line, and no other, to the last digit."""
    vector = load(path)

    assert Replay(vector).exposition() == vector["exposition"]
    assert text(vector) == path.read_text()


def test_each_kind_of_step_is_shown_and_told() -> None:
    """Whoever replays them in another language finds each in the document."""
    used = {what for path in VECTORS for _, what, _ in load(path)["steps"]}
    document = CONTRACT.read_text().split("## Test vectors")[1]

    assert {word for word in used if f"| `{word}` |" not in document} == set()
    assert {name for name in OWN if name not in document} == set()


def test_what_always_moves_is_in_some_vector() -> None:
    """A counter of the server that no vector moves could mean anything."""
    seen = {line.split("{")[0] for path in VECTORS for line in load(path)["exposition"]}
    moved = {
        name
        for name, metric in METRICS.items()
        if metric.source == "server" and metric.kind == "counter" and name not in seen
    }

    assert moved <= {
        "sse_streams_unreadable_total",
        "sse_send_blocked_seconds_total",
        # An application that goes on without its client: no step says that.
        "sse_unread_seconds_total",
        "sse_unread_events_total",
        "sse_message_loss_total",
        "sse_duplicate_events_total",
        "sse_observer_faults_total",
    }
