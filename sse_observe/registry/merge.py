"""
The numbers of many processes, added up as prometheus_client adds them and written as it writes.

What is added to what is found out once, and again when a series is new. Knows files and
families; whose files count is decided elsewhere.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from sse_observe.registry.families import LazyMetric, go_string, head_of
from sse_observe.registry.value_file import FileName, Labels, ValueFile

_LOGGER = logging.getLogger("sse_observe")
_SUM = ("", "sum", "livesum")
_OF_EACH = ("all", "liveall")
# The event loop runs on beside this thread: it is let in after each millisecond or two.
_AT_ONCE = 500
# A folder that fills with such files must not fill the log.
_MOST_NAMED = 100

Numbers = list[float | None]


class Merge:
    """The files of one directory, as far as the last reading came to know them."""

    def __init__(self) -> None:
        self._files: dict[Path, ValueFile] = {}
        self._unreadable: set[Path] = set()
        self._state: list[tuple[Path, int, int]] = []
        self._shown: list[Path] = []
        self._plan = _Plan(())

    def families(self, paths: Iterable[tuple[Path, FileName]]) -> list[Metric]:
        """Return the families of these files; what cannot be read is left out, and named once."""
        files = [file for path, name in paths if (file := self._read(path, name)) is not None]
        self._files = {file.path: file for file in files}
        state = [(file.path, file.inode, len(file.names)) for file in files]
        if state != self._state:
            self._plan, shown = self._planned(files)
            self._state, self._shown = state, [file.path for file in shown]
        files = [self._files[path] for path in self._shown]
        return _mixed(files) if self._plan.is_mixed else self._plan.families(files)

    def _read(self, path: Path, name: FileName) -> ValueFile | None:
        file = self._files.get(path) or ValueFile(path, name)
        try:
            file.read()
            time.sleep(0)
        except FileNotFoundError:
            # Its process was forgotten since the folder was listed.
            return None
        except Exception as error:  # noqa: BLE001 - whatever is in it, the others count
            self._leave_out(path, error)
            return None
        return file

    def _planned(self, files: list[ValueFile]) -> "tuple[_Plan, list[ValueFile]]":
        """Return the plan of the files whose names can be shown together, and these."""
        try:
            return _checked(files), files
        except Exception:  # noqa: BLE001 - one of them; each is asked
            fit: list[ValueFile] = []
            for file in files:
                try:
                    _checked([*fit, file])
                except Exception as error:  # noqa: BLE001 - whatever is in it, the others count
                    self._leave_out(file.path, error)
                else:
                    fit.append(file)
            return _Plan(fit), fit

    def _leave_out(self, path: Path, error: Exception) -> None:
        if path not in self._unreadable and len(self._unreadable) < _MOST_NAMED:
            self._unreadable.add(path)
            text = "%s cannot be read, and what it counted is missing: %s; delete it"
            _LOGGER.error(text, path, error)


def _mixed(files: Iterable[ValueFile]) -> list[Metric]:
    """Return families of which one name is of several kinds: whatever prometheus_client makes."""
    return list(MultiProcessCollector.merge([str(file.path) for file in files]))  # type: ignore[no-untyped-call]


def _checked(files: list[ValueFile]) -> "_Plan":
    """Return the plan of files; raise whatever their names lead to."""
    plan = _Plan(files)
    if plan.is_mixed:
        _mixed(files)
    return plan


class _Plan:
    """
    Which numbers of which file make up which line.

    Each series has one place in a list of numbers, the same for all files that know it.
    """

    def __init__(self, files: Iterable[ValueFile]) -> None:
        self.is_mixed = False
        self._places: dict[Path, list[int]] = {}
        self._empty: Numbers = []
        known: dict[tuple[str, str, Labels], int] = {}
        drafts: dict[str, _Draft] = {}
        for file in files:
            places = self._places[file.path] = []
            more = (("pid", file.owner),) if file.mode in _OF_EACH else ()
            for at, (family, text, name, labels) in enumerate(file.names):
                draft = drafts.get(family)
                if draft is None:
                    draft = drafts[family] = _Draft(family, text, file)
                self.is_mixed |= not draft.is_of(file)
                place = known.setdefault((family, name, labels + more), len(known))
                if place == len(self._empty):
                    self._empty.append(0.0 if file.mode in _SUM else None)
                    draft.add(name, labels + more, place)
                places.append(place)
                if not at % _AT_ONCE:
                    time.sleep(0)
        self.is_mixed |= any(draft.is_mixed for draft in drafts.values())
        self._families = [(draft.bare, draft.series()) for draft in drafts.values()]

    def families(self, files: Iterable[ValueFile]) -> list[Metric]:
        """Return the families with the numbers that the files hold."""
        numbers = self._empty.copy()
        latest: defaultdict[int, float] = defaultdict(float)
        for file in files:
            _take(file, self._places[file.path], numbers, latest)
            time.sleep(0)
        return [
            LazyMetric(bare.name, bare.documentation, bare.type, _Numbered(series, numbers))
            for bare, series in self._families
        ]


def _take(
    file: ValueFile, places: list[int], numbers: Numbers, latest: defaultdict[int, float]
) -> None:
    """Take in a file's numbers, in the way of its mode."""
    mode, pairs = file.mode.removeprefix("live"), zip(places, file.values, strict=True)
    if mode in _SUM:
        for place, value in pairs:
            numbers[place] += value  # type: ignore[operator]
    elif mode == "mostrecent":
        for (place, value), at in zip(pairs, file.times, strict=True):
            if latest[place] < at:
                numbers[place], latest[place] = value, at
    else:
        for place, value in pairs:
            before = numbers[place]
            if (
                before is None
                or mode == "all"
                or (mode == "min" and value < before)
                or (mode == "max" and value > before)
            ):
                numbers[place] = value


