"""Goodput is recorded over the windows of burn rates, and never counts a stream twice."""

import re

from sse_observe.catalog.load import load
from sse_observe.catalog.placement import Placement
from sse_observe.catalog.signals.completion import LONG_WINDOWS, WINDOWS
from sse_observe.catalog.signals.goodput import GOODPUT
from sse_observe.metrics import FAILURES
from sse_observe.metrics.labels import REASONS

RECORDS = {signal.record: signal for signal in GOODPUT}


def test_every_window_of_completion_has_goodput() -> None:
    """Settings may choose any pair: each has its share, and each long one its certain number."""
    for window in WINDOWS:
        assert f"route:sse_goodput_failures:ratio_rate{window}" in RECORDS
        assert f"route:sse_streams_bad:increase{window}" in RECORDS
    for window in LONG_WINDOWS:
        assert f"route:sse_streams_bad_certain:increase{window}" in RECORDS


def test_whoever_left_late_is_not_counted_again_as_vanished() -> None:
    """Each number of bad streams takes the late ones out of those that vanished."""
    for window in WINDOWS:
        expr = RECORDS[f"route:sse_streams_bad:increase{window}"].expr
        assert "route:sse_streams_left_late:share1h" in expr


def test_every_end_is_whole_or_a_failure_or_a_leaving() -> None:
    """Of those who leave, the late ones are judged already: a new reason has to be among them."""
    expr = RECORDS["route:sse_streams_left_late:share1h"].expr
    left = re.search(r'reason=~"([^"]+)"', expr)
    whole = {"completed", "already_complete", "polled"}

    assert left is not None
    assert set(left[1].split("|")) == set(REASONS) - whole - set(FAILURES)


def test_goodput_has_groups_of_its_own() -> None:
    """The group of completion is full: nothing but what vanished is recorded there."""
    placement = Placement(load().signals)
    groups = {placement.group_of(record) for record in RECORDS}

    assert groups <= {"sse-goodput", "sse-goodput-2"}
    assert placement.group_of("route:sse_streams_vanished:rate5m") == "sse-completion"
