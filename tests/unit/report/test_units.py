"""Numbers and times as a reader wants them: with their unit, and no more digits than count."""

import pytest

from sse_observe.report.units import format_duration, format_time, format_value


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.99871, "ratio", "99.87 %"),
        (-0.00001, "ratio", "0.00 %"),
        (0.0042, "seconds", "4.2 ms"),
        (7.5, "seconds", "7.50 s"),
        (5400.0, "seconds", "1h30m"),
        (1536.0, "bytes", "1.5 KiB"),
        (2_500_000.0, "short count", "2.5 M"),
        (12_345.0, "events/s", "12.3 k/s"),
        (0.0312, "operations/s", "0.0312/s"),
    ],
)
def test_numbers_have_the_unit_that_a_person_would_say(value: float, unit: str, words: str) -> None:
    """As many digits as count, and the unit of the panel."""
    assert format_value(value, unit) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1s"), (59.6, "1m"), (3725, "1h2m"), (93_725, "1d2h")]
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, words: str) -> None:
    """Seconds of a day are of no use to anybody."""
    assert format_duration(seconds) == words


def test_a_time_is_written_in_utc_as_finely_as_asked() -> None:
    """Within one day the date is left out."""
    assert format_time(1_790_000_000) == "2026-09-21 14:13:20"
    assert format_time(1_790_000_000, day=False) == "14:13:20"
    assert format_time(1_790_000_000, seconds=False) == "2026-09-21 14:13"
