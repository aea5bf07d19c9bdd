"""
The files of processes that have ended: their gauges are dropped, their counts kept in few files.

Whoever is killed in the middle leaves either nothing changed or a plan, which the next one
carries out and each reader understands: nothing is lost and nothing is counted twice.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

import msgspec
from prometheus_client.mmap_dict import MmapedDict

from sse_observe.registry.liveness import lock_of
from sse_observe.registry.value_file import FileName, check_size, name_of

# Each scrape reads each file, a millisecond for fifty routes: servers that renew their workers
# every hour would be slow to scrape within days.
_MOST_ENDED = 10
_LOGGER = logging.getLogger("sse_observe")
_ENDED = "ended"
_PLAN = "sse-observe.plan"
# prometheus_client's names: no separator of folders, and its draft's three letters more still fit
# in the 255 bytes of every file system.
_FILE = re.compile(r"(?=.{,252}$)[a-z]+(?:_[A-Za-z0-9.-]+){1,3}\.db", re.ASCII).fullmatch

_Value = tuple[float, float]
"""A number, and when it was set."""


def _sum(one: _Value, other: _Value) -> _Value:
    return one[0] + other[0], 0.0


def _smaller(one: _Value, other: _Value) -> _Value:
    return min(one, other)


def _larger(one: _Value, other: _Value) -> _Value:
    return max(one, other)


def _later(one: _Value, other: _Value) -> _Value:
    return max(one, other, key=lambda value: value[1])


# How the numbers of one series become one. Those of mode `all` stay apart, by their process.
_JOINED: dict[str, Callable[[_Value, _Value], _Value]] = {
    "counter": _sum,
    "histogram": _sum,
    "summary": _sum,
    "gauge_sum": _sum,
    "gauge_min": _smaller,
    "gauge_max": _larger,
    "gauge_mostrecent": _later,
}


class _Plan(msgspec.Struct):
    """Files that are to take the place of others."""

    new: list[str] = []
    old: list[str] = []


def tidy(directory: Path, dead: AbstractSet[int]) -> None:
    """Drop what the dead must not show any more, and put together what they have counted."""
    _carry_out(directory)
    left: dict[str, list[Path]] = {}
    for path, name in _files(directory):
        if not _is_of(name, dead):
            continue
        # Of an empty file its owner was killed while it created it.
        if name.mode.startswith("live") or not path.stat().st_size:
            path.unlink(missing_ok=True)
        else:
            left.setdefault(name.owner, []).append(path)
    if len(left) > _MOST_ENDED:
        gone = set(_put_together(directory, list(chain.from_iterable(left.values()))))
        left = {
            owner: [path for path in paths if path not in gone] for owner, paths in left.items()
        }
    for pid in dead:
        if not left.get(str(pid)):
            lock_of(directory, pid).unlink(missing_ok=True)


def to_read(directory: Path, dead: AbstractSet[int]) -> list[tuple[Path, FileName]]:
    """Return the files that count now, each once, whatever was left half done."""
    plan = _planned(directory)
    found = []
    for path, name in _files(directory):
        of_the_dead = name.mode.startswith("live") and _is_of(name, dead)
        if not (of_the_dead or path.name in plan.old):
            draft = _draft_of(path)
            found.append((draft if path.name in plan.new and draft.is_file() else path, name))
    for path in (directory / written for written in plan.new):
        target, draft = name_of(path), _draft_of(path)
        if target is not None and not path.exists() and draft.is_file():
            found.append((draft, target))
    return found


def _files(directory: Path) -> Iterator[tuple[Path, FileName]]:
    for path in directory.iterdir():
        # Nobody is waited for who may never write into a pipe.
        if (name := name_of(path)) is not None and path.is_file():
            yield path, name


def _is_of(name: FileName, dead: AbstractSet[int]) -> bool:
    return name.owner.isdecimal() and int(name.owner) in dead


def _draft_of(path: Path) -> Path:
    return path.with_suffix(".draft")


def _put_together(directory: Path, files: Sequence[Path]) -> list[Path]:
    """Add up what can be read of these files, in one of each kind; return those that are gone."""
    plan = _Plan()
    for kind, join in _JOINED.items():
        read = {path: _values(path) for path in files if path.name.startswith(f"{kind}_")}
        readable = {path: values for path, values in read.items() if values is not None}
        target = directory / f"{kind}_{_ENDED}.db"
        before = _values(target) if target.exists() else {}
        if readable and before is not None:
            _write(_draft_of(target), [*readable.values(), before], join)
            plan.new.append(target.name)
            plan.old += [path.name for path in readable]
    if plan.new:
        draft = directory / f"{_PLAN}.draft"
        draft.write_bytes(msgspec.json.encode(plan))
        draft.replace(directory / _PLAN)
        _carry_out(directory)
    return [directory / name for name in plan.old]


def _values(path: Path) -> dict[str, _Value] | None:
    """Return the numbers of a file, or None where it cannot be read: it stays as it is."""
    try:
        check_size(path.stat().st_size)
        entries = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
        return {key: (value, at) for key, value, at, _ in entries}
    except Exception:  # noqa: BLE001 - whoever reads it for a scrape says so
        return None


def _write(
    draft: Path, each: list[dict[str, _Value]], join: Callable[[_Value, _Value], _Value]
) -> None:
    totals: dict[str, _Value] = {}
    for values in each:
        for key, value in values.items():
            totals[key] = join(totals[key], value) if key in totals else value
    draft.unlink(missing_ok=True)
    try:
        with closing(MmapedDict(str(draft))) as file:  # type: ignore[no-untyped-call]
            for key, (number, at) in totals.items():
                file.write_value(key, number, at)  # type: ignore[no-untyped-call]
    except OSError:
        # A full disk: half of it must not take the room that is left.
        draft.unlink(missing_ok=True)
        raise


def _planned(directory: Path) -> _Plan:
    """Return the plan that somebody has left, or an empty one."""
    path = directory / _PLAN
    if not path.is_file():
        return _Plan()
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=_Plan)
        for name in (*plan.new, *plan.old):
            _check(name)
    except FileNotFoundError:
        return _Plan()
    except (msgspec.DecodeError, ValueError) as error:
        # It came into being in one step, so this was no process of ours.
        _LOGGER.error("%s is no plan of ours, and is thrown away: %s", path, error)  # noqa: TRY400
        return _Plan()
    return plan


def _check(name: str) -> None:
    """Raise ValueError for a name under which no numbers are kept, as for one of another folder."""
    if not _FILE(name) or name_of(Path(name)) is None:
        raise ValueError(f"{name[:80]!r} is no file of numbers")


def _carry_out(directory: Path) -> None:
    """Do what the plan says; doing half of it twice is doing it once."""
    plan = _planned(directory)
    for name in plan.new:
        with suppress(FileNotFoundError):
            _draft_of(directory / name).replace(directory / name)
    for name in plan.old:
        (directory / name).unlink(missing_ok=True)
    (directory / _PLAN).unlink(missing_ok=True)
