"""Signals find their groups by what they read: groups stay small, and differences whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert, Interval, Signal, Window
from sse_observe.catalog.placement import MOST_RULES, Placement
from sse_observe.catalog.signals.recordings import SIGNALS

CATALOG = load()
PLACEMENT = Placement(SIGNALS)


def signal(name: str, expr: str, *, topic: str = "t", interval: Interval = "usual") -> Signal:
    return Signal(
        record=f"route:sse_{name}", expr=expr, unit="count", help="", topic=topic, interval=interval
    )


def raw(name: str, *, topic: str = "t", interval: Interval = "usual") -> Signal:
    return signal(name, "sum(sse_concurrent_streams)", topic=topic, interval=interval)


def alert(terms: list[str], hold_for: str, windows: tuple[Window, ...] = ()) -> Alert:
    """Return one of the catalogue's alerts with other terms."""
    page = next(page for page in CATALOG.alerts if page.guards)
    own, *others = terms
    guards = tuple(type(page.guards[0])(signal=other, compare=">", threshold=0) for other in others)
    return Alert(
        **{
            **{name: getattr(page, name) for name in page.__slots__},
            "signal": own,
            "guards": guards,
            "hold_for": hold_for,
            "windows": windows,
        }
    )


def test_every_ruler_takes_the_groups() -> None:
    """Twenty rules and forty characters at most, as Mimir and Grafana Cloud want it."""
    for group in PLACEMENT.groups:
        assert 0 < len(group.signals) <= MOST_RULES
        assert len(group.name) <= 40
        assert {each.interval for each in group.signals} == {group.interval}
    assert sum(len(group.signals) for group in PLACEMENT.groups) == len(SIGNALS)


@pytest.mark.parametrize("record", [each.record for each in SIGNALS])
def test_every_signal_may_stand_where_it_does(record: str) -> None:
    """For each rule it is proven why the age of what it reads does no harm."""
    assert PLACEMENT.standing(record) is not None


def test_lost_streams_are_seen_at_one_timestamp() -> None:
    """The change of open streams and all that it is compared with, down to the counters."""
    lost = PLACEMENT.group_of("route:sse_streams_lost:rate5m")

    for name in (
        "route:sse_streams_open:sum",
        "route:sse_streams_started:rate5m",
        "route:sse_streams_completed:rate5m",
        "route_split:sse_streams_started:rate5m",
        "route_split:sse_streams_opened:rate5m",
        "route_split:sse_client_streams:rate5m",
    ):
        assert PLACEMENT.group_of(name) == lost


def test_rules_of_a_group_keep_their_order() -> None:
    """A signal comes after those that it reads."""
    order = [each.record for each in SIGNALS]
    for group in PLACEMENT.groups:
        ranks = [order.index(each.record) for each in group.signals]
        assert ranks == sorted(ranks)


def test_ratio_stands_with_its_parts_and_a_full_topic_goes_on() -> None:
    """A ratio comes first, with its parts; what stands alone fills the room that is left."""
    singles = [raw(f"x{i}:sum") for i in range(MOST_RULES - 1)]
    parts = [raw("a:rate5m"), raw("b:rate5m")]
    ratio = signal("c:ratio_rate5m", "route:sse_a:rate5m / (route:sse_b:rate5m > 0)")

    placed = Placement([*singles, *parts, ratio])

    assert [group.name for group in placed.groups] == ["sse-t", "sse-t-2"]
    assert [len(group.signals) for group in placed.groups] == [MOST_RULES, 2]
    assert placed.standing(ratio.record) == "together"
    assert list(placed.problems()) == []


def test_slow_topic_has_groups_of_its_own() -> None:
    """Two intervals are two groups."""
    placed = Placement([raw("a:sum"), raw("b:sum", interval="slow")])

    assert [group.name for group in placed.groups] == ["sse-t", "sse-t-slow"]


def test_value_of_one_other_group_is_only_later() -> None:
    """A signal that reads one thing says the same an interval later."""
    deep = [raw(f"x{i}:rate5m", topic="a") for i in range(MOST_RULES)]
    reader = signal("y:rate5m", "2 * route:sse_x3:rate5m", topic="b")

    placed = Placement([*deep, reader])

    assert placed.group_of(reader.record) == "sse-b"
    assert placed.standing(reader.record) == "late"


def test_difference_over_two_intervals_is_refused() -> None:
    """A fresh number minus one of two minutes ago is no difference of one instant."""
    old, new = raw("a:rate5m", interval="slow"), raw("b:rate5m")
    bad = signal("c:rate5m", "route:sse_b:rate5m - route:sse_a:rate5m")

    placed = Placement([old, new, bad])

    assert placed.standing(bad.record) is None
    assert "record them at one interval" in next(placed.problems())


def test_difference_may_be_uneven_if_only_long_stretches_of_it_are_read() -> None:
    """An average over an hour does not show two minutes."""
    old, new = raw("a:rate5m", interval="slow"), raw("b:rate5m")
    uneven = signal("c:rate5m", "route:sse_b:rate5m - route:sse_a:rate5m")
    mean = signal("d:rate1h", "avg_over_time(route:sse_c:rate5m[<< w('1h') >>])")

    placed = Placement([old, new, uneven, mean])

    assert placed.standing(uneven.record) == "averaged"
    assert placed.standing(mean.record) == "smooth"
    [problem] = placed.alert_problems(alert([uneven.record], "5m"))
    assert "recorded for signals over longer stretches" in problem


def test_too_many_at_one_instant_are_refused() -> None:
    """A ruler that takes twenty rules cannot evaluate thirty at one timestamp."""
    parts = [raw(f"x{i}:rate5m") for i in range(30)]
    whole = signal("y:rate5m", " + ".join(part.record for part in parts))

    [problem, *_] = Placement([*parts, whole]).problems()

    assert "31 signals compare each other at one instant" in problem


def test_alert_over_two_groups_waits_for_an_interval() -> None:
    """A difference in age lasts one evaluation: `for` outlives it."""
    full = [raw(f"x{i}:rate5m", topic="a") for i in range(MOST_RULES)]
    other = raw("y:rate5m", topic="b")
    placed = Placement([*full, other])

    [problem] = placed.alert_problems(alert([full[0].record, other.record], "30s"))

    assert problem.startswith("for: 30s: ")
    assert list(placed.alert_problems(alert([full[0].record, other.record], "1m"))) == []
    assert list(placed.alert_problems(alert([full[0].record, full[1].record], "30s"))) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 30), max_size=3)), max_size=60
    )
)
def test_any_catalogue_is_placed_whole(given_signals: list[tuple[str, list[int]]]) -> None:
    """Every signal stands in one group, and only what must be together makes one too long."""
    signals: list[Signal] = []
    for rank, (topic, reads) in enumerate(given_signals):
        known = [signals[read].record for read in reads if read < rank]
        expr = " + ".join(known) or "sum(sse_concurrent_streams)"
        signals.append(signal(f"x{rank}:rate5m", expr, topic=topic))

    placed = Placement(signals)

    assert sorted(s.record for g in placed.groups for s in g.signals) == sorted(
        s.record for s in signals
    )
    assert len({group.name for group in placed.groups}) == len(placed.groups)
    for each in signals:
        assert placed.standing(each.record) is not None
