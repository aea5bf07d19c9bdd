"""The window of a report: what people write for it, and how many points it has."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_observe.errors import ReportError
from sse_observe.report.window import MOST_POINTS, Window, parse_window

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("text", "until", "start", "end"),
    [
        ("24h", None, NOW - 86400, NOW),
        ("1h30m", "30m", NOW - 5400, NOW - 1800),
        ("2026-09-21T00:00", None, 1_789_948_800.0, NOW),
        ("2026-09-21T02:00+02:00", "2026-09-21T01:00Z", 1_789_948_800.0, 1_789_952_400.0),
    ],
)
def test_a_window_is_a_duration_or_a_time(
    text: str, until: str | None, start: float, end: float
) -> None:
    """Both ends may be either; a time without a zone is UTC."""
    found = parse_window(text, until, NOW, 30)

    assert found.end == end
    assert start <= found.start < start + found.step


@pytest.mark.parametrize(
    ("text", "until", "words"),
    [
        ("3 parsecs", None, "--since '3 parsecs': neither a duration nor a time"),
        ("", None, "neither"),
        ("30s", None, "the window is 30 s long; choose one of at least a minute"),
        ("1h", "2h", "not before --until 2h"),
        ("2030-01-01", None, "not before now"),
        ("1h", "2030-01-01", "in the future"),
        ("99y", None, "over 400 days"),
        ("0001-01-01", None, "over 400 days"),
        ("9" * 400 + "y", None, "over 400 days"),
    ],
)
def test_what_is_no_window_is_refused_in_one_line(text: str, until: str | None, words: str) -> None:
    """The option, what is wrong with it, and how to write it."""
    with pytest.raises(ReportError, match=words) as caught:
        parse_window(text, until, NOW, 30)

    assert len(str(caught.value).splitlines()) == 1


@settings(max_examples=40)
@given(st.text() | st.from_regex(r"\d{1,9}(ms|[smhdwy])", fullmatch=True) | st.datetimes().map(str))
@example("٣h")
@example("1e5")
def test_anything_is_read_or_refused(text: str) -> None:
    """Any text gives a window within bounds, or one line."""
    try:
        found = parse_window(text, None, NOW, 30)
    except ReportError as error:
        assert "--since" in str(error)  # noqa: PT017  (either outcome is right)
    else:
        assert 60 - found.step <= found.seconds <= 400 * 86400
        assert found.points <= MOST_POINTS + 1


@settings(max_examples=40)
@given(st.floats(60, 400 * 86400), st.floats(0.1, 300))
def test_points_are_few_and_the_last_is_the_end(length: float, finest: float) -> None:
    """Never finer than the rules are evaluated, never more points than a chart can show."""
    found = Window.fitting(NOW - length, NOW, finest)

    assert found.step >= finest
    assert found.points <= MOST_POINTS + 1
    assert found.index_of(found.end) == found.points - 1
    assert found.index_of(found.start) == 0
    assert found.index_of(found.end + found.step) is None
