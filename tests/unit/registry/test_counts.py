"""Counts state their metrics where they stand; slots and clearing follow."""

import pytest

from sse_observe.registry.counts import Counts, Distribution, Keyed, moves


class Some(Counts, shared=("route",)):
    """A field of each kind, and one that is no metric."""

    open: int = moves("sse_concurrent_streams")
    lost: int = moves("sse_message_loss_total", seen_by="server")
    cuts: Keyed = moves("sse_cuts_total")
    durations: Distribution = moves("sse_stream_duration_seconds")

    __slots__ = ("label",)


def test_fields_are_kept_by_the_kind_of_their_metric() -> None:
    """A gauge, a number, a dictionary by the labels left over, a distribution."""
    fields = Some.FIELDS

    assert [one.name for one in fields.gauges] == ["open"]
    assert [one.name for one in fields.numbers] == ["lost"]
    assert [one.name for one in fields.keyed] == ["cuts"]
    assert [one.name for one in fields.distributions] == ["durations"]


def test_what_is_no_field_is_refused() -> None:
    """A slip in a field's name is an error at once, not a number that nobody writes."""
    with pytest.raises(AttributeError):
        Some().losd = 1


def test_a_metric_that_does_not_exist_is_refused_at_import() -> None:
    """A field cannot be declared for what nobody exposes."""
    with pytest.raises(KeyError, match="sse_nothing"):

        class Wrong(Counts):
            nothing: int = moves("sse_nothing")


@pytest.mark.parametrize("name", ["lost", "cuts", "durations"])
def test_each_count_alone_is_seen_and_cleared(name: str) -> None:
    """No list is kept by hand in which one could be forgotten."""
    some = Some()
    assert not some.is_touched()

    if name == "lost":
        some.lost += 1
    elif name == "cuts":
        some.cuts["open", "60"] += 1
    else:
        some.durations.add(0.0)
    assert some.is_touched()

    some.clear()
    assert not some.is_touched()


def test_a_gauge_goes_on_showing_what_is_now() -> None:
    """A gauge stays as it is, whatever was written down."""
    some = Some()
    some.open += 2
    some.clear()

    assert some.open == 2
    assert not some.is_touched()


@pytest.mark.parametrize(("value", "at"), [(0.5, 0), (1.0, 0), (1.1, 1), (1e9, -1)])
def test_a_distribution_counts_as_prometheus_does(value: float, at: int) -> None:
    """A bound belongs to its bucket; what is beyond the last is +Inf."""
    found = Distribution((1, 2, 5))
    found.add(value)

    assert found.bins[at] == 1
    assert sum(found.bins) == 1
    assert found.total == value
