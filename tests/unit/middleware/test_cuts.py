"""Cuts are named by the well-known limit that they sit at."""

import pytest

from sse_observe.metrics import OTHER
from sse_observe.middleware.cuts import limit_of


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [
        (9.4, OTHER),
        (10, "10"),
        (30.2, "30"),
        (60.9, "60"),
        (301.5, "300"),
        (3650, "3600"),
        (5000, OTHER),
    ],
)
def test_cuts_are_named_by_the_limit_they_sit_at(seconds, limit):
    """A proxy cuts at its limit or a little later."""
    assert limit_of(seconds) == limit
