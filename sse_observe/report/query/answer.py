"""What a Prometheus API answers, read as foreign input: series of numbers, and its warnings."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

MOST_SERIES = 200
"""Series kept of one answer; the catalogue's queries return at most 50."""

# A route's template is shorter; a value that is longer was not meant to be read.
_LONGEST = 200

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and its finite values as (Unix time, value), oldest first."""

    labels: Mapping[str, str]
    points: Points

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The series of one query, and what the API says about them being incomplete.

    `answered` is False where nobody knows what the series would have been.
    """

    series: tuple[Series, ...] = ()
    warning: str = ""
    answered: bool = True


class AnswerError(Exception):
    """An answer says that the query failed, or is no answer of a Prometheus API."""


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
    # VictoriaMetrics' way to say it.
    isPartial: bool | None = None  # noqa: N815


def read(body: bytes) -> Answer:
    """Return the series of an answer; AnswerError where it holds none."""
    try:
        found = msgspec.json.decode(body, type=_Answer)
        if found.status != "success" or found.data is None:
            raise AnswerError(found.error or f"status {found.status!r} without data")
        rows = _rows(found.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(f"no answer of a Prometheus API ({error})") from None
    series = [
        Series({key: value[:_LONGEST] for key, value in row.metric.items()}, points)
        for row in rows
        if (points := _points([*row.values, *([row.value] if row.value else [])]))
    ]
    # Remarks on PromQL, which some do not tell from warnings, leave nothing out.
    warnings = [text for text in found.warnings or () if not text.startswith("PromQL info")]
    warning = "; ".join(warnings[:3])
    if found.isPartial:
        warning = warning or "some of its storage did not answer"
    if len(series) > MOST_SERIES:
        warning = warning or f"{len(series)} series, the first {MOST_SERIES} are kept"
    return Answer(tuple(series[:MOST_SERIES]), warning)


def _rows(data: _Data) -> list[_Row]:
    if data.resultType in ("scalar", "string"):
        return [_Row(value=msgspec.json.decode(data.result, type=tuple[float, str]))]
    # What is empty is null to some.
    return msgspec.json.decode(data.result, type=list[_Row] | None) or []


def _points(pairs: Iterable[tuple[float, str]]) -> Points:
    points = []
    for at, text in pairs:
        try:
            value = float(text)
        except ValueError:
            raise AnswerError(f"{text[:40]!r} is no number") from None
        # NaN and infinity can be neither drawn nor compared: nothing was measured.
        if math.isfinite(value) and math.isfinite(at):
            points.append((at, value))
    return tuple(sorted(points))
