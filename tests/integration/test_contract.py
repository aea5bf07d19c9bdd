"""The contract that a release may not break unnoticed, and what half an upgrade sees."""

import pytest

from tests.support.contract import half_upgraded, problems, recorded, unkept, words

BEFORE = recorded()
EMPTY = "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\nsse_streams_opened_total SSEMessageLoss\n"

# One of each kind, and the word that a changelog names it by.
KINDS = {
    "python sse_observe.metrics_app": "metrics_app",
    "python sse_observe.StreamRoute(limit=None)": "limit",
    "python sse_observe.metrics_app(1: metrics=None)": "metrics",
    "python sse_observe.middleware.current_stream.CurrentStream.hello_event": "hello_event",
    "js Options.share?: boolean": "share",
    "js ResilientEventSource.readonly lastEventId: string": "lastEventId",
    "js class ResilientEventSource extends EventTarget implements EventSource": (
        "ResilientEventSource"
    ),
    "cli render": "render",
    "cli render --check (flag)": "--check",
    "exit 2 wrong_call": "2",
    "metric sse_streams_closed_total counter": "sse_streams_closed_total",
    "metric sse_streams_closed_total{reason}": "sse_streams_closed_total",
    'metric sse_streams_closed_total{reason="polled"}': "polled",
    "record route:sse_stream_completion:ratio_rate1h {job, route}": (
        "route:sse_stream_completion:ratio_rate1h"
    ),
    "alert SSEMessageLoss": "SSEMessageLoss",
    "board sse-stream-health": "sse-stream-health",
    "setting alerts.*.keep_firing_for": "keep_firing_for",
}


def released(word: str, heading: str) -> str:
    return f"# Changelog\n\n## Unreleased\n\n### {heading}\n\n- `{word}` is told.\n\n## 0.1.0\n"


def test_what_differs_from_the_last_release_is_in_the_changelog() -> None:
    """`make check` asks the same."""
    assert unkept() == []


@pytest.mark.parametrize("line", KINDS)
def test_what_is_gone_must_be_named_as_breaking(line: str) -> None:
    """A heading of its own says that somebody has to act; an entry among the news does not."""
    assert line in BEFORE
    now = [one for one in BEFORE if one != line]

    assert KINDS[line] in words(line)
    assert len(problems(BEFORE, now, EMPTY)) == 1
    assert len(problems(BEFORE, now, released(KINDS[line], "Added"))) == 1
    assert problems(BEFORE, now, released(KINDS[line], "Removed")) == []
    assert len(problems(BEFORE, now, released(f"{KINDS[line]}x", "Removed"))) == 1


@pytest.mark.parametrize("line", KINDS)
def test_what_is_new_must_be_named(line: str) -> None:
    """Nobody finds an option that no changelog tells."""
    before = [one for one in BEFORE if one != line]

    assert len(problems(before, BEFORE, EMPTY)) == 1
    assert problems(before, BEFORE, released(KINDS[line], "Added")) == []


def test_a_metric_that_old_rules_read_is_missed_in_both_directions() -> None:
    """For one deploy, rules of the last release watch processes of the next, and the reverse."""
    metric = "sse_streams_opened_total"
    gone = [one for one in BEFORE if not one.startswith(f"metric {metric}")]

    without = half_upgraded(BEFORE, gone, EMPTY)
    with_old = half_upgraded(gone, BEFORE, EMPTY)

    assert without[0].endswith(f"of the last release reads {metric}")
    assert with_old[0].endswith(f"of the coming release reads {metric}")
    assert half_upgraded(BEFORE, gone, released(metric, "Renamed")) == []


def test_a_new_rule_over_a_new_metric_harms_nobody() -> None:
    """Over processes of the last release it is empty, as it was before."""
    new = [
        "metric sse_new_total counter",
        "reads record route:sse_new:rate5m: sse_new_total",
        "record route:sse_new:rate5m {job}",
    ]

    assert half_upgraded(BEFORE, [*BEFORE, *new], EMPTY) == []
