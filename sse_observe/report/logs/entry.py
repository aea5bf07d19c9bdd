"""One line of a log, JSON or text, read as foreign input: time, level, logger, message."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from sse_observe.metrics import FAILURES, REASONS

_TIMES = ("timestamp", "@timestamp", "time", "ts", "asctime", "datetime", "date", "t")
_LEVELS = ("level", "levelname", "severity", "lvl", "log.level", "loglevel")
_LOGGERS = ("logger", "logger_name", "log.logger", "name", "channel")
_MESSAGES = ("message", "msg", "event", "log", "text", "body")
_FIELDS = (
    "route",
    "reason",
    "age",
    "silence",
    "events",
    "bytes",
    "suppressed",
    "error",
    "missing",
    "exc_info",
)
_LEVEL_NAMES = {
    "trace": "debug",
    "notice": "info",
    "warn": "warning",
    "err": "error",
    "exception": "error",
    "fatal": "critical",
    "emerg": "critical",
    "alert": "critical",
    "crit": "critical",
    "panic": "critical",
}
_LEVEL = re.compile(
    r"(?i)(?<![\w./])(trace|debug|info|notice|warn(?:ing)?|err(?:or)?|exception|crit(?:ical)?|"
    r"fatal|emerg|panic)(?![\w./])"
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_ISO = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    r" ?(Z|[+-]\d\d:?\d\d)?(?!\w)"
)
_COMMON = re.compile(r"(\d\d)/([A-Za-z]{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ?([+-]\d{4})?")
_SYSLOG = re.compile(r"^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)\b")
_OURS = re.compile(r"\bsse_observe(?:\.\w+)*\b")
_ROUTE = re.compile(r"\broute=(\S+)")
_NO_FAILURES = "|".join(reason for reason in REASONS if reason not in FAILURES)
_ENDED_WELL = re.compile(rf"\breason=(?:{_NO_FAILURES})\b")
# Where in a line its date may stand: after an address, a level, a container's name.
_HEAD = 160


@dataclass(slots=True)
class Entry:
    """One dated line; only our own lines tell `route` and `ended_well`."""

    at: float
    level: str
    logger: str
    text: str
    route: str | None = None
    ended_well: bool = False


def parse(line: str, now: float) -> Entry | None:
    """Return what a line says; None where it has no date. `now` gives syslog its year."""
    if line.lstrip().startswith("{"):
        try:
            found = msgspec.json.decode(line, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return _from_text(line, now)
        return _from_json(found, now)
    return _from_text(line, now)


def _from_json(found: Mapping[str, object], now: float) -> Entry | None:
    keys = {key.lower(): value for key, value in found.items()}
    at = next((at for key in _TIMES if (at := _time(keys.get(key), now)) is not None), None)
    if at is None:
        return None
    message = _first(keys, _MESSAGES)
    extra = keys.get("sse")
    fields = {**keys, **(extra if isinstance(extra, dict) else {})}
    pairs = " ".join(
        f"{name}={value}"
        for name in _FIELDS
        if isinstance(value := fields.get(name), str | int | float) and f"{name}=" not in message
    )
    text = f"{message} {pairs}".strip()
    return _entry(at, _first(keys, _LEVELS), _first(keys, _LOGGERS), text)


def _from_text(line: str, now: float) -> Entry | None:
    at = _date_in(line, now)
    if at is None:
        return None
    level = _LEVEL.search(line[:_HEAD])
    logger = _OURS.search(line[:_HEAD])
    return _entry(at, level[1] if level else "", logger[0] if logger else "", line)


def _entry(at: float, level: str, logger: str, text: str) -> Entry:
    level = level.lower()
    route = _ROUTE.search(text)
    return Entry(
        at,
        _LEVEL_NAMES.get(level, level)[:20],
        logger[:100],
        text,
        route[1] if route else None,
        bool(_ENDED_WELL.search(text)),
    )


def _first(keys: Mapping[str, object], names: Iterable[str]) -> str:
    for name in names:
        value = keys.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return str(value["name"])
    return ""


def _time(value: object, now: float) -> float | None:
    """Read a time as loggers write it: text, or seconds, milliseconds, micro- or nanoseconds."""
    if isinstance(value, str):
        return _date_in(value, now)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number) or number <= 0:
        return None
    for size in (1e9, 1e6, 1e3):
        # Seconds of the year 5138 are 1e11.
        if number / size > 1e8 and number > 1e11:
            return number / size
    return number


def _date_in(line: str, now: float) -> float | None:
    """Return the first date near the start of a line, as Unix time."""
    head = line[:_HEAD]
    try:
        if found := _ISO.search(head):
            fraction = float(f"0.{found[7] or 0}")
            return _unix(*map(int, found.groups()[:6]), zone=found[8]) + fraction
        if found := _COMMON.search(head):
            clock = map(int, found.group(4, 5, 6))
            return _unix(int(found[3]), _month(found[2]), int(found[1]), *clock, zone=found[7])
        if found := _SYSLOG.search(head):
            year, rest = datetime.fromtimestamp(now, UTC).year, found.group(2, 3, 4, 5)
            at = _unix(year, _month(found[1]), *map(int, rest))
            # December's lines, read in January.
            return _unix(year - 1, _month(found[1]), *map(int, rest)) if at > now + 86400 else at
    except (ValueError, OverflowError):
        return None
    return None


def _month(name: str) -> int:
    return _MONTHS.index(name.lower()) + 1


def _unix(*parts: int, zone: str | None = None) -> float:
    """Return Unix time from year to second, in a zone like `+02:00`; without one in UTC."""
    year, month, day, hour, minute, second = parts
    # A leap second is none to Python.
    at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    if zone is None or zone == "Z":
        return at
    digits = zone[1:].replace(":", "")
    offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return at - offset if zone[0] == "+" else at + offset
