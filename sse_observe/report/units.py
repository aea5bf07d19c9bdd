"""
Numbers and times as a reader wants them: with their unit, and no more digits than count.

Knows the units of the catalogue; knows no panel and no alert.
"""

from datetime import UTC, datetime

from sse_observe.catalog.durations import duration

_RATES = {"operations/s": "/s", "requests/s": "/s", "events/s": "/s", "per minute": "/min"}
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def format_value(value: float, unit: str, decimals: int | None = None) -> str:
    """Write a value in one of the catalogue's units."""
    if unit == "ratio":
        return f"{_plain(100 * value, 2 if decimals is None else decimals)} %"
    if unit == "percent":
        return f"{_plain(value, 2 if decimals is None else decimals)} %"
    if unit == "seconds":
        return _seconds(value)
    if unit in ("bytes", "bytes/s"):
        return _size(value) + ("/s" if unit == "bytes/s" else "")
    return f"{_count(value)}{_RATES.get(unit, '')}"


def format_time(at: float, *, day: bool = True, seconds: bool = True) -> str:
    """Write Unix time in UTC; without the day where all of a report lies within one."""
    shape = f"{'%Y-%m-%d ' if day else ''}%H:%M{':%S' if seconds else ''}"
    return datetime.fromtimestamp(at, UTC).strftime(shape)


def format_duration(seconds: float) -> str:
    """Write a length of time roughly: its two largest units."""
    if seconds >= 86400:
        return duration(round(seconds / 3600) * 3600)
    if seconds >= 3600:
        return duration(round(seconds / 60) * 60)
    return duration(max(1, round(seconds)))


def _plain(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text[1:] if float(text) == 0 and text.startswith("-") else text


def _seconds(value: float) -> str:
    if abs(value) < 1:
        return f"{_plain(1000 * value, 0 if abs(value) >= 0.01 else 1)} ms"
    return f"{_plain(value, 2)} s" if abs(value) < 90 else duration(round(value))


def _size(value: float) -> str:
    size = 0
    while abs(value) >= 1024 and size < len(_SIZES) - 1:
        value /= 1024
        size += 1
    return f"{_count(value)} {_SIZES[size]}"


def _count(value: float) -> str:
    # 12345 is 12.3 k; up to 9999 all digits are shown.
    for least, size, sign in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= least:
            return f"{value / size:.3g}{sign}"
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"
