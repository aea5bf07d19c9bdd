"""Options of `RedisStore` that can never work."""

import pytest

from sse_observe.errors import SettingsError
from sse_observe.reference.redis.options import check_options


def test_a_time_of_nothing_is_refused_by_name() -> None:
    """A lease of no time would lose every producer."""
    with pytest.raises(SettingsError, match=r"RedisStore: lease_seconds=0; give more than 0"):
        check_options("p:", lease_seconds=0, timeout_seconds=2)


def test_a_prefix_cannot_name_a_slot() -> None:
    """In a cluster a brace in the prefix would put all streams on one node."""
    with pytest.raises(SettingsError, match="holds a brace"):
        check_options("p{x}:", lease_seconds=15)
