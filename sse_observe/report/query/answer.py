"""
Answers of a Prometheus API, read as foreign input: series of numbers, and its warnings.

Knows the format of `/api/v1`; knows no query and no transport.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

MOST_SERIES = 200
"""Series kept of one answer; the catalogue's queries return at most 50."""

# A route's template is shorter; a value that is longer was not meant to be read.
_LONGEST = 200


class Point(NamedTuple):
    """One value of a series, at a Unix time."""

    at: float
    value: float


Points = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and its finite values, oldest first."""

    labels: Mapping[str, str]
    points: Points

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1].value


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The series of one query; `warning` is set where the API says that some are missing.

    `answered` is False where the query failed: no series means nothing then.
    """

    series: tuple[Series, ...] = ()
    warning: str = ""
    answered: bool = True


class AnswerError(Exception):
    """An answer says that the query failed, or is not in the format of a Prometheus API."""


class _Row(msgspec.Struct):
    metric: dict[str, str] = {}
    values: list[tuple[float, str]] = []
    value: tuple[float, str] | None = None


class _Data(msgspec.Struct):
    resultType: str = ""  # noqa: N815  (Prometheus' own spelling)
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Answer(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str | None = None
    warnings: list[str] | None = None
    # VictoriaMetrics sets this instead of a warning.
    isPartial: bool | None = None  # noqa: N815


def read_answer(body: bytes) -> Answer:
    """Return the series of an answer; AnswerError where it has none to read."""
    try:
        found = msgspec.json.decode(body, type=_Answer)
        if found.status != "success" or found.data is None:
            raise AnswerError(found.error or f"status {found.status!r} without data")
        rows = _rows(found.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"not an answer of a Prometheus API ({error})") from None
    series = [
        Series({key: value[:_LONGEST] for key, value in row.metric.items()}, points)
        for row in rows
        if (points := _points([*row.values, *([row.value] if row.value else [])]))
    ]
    # Some stores list remarks on PromQL among the warnings; no series is missing then.
    warnings = [text for text in found.warnings or () if not text.startswith("PromQL info")]
    warning = "; ".join(warnings[:3])
    if found.isPartial:
        warning = warning or "some of its storage did not answer"
    if len(series) > MOST_SERIES:
        warning = warning or f"{len(series)} series, only the first {MOST_SERIES} are kept"
    return Answer(tuple(series[:MOST_SERIES]), warning)


def _rows(data: _Data) -> list[_Row]:
    if data.resultType in ("scalar", "string"):
        return [_Row(value=msgspec.json.decode(data.result, type=tuple[float, str]))]
    # Thanos writes null for an empty list.
    return msgspec.json.decode(data.result, type=list[_Row] | None) or []


def _points(pairs: Iterable[tuple[float, str]]) -> Points:
    points = []
    for at, text in pairs:
        try:
            value = float(text)
        except ValueError:
            raise AnswerError(f"{text[:40]!r} is not a number") from None
        # NaN and infinity can be neither drawn nor compared: nothing was measured.
        if math.isfinite(value) and math.isfinite(at):
            points.append(Point(at, value))
    return tuple(sorted(points))
