"""Limits: how much strangers may send, in constant memory."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.beacon import Limits, beacon_app
from sse_observe.beacon.limits import Buckets
from sse_observe.errors import SettingsError
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.reporting import ROUTE, SECRET, post, results


def test_each_token_each_address_and_everyone_have_a_limit(clock: Clock) -> None:
    """One tab, one address, the whole world; and after a while more is allowed again."""
    for name, spread in (("token", False), ("address", False), ("everyone", True)):
        metrics = SSEMetrics(CollectorRegistry())
        wide = {"token": (9, 99), "address": (9, 99), "everyone": (9, 99), name: (1, 3)}
        app = beacon_app(metrics, secret=SECRET, limits=Limits(**wide), clock=clock)
        tokens = [app.issue(ROUTE, "all", "4g") for _ in range(5)]

        def report(n: int, app: Any = app, tokens: Any = tokens, spread: bool = spread) -> int:
            client = (f"192.0.2.{n if spread else 1}", 1)
            return post(app, {"token": tokens[0], "n": n + 1}, client=client).status

        assert [report(n) for n in range(5)] == [204, 204, 204, 429, 429], name
        clock.tick(1)
        assert report(5) == 204, name
        assert results(metrics) == {"accepted": 4, "rate_limited": 2}


def test_an_address_that_floods_does_not_use_up_everyones_limit(
    metrics: SSEMetrics, clock: Clock
) -> None:
    """The address is asked first."""
    limits = Limits(address=(1, 2), everyone=(1, 4))
    app = beacon_app(metrics, secret=SECRET, limits=limits, clock=clock)
    for _ in range(50):
        post(app, b"", client=("192.0.2.1", 1))

    assert post(app, b"", client=("192.0.2.2", 1)).status == 400


def test_what_is_remembered_of_strangers_has_a_bound(clock: Clock) -> None:
    """Ten thousand keys, however many come; the one that still asks is none of the forgotten."""
    buckets = Buckets((0.001, 5), clock, most=10)

    allowed = [buckets.take("often") for n in range(1000) if buckets.take(f"address {n}")]

    assert len(buckets) == 10
    assert sum(allowed) == 5


def test_limits_that_let_nothing_through_are_refused() -> None:
    """A rate of 0 is a mistake, not a way to switch reports off."""
    with pytest.raises(SettingsError, match="address"):
        Limits(address=(0, 10))
