"""Lines of a log: foreign input in every shape, as an entry or none."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_observe.report.logs.entry import parse

NOON = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize(
    ("line", "at", "level"),
    [
        ("2026-09-21 14:00:01,500 WARNING app late", 1_789_999_201.5, "warning"),
        ("2026-09-21T16:00:01+02:00 ERROR app late", 1_789_999_201.0, "error"),
        ("2026/09/21 14:00:01 [error] 31#31: late", 1_789_999_201.0, "error"),
        ("Sep 21 14:00:01 host app: late", 1_789_999_201.0, ""),
        ('h - - [21/Sep/2026:14:00:01 +0000] "GET / HTTP/1.1" 502 0', 1_789_999_201.0, ""),
        ('{"ts": 1789999201.25, "lvl": "warn", "msg": "late"}', 1_789_999_201.25, "warning"),
        ('{"time": 1789999201250, "severity": "ERROR"}', 1_789_999_201.25, "error"),
        ('{"@timestamp": "2026-09-21T14:00:01Z", "log": {}}', 1_789_999_201.0, ""),
        ('{"levelname": "INFO", "asctime": "2026-09-21 14:00:01"}', 1_789_999_201.0, "info"),
    ],
)
def test_loggers_write_their_time_in_many_ways(line: str, at: float, level: str) -> None:
    """Python's own, nginx', syslog's, an access log's, and JSON in seconds or milliseconds."""
    entry = parse(line, NOON)

    assert entry is not None
    assert (entry.at, entry.level) == (pytest.approx(at), level)


def test_lines_of_last_december_are_not_of_next() -> None:
    """Syslog writes no year; what would lie in the future was last year."""
    january = 1_798_848_000.0  # 2027-01-02

    entry = parse("Dec 31 23:59:59 host app: error", january)

    assert entry is not None
    assert entry.at == 1_798_761_599.0


@settings(max_examples=15)
@given(
    st.dictionaries(
        st.sampled_from(["time", "ts", "level", "msg", "logger", "sse", "route", "name"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ),
    )
)
def test_any_json_is_an_entry_or_none(found: dict[str, object]) -> None:
    """A value of a kind that nobody expected is no fault."""
    entry = parse(json.dumps(found), NOON)

    assert entry is None or isinstance(entry.text, str)
