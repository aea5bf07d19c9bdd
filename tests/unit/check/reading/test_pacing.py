"""The pace of a stream: a flow is left alone, a burst is found, and its maker named."""

import itertools

import pytest

from sse_observe.check.reading.pacing import pacing
from tests.support.check_recordings import Step, event, flow, recording


def cut_by_size(size: int, *, count: int = 80, gap: float = 0.05) -> list[Step]:
    """Return events that somebody passes on in pieces of one size, the first a little smaller."""
    steps: list[Step] = []
    held, limit = b"", size - 150
    for number in range(count):
        held += event(number, size=180).encode()
        while len(held) >= limit:
            steps.append((number * gap, held[:limit]))
            held, limit = held[limit:], size
    return [*steps, (count * gap, held)]


def test_events_that_come_one_by_one_flow() -> None:
    """Each at an instant of its own."""
    pace = pacing(recording(*flow(20)))

    assert (pace.share, pace.in_bursts, pace.buffer) == (1.0, False, None)


def test_a_fast_model_writes_no_bursts() -> None:
    """Two hundred tokens a second are faster than we tell apart, and no silence lies between."""
    assert not pacing(recording(*flow(200, gap=0.005))).in_bursts


def test_a_backlog_at_the_start_is_no_burst() -> None:
    """A feed that first sends what it has, and then goes on, holds nothing back."""
    backlog = (0.02, "".join(map(event, range(50))))
    live = [(0.3 * n, event(50 + n)) for n in range(1, 8)]

    assert not pacing(recording(backlog, *live)).in_bursts


def test_a_whole_answer_in_an_instant_is_not_judged() -> None:
    """Five words that a generator yields at once come at once: nobody waited for them."""
    pace = pacing(recording((0.01, "".join(map(event, range(5))))))

    assert not pace.judgeable
    assert not pace.in_bursts


def test_what_waits_for_the_end_is_collected() -> None:
    """All events together with the end, after a silence."""
    pace = pacing(recording((2.0, "".join(map(event, range(20)))), headers_at=2.0))

    assert pace.collected
    assert pace.held_seconds == 2.0


@pytest.mark.parametrize("size", [1024, 4096, 8192, 16384])
def test_a_buffer_is_known_by_its_size(size: int) -> None:
    """Whoever cuts by size cuts within events, and always at the same size."""
    pace = pacing(recording(*cut_by_size(size, count=16 * size // 800, gap=0.08)))

    assert pace.buffer == size
    assert pace.in_bursts


def test_one_full_buffer_is_enough_to_guess() -> None:
    """64 KB take longer than a check; the one that came is a little smaller for its head."""
    pace = pacing(recording((5.0, b"data: " + b"x\ndata: " * 8175 + b"x"), end="left"))

    assert pace.buffer == 65536


def test_a_flush_by_time_has_a_period() -> None:
    """Bursts at equal distances, cut between events, come from a timer."""
    steps = [(0.5 * n, "".join(map(event, range(5 * n, 5 * n + 5)))) for n in range(1, 8)]
    pace = pacing(recording(*steps))

    assert pace.buffer is None
    assert pace.period == pytest.approx(0.5)


def test_an_event_s_end_that_comes_with_the_next_is_a_late_tail() -> None:
    """Each piece brings the end of one event and the beginning of the next."""
    whole = b"".join(event(n).encode() for n in range(10))
    cuts = range(10, len(whole), len(whole) // 10)
    steps = [
        (0.3 * n, whole[a:b]) for n, (a, b) in enumerate(itertools.pairwise([0, *cuts, len(whole)]))
    ]
    pace = pacing(recording(*steps))

    assert pace.late_tails >= 8
