"""Browser tabs that report: which are remembered, and how much each may send."""

from sse_observe.beacon.counts import ClientCounts
from sse_observe.beacon.reporters import Reporters
from sse_observe.beacon.tokens import Grant
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.reporting import ROUTE

GRANT = Grant(ROUTE, "all", "4g", 0, "nonce")


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
