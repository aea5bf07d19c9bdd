"""The protocols that are known, by the names that a route may give."""

import pytest

from sse_observe import StreamRoute
from sse_observe.protocols import NONE, PROTOCOLS, protocol


def test_each_protocol_is_found_by_the_name_that_a_route_gives() -> None:
    """Each accepted name exists, and `none` is the one that recognises nothing."""
    for name in PROTOCOLS:
        assert protocol(StreamRoute(protocol=name).protocol).name == name
    assert protocol("none") is NONE
    with pytest.raises(KeyError):
        protocol("auto")
