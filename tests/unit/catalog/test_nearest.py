"""The remedy for a name that does not exist."""

from sse_observe.catalog.nearest import did_you_mean


def test_the_nearest_name_is_asked_for() -> None:
    """A slip of one letter gets the name that was meant."""
    assert did_you_mean("ngnix", ["haproxy", "nginx"]) == "did you mean nginx?"


def test_where_nothing_is_near_the_alternative_is_the_remedy() -> None:
    """A wild guess would mislead."""
    assert did_you_mean("zzz", ["haproxy", "nginx"], "known are two") == "known are two"
    assert did_you_mean("zzz", []) == ""
