"""A deploy of hosts behind a balancer, and what its readers may not notice."""

import asyncio
from typing import Any

import pytest

from sse_observe.lab.drill import drained_apps, rolling_deploy
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.rolling_deploy import RollingDeploy
from sse_observe.lab.drill.service import Service
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.verdict import Claim
from tests.support.asgi import value
from tests.support.waiting import until

FAULT = Fault(
    name="roll",
    text="",
    alerts=(),
    within=1,
    service=drained_apps.anywhere,
    rolls=True,
    users=12,
)


class Host:
    """A host of which only the readiness and the metrics are asked."""

    metrics: Any = None
    is_ready = True


def deploy(**seen: Any) -> RollingDeploy:
    """Return a deploy that was seen to go so."""
    made = RollingDeploy(FAULT, Switch(), [Host()])  # type: ignore[list-item]
    for name, one in {"_done": True, **seen}.items():
        setattr(made, name, one)
    return made


EVEN = [float(second) for second in range(30)]


def test_returns_that_are_spread_are_as_they_should_be() -> None:
    """The numbers are told, whether they hold or not."""
    claims = deploy(_returns=EVEN, _answers=7).claims()

    assert claims == (
        Claim("no stream failed, of 7 answers too", holds=True),
        Claim("30 returns, 1.0 a second on average, 1.0 at most", holds=True),
    )


@pytest.mark.parametrize("storm", [5, 60])
def test_returns_that_come_together_are_not(storm: int) -> None:
    """Twice the mean within two seconds is what a deploy without a drain looks like."""
    claims = deploy(_returns=sorted([*EVEN, *[4.5] * storm])).claims()

    assert [claim.holds for claim in claims] == [True, False]


def test_a_stream_that_failed_is_named() -> None:
    """An answer that is cut, or a feed that gave up."""
    made = deploy(_returns=EVEN)
    made._failed.update({"answers": 2, "feeds": 0})

    assert made.claims()[0] == Claim("2 answers failed", holds=False)


def test_a_deploy_that_is_not_over_proves_nothing() -> None:
    """The time was too short."""
    assert [claim.holds for claim in deploy(_done=False).claims()] == [False]


@pytest.mark.slow
def test_three_hosts_are_replaced_and_no_reader_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ends its streams in time; whoever comes back finds a host that is ready."""
    monkeypatch.setattr(rolling_deploy, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(rolling_deploy, "DRAIN_SECONDS", 4.0)
    monkeypatch.setattr(drained_apps, "DRAIN_SECONDS", 4.0)
    # An answer takes half of that, or one that has just begun would not be over in time.
    monkeypatch.setattr(drained_apps, "_PAUSE", 0.25)

    async def main() -> None:
        switch = Switch()
        hosts = [Service(FAULT, switch) for _ in range(FAULT.hosts)]
        for host in hosts:
            await host.__aenter__()
        before = [host.metrics for host in hosts]
        made = RollingDeploy(FAULT, switch, hosts)
        async with made.reading():
            await until(lambda: sum(value(m, "sse_concurrent_streams") for m in before) >= 10)
            switch.turn(True)
            await until(lambda: made._done)
            # Before the readers stop: who leaves in the middle of an answer counts as one that
            # failed, for a reason that nobody knows.
            failed = [value(one, "sse_streams_failed_total") for one in before]
        for host in hosts:
            await host.__aexit__()

        assert made.claims()[0].holds
        assert [host.metrics for host in hosts] != before
        closed = [value(one, "sse_streams_closed_total", reason="rotated") for one in before]
        assert [bool(one) for one in closed] == [True, True, True, False]
        assert failed == [0, 0, 0, 0]
        for one in before:
            assert value(one, "sse_streams_closed_total", reason="shutdown") == 0

    asyncio.run(main())
