"""Everything that is counted on one route, and how its events are told apart."""

from sse_observe import StreamRoute
from sse_observe.middleware.message_counts import SIZES
from sse_observe.middleware.route_counts import RouteCounts


def test_cells_become_events_bytes_sizes_and_gaps() -> None:
    """Cells of the message path are written down, each once."""
    counts = RouteCounts("/s", StreamRoute(events=("tick",)))
    counts.fast[counts.rows[b""] + 1] = 4
    counts.slow[counts.rows[b"tick"] + 2] = 3
    counts.slow_messages, counts.firsts, counts.comments = 3, 1, 2
    counts.fast_volume, counts.slow_volume = 400, 330
    counts.sizes.total = 320
    counts.complete()

    assert dict(counts.events) == {("message",): 4, ("tick",): 3, ("comment",): 2}
    assert counts.sent_bytes == 730
    # Each event of the short path ends in one blank line, which is no part of its size.
    assert counts.sizes.total == 320 + 400 - 4
    assert counts.sizes.bins[1:3] == [4, 3]
    assert sum(counts.gaps.bins) == 4 + 3 - 1


def test_clearing_keeps_the_cells_that_the_message_path_holds_on_to() -> None:
    """A stream has the list at hand; a new one would count into nowhere."""
    counts = RouteCounts("/s", StreamRoute())
    held = counts.plain.short[1]
    held[0] += 1
    counts.clear()

    assert counts.plain.short[1] is held is counts.fast
    assert held == [0] * len(counts.kinds) * SIZES


def test_declared_names_have_their_own_row_and_others_share_one() -> None:
    """A name from the application's declaration is a label value, any other is `other`."""
    counts = RouteCounts("/s", StreamRoute(events=("tick",), terminal_events=("end",)))

    assert counts.kinds[counts.rows[b"tick"] // SIZES] == "tick"
    assert counts.kinds[counts.rows[b"end"] // SIZES] == "done"
    assert counts.kinds[counts.rows[b"ping"] // SIZES] == "heartbeat"
    assert b"strange" not in counts.rows
