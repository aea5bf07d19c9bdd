"""The choice of a viewer, as an address says it."""

import pytest

from sse_observe.boards.choice import REFRESH_SECONDS, Choice, read_choice
from sse_observe.errors import ReportError


def test_an_address_of_grafana_is_understood() -> None:
    """The link in an alert opens our board as it opens Grafana's; unknown variables are left."""
    found = read_choice(b"var-job=chat&var-route=%2Fv1%2Fchat&from=now-6h&to=now&open=Depth")

    assert found == Choice("now-6h", "now", "/v1/chat", frozenset({"Depth"}))
    assert read_choice(b"var-route=$__all") == read_choice(b"") == Choice()
    assert read_choice(b"", "now-5m").since == "now-5m"


def test_a_range_ends_where_all_viewers_see_the_same() -> None:
    """Two who ask within one refresh share a window, and so the answers."""
    early, late = (Choice("now-1h").window(1_000_000 + after, 30) for after in (0.1, 4.9))

    assert early == late
    assert early.end % REFRESH_SECONDS == 0
    assert early.seconds == 3600
    assert Choice("now-1h").window(1_000_000, 60).step == 60


def test_a_time_that_is_past_stays_where_it_is() -> None:
    """Milliseconds are absolute, and nothing is asked of the future."""
    window = Choice("1000000000000", "1000003600000").window(2_000_000_000, 30)

    assert (window.start, window.end) == (1_000_000_000, 1_000_003_600)
    assert Choice("now-1h", "9999999999999").window(1_000_000, 30).end == 1_000_000


@pytest.mark.parametrize(
    "query",
    [
        b"from=yesterday",
        b"from=now-",
        b"from=now-1s",
        b"from=now-9999999d",
        b"from=now&to=now-1h",
        b"from=1e9",
        b"from=%00",
        b"from=\xff",
        b"from=now-" + b"9" * 400 + b"h",
    ],
)
def test_what_is_no_range_is_one_line(query: bytes) -> None:
    """A viewer is told what to write, whatever stands there."""
    with pytest.raises(ReportError) as refused:
        read_choice(query).window(1_000_000_000, 30)

    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize("query", [b"a" * 5000, b"&".join([b"open=a"] * 100)])
def test_an_address_has_bounds(query: bytes) -> None:
    """An address of any length is refused in one line."""
    with pytest.raises(ReportError, match="open the board anew"):
        read_choice(query)
