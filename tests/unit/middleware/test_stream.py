"""One stream: its time is added up, whatever looks at it and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe import StreamRoute
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.stream import NOTHING_STATED, Stream


def opened(config: StreamRoute) -> Stream:
    stream = Stream()
    stream.ask(None, {}, None, None, 0.0)
    stream.begin(RouteCounts("/s", config), ("all", "unknown"), 0.0)
    return stream


@given(st.lists(st.floats(0, 100), max_size=10))
def test_time_is_flowing_or_stalled_and_never_lost(looks) -> None:
    """However often and in whatever order it is looked at, the two add up to the age."""
    stream = opened(StreamRoute(stall_seconds=30))
    for at in looks:
        stream.update_totals(at)
    stream.update_totals(100.0)

    counts = stream.counts
    assert counts.flowing_seconds == pytest.approx(30)
    assert counts.stalled_seconds == pytest.approx(70)
    assert (counts.stalled, counts.stalls) == (1, 1)


def test_a_stall_that_ends_is_no_longer_shown() -> None:
    """The gauge goes back, the time stays counted."""
    stream = opened(StreamRoute(stall_seconds=30))
    stream.update_totals(40.0)
    stream.end_stall(45.0)

    assert stream.counts.stalled == 0
    assert stream.counts.stalled_seconds == pytest.approx(15)


def test_streams_without_a_statement_share_one_object() -> None:
    """Nearly no application states anything of its stream; none pays for those that do."""
    assert opened(StreamRoute()).overrides is NOTHING_STATED
    assert (NOTHING_STATED.polled, NOTHING_STATED.judges_resume, NOTHING_STATED.reason) == (
        *(False, False),
        None,
    )
