"""Prometheus durations: `90s`, `1h30m`, `3d` as seconds, and seconds as a duration."""

import re
from functools import lru_cache

# Prometheus' own units, largest first; a year has 365 days there.
_UNITS = {"y": 31536000.0, "w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_SHAPE = re.compile(
    r"(?=\d)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?"
)


# A catalogue says the same few hundred times over.
@lru_cache(1024)
def seconds(text: str) -> float:
    """Return the length of a duration; ValueError where it is none, or empty."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f"{text!r} is no duration; write it like 90s, 5m or 1h30m")
    *whole, milliseconds = (float(part or 0) for part in shape.groups())
    total = sum(part * unit for part, unit in zip(whole, _UNITS.values(), strict=True))
    total += milliseconds / 1000
    if not total:
        raise ValueError(f"{text!r} is zero; write it like 90s, 5m or 1h30m")
    return total


@lru_cache(1024)
def duration(length: float) -> str:
    """Write seconds as people do: `5m`, `90m` as `1h30m`, to the millisecond."""
    rest = round(length * 1000)
    parts = []
    for unit, size in _UNITS.items():
        # Days are the largest unit that everybody reads at once: 14d, not 2w.
        if unit in "yw":
            continue
        count, rest = divmod(rest, int(size * 1000))
        parts += [f"{count}{unit}"] if count else []
    parts += [f"{rest}ms"] if rest or not parts else []
    return "".join(parts)
