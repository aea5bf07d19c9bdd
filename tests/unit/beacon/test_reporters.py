"""Browser tabs that report: each number of each token counts once."""

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.beacon.counts import ClientCounts
from sse_observe.beacon.reporters import Reporter, Reporters
from sse_observe.beacon.tokens import Grant
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.reporting import ROUTE

GRANT = Grant(ROUTE, "all", "4g", 0, "nonce")


def test_each_number_is_new_once_at_most(metrics: SSEMetrics) -> None:
    """And in order, always: only a number far behind the highest is taken for a replay."""
    counts = ClientCounts(metrics).of(ROUTE, "all", "4g")

    @given(st.lists(st.integers(1, 200), max_size=60))
    def hold(numbers: list[int]) -> None:
        reporter, seen = Reporter(GRANT, counts, 1, 0), set()
        for n in numbers:
            new = reporter.is_new(n)
            assert not (new and n in seen)
            if n not in seen and n > max(seen, default=0) - 64:
                assert new
            seen.add(n)

    hold()


def test_the_tabs_that_were_heard_of_last_are_remembered(metrics: SSEMetrics, clock: Clock) -> None:
    """Ten thousand of them, however many come; one that goes on reporting stays."""
    reporters = Reporters((1, 5), clock, most=10)
    counts = ClientCounts(metrics).of(ROUTE, "all", "4g")

    for n in range(1000):
        reporters.put(f"token {n}", GRANT, counts)
        reporters.get("token 0")

    assert len(reporters) == 10
    assert reporters.get("token 0") is not None
    assert reporters.get("token 1") is None


def test_each_tab_may_send_at_its_own_rate(metrics: SSEMetrics, clock: Clock) -> None:
    """One that sends too much takes nothing from another."""
    reporters = Reporters((1, 2), clock)
    counts = ClientCounts(metrics).of(ROUTE, "all", "4g")
    loud, quiet = (reporters.put(name, GRANT, counts) for name in ("loud", "quiet"))

    assert [reporters.take(loud) for _ in range(3)] == [True, True, False]
    assert reporters.take(quiet)
    clock.tick(1)
    assert [reporters.take(loud) for _ in range(2)] == [True, False]


def test_a_tab_ends_its_stream_once(metrics: SSEMetrics) -> None:
    """Whatever else it reports of it, and however often."""
    reporter = Reporter(GRANT, ClientCounts(metrics).of(ROUTE, "all", "4g"), 1, 0)

    assert [reporter.is_first_end() for _ in range(3)] == [True, False, False]