class _Series(Protocol):
    """One or some lines that are written together."""

    def lines(self, numbers: Numbers) -> str:
        """Return them with these numbers."""

    def samples(self, numbers: Numbers) -> Iterator[Sample]:
        """Yield them as samples."""


class _Single:
    """One line."""

    __slots__ = ("_labels", "_name", "_place", "_start")

    def __init__(self, name: str, labels: Labels, place: int) -> None:
        self._name, self._labels, self._place = name, labels, place
        self._start = head_of(name, dict(labels))

    def lines(self, numbers: Numbers) -> str:
        number = numbers[self._place]
        return "" if number is None else f"{self._start}{go_string(number)}\n"

    def samples(self, numbers: Numbers) -> Iterator[Sample]:
        number = numbers[self._place]
        if number is not None:
            yield Sample(self._name, dict(self._labels), number)


class _Distribution:
    """The lines of one histogram; most have not moved since the last time."""

    __slots__ = ("_names", "_places", "_shown", "_singles", "_starts", "_text")

    def __init__(
        self, family: str, labels: Labels, singles: list[_Single], bounds: dict[float, int]
    ) -> None:
        self._singles = singles
        self._places = [bounds[bound] for bound in sorted(bounds)]
        each = [
            (f"{family}_bucket", {**dict(labels), "le": go_string(bound)})
            for bound in sorted(bounds)
        ]
        self._names = [*each, (f"{family}_count", dict(labels))] if each else []
        self._starts = [head_of(name, labels) for name, labels in self._names]
        self._shown: Numbers | None = None
        self._text = ""

    def lines(self, numbers: Numbers) -> str:
        now = [numbers[place] for place in self._places]
        if now != self._shown:
            written = zip(self._starts, self._sums(now), strict=True)
            self._text = "".join(f"{start}{go_string(total)}\n" for start, total in written)
            self._shown = now
        return "".join(single.lines(numbers) for single in self._singles) + self._text

    def samples(self, numbers: Numbers) -> Iterator[Sample]:
        for single in self._singles:
            yield from single.samples(numbers)
        sums = self._sums([numbers[place] for place in self._places])
        for (name, labels), total in zip(self._names, sums, strict=True):
            yield Sample(name, labels, total)

    def _sums(self, now: Numbers) -> list[float]:
        sums = list(accumulate((number or 0.0 for number in now), initial=0.0))[1:]
        return [*sums, sums[-1]] if sums else []


class _Draft:
    """One family, while its lines are put in order."""

    def __init__(self, family: str, text: str, file: ValueFile) -> None:
        self._kind = file.kind, file.mode
        self.bare = Metric(family, text, file.kind)
        self.is_mixed = False
        """Whether one bound of a histogram is written in two ways."""
        # By labels: first what is written as it is, then what a histogram adds up.
        self._singles: dict[Labels, list[_Single]] = {}
        self._buckets: dict[Labels, dict[float, int]] = {}

    def is_of(self, file: ValueFile) -> bool:
        """Tell whether a file holds this family in the same way."""
        return self._kind == (file.kind, file.mode)

    def add(self, name: str, labels: Labels, place: int) -> None:
        """Add one series."""
        if self.bare.type == "histogram":
            for pair in labels:
                if pair[0] == "le":
                    rest = tuple(other for other in labels if other is not pair)
                    bounds = self._buckets.setdefault(rest, {})
                    self.is_mixed |= bounds.setdefault(float(pair[1]), place) != place
                    return
        self._singles.setdefault(labels, []).append(_Single(name, labels, place))

    def series(self) -> list[_Series]:
        """Return its lines, in prometheus_client's order."""
        if self.bare.type != "histogram":
            return [single for group in self._singles.values() for single in group]
        every = dict.fromkeys((*self._singles, *self._buckets))
        return [
            _Distribution(
                self.bare.name,
                labels,
                self._singles.get(labels, []),
                self._buckets.get(labels, {}),
            )
            for labels in every
        ]


class _Numbered:
    """The series of one family, with the numbers of one reading."""

    def __init__(self, series: list[_Series], numbers: Numbers) -> None:
        self._series, self._numbers = series, numbers

    def samples(self) -> Iterator[Sample]:
        for one in self._series:
            yield from one.samples(self._numbers)

    def text(self, *, exemplars: bool) -> Iterator[str]:  # noqa: ARG002 - files have no place for any
        for one in self._series:
            yield one.lines(self._numbers)
