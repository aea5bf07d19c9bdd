"""How long a stream is watched: as long as it takes to judge it, and no longer."""

from sse_observe.check.checks import every
from sse_observe.check.model import Options
from sse_observe.check.visits import VISITS, main_watch
from tests.support.check_recordings import event, flow, recording

OPTIONS = Options()


def end(found: object, *, safe: bool = True, options: Options = OPTIONS) -> float:
    return main_watch(options, safe=safe).end(found)  # type: ignore[arg-type]


def test_a_flowing_stream_is_watched_for_three_seconds() -> None:
    """From its first byte on."""
    assert end(recording(*flow(20), end="open")) == 3.05


def test_nothing_is_waited_for_until_the_time_limit() -> None:
    """No byte: it may come yet."""
    assert end(recording(end="open")) == OPTIONS.timeout_seconds


def test_an_answer_is_waited_for() -> None:
    """Of a POST the first content is due, whatever its prelude says."""
    prelude = recording((0.1, "event: message_start\ndata: {}\n\n"), end="open")

    assert end(prelude, safe=False) == OPTIONS.timeout_seconds
    assert end(prelude) == OPTIONS.timeout_seconds


def test_what_comes_in_late_bursts_is_watched_longer() -> None:
    """Two more bursts tell a buffer from an accident."""
    burst = recording((2.0, "".join(map(event, range(20)))), headers_at=2.0, end="open")

    assert end(burst) == OPTIONS.timeout_seconds


def test_a_stream_is_held_for_as_long_as_it_was_asked_for() -> None:
    """`--hold` goes before everything."""
    assert end(recording(*flow(20), end="open"), options=Options(hold_seconds=75.0)) == 75.0


def test_every_visit_is_needed_by_a_check() -> None:
    """And every check finds its visits."""
    wanted = {visit for check in every() for visit in check.visits} - {"main"}

    assert wanted == VISITS.keys()
