"""
The files by which worker processes share their numbers (PROMETHEUS_MULTIPROC_DIR).

Gauges of dead processes are dropped; their counters are kept, in one file once many have died.
Knows files and process ids; knows no metric by name.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

try:
    import fcntl
except ImportError:  # Windows: no process id can be asked about there without ending it.
    fcntl = None  # type: ignore[assignment]

MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"

_FILE = re.compile(r"([a-z]+)_(?:[a-z]+_)?(\d+)\.db")
_ADDED_UP = ("counter", "histogram", "summary")
# Each scrape reads each file, a quarter of a millisecond per route and process: servers that
# renew their workers every hour would be slow to scrape within days.
_MOST_DEAD = 10
_LOCK = "sse-observe.lock"
_PLAN = "sse-observe.plan"


class _Worker(Protocol):
    pid: int


def child_exit(server: object, worker: _Worker) -> None:  # noqa: ARG001 - gunicorn's signature
    """
    Drop the gauges of a worker that ended; gunicorn calls this where its config imports the name.

    Without it the next scrape notices by itself that the process is gone.
    """
    directory = os.environ.get(MULTIPROC_DIR)
    if directory:
        _forget(worker.pid, Path(directory))


def merged(directory: Path) -> list[Metric]:
    """Return the families of all processes added up, without what only the living may show."""
    may_write = fcntl is not None and os.access(directory, os.W_OK)
    if not may_write:
        return _read(directory)
    with suppress(BlockingIOError), _locked(directory, fcntl.LOCK_EX | fcntl.LOCK_NB):
        _bury(directory)
    with _locked(directory, fcntl.LOCK_SH):
        return _read(directory)


def _read(directory: Path) -> list[Metric]:
    collector = MultiProcessCollector(None, str(directory))  # type: ignore[no-untyped-call]
    return list(collector.collect())  # type: ignore[no-untyped-call]


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[None]:
    """Keep readers and the one who moves files apart."""
    with (directory / _LOCK).open("ab") as held:
        fcntl.flock(held, how)
        yield


def _bury(directory: Path) -> None:
    _carry_out(directory)
    files: dict[int, list[Path]] = defaultdict(list)
    for path in directory.iterdir():
        if found := _FILE.fullmatch(path.name):
            files[int(found[2])].append(path)
    left = []
    for pid, theirs in files.items():
        if _is_alive(pid):
            continue
        _forget(pid, directory)
        for path in theirs:
            if not path.name.startswith(_ADDED_UP):
                continue
            if path.stat().st_size:
                left.append(path)
            else:
                # Killed while it created the file; every reader would fail on it for ever.
                path.unlink()
    if len({path.stem.partition("_")[2] for path in left}) > _MOST_DEAD:
        _move_together(directory, left)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _forget(pid: int, directory: Path) -> None:
    # Gunicorn's hook and a scrape may do so at the same time.
    with suppress(FileNotFoundError):
        mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]


def _move_together(directory: Path, files: list[Path]) -> None:
    """
    Add the counts of dead processes up in one file of each kind.

    Whoever is killed in the middle leaves either nothing changed or a plan that the next one
    carries out: nothing is lost and nothing is counted twice.
    """
    new = []
    for kind in _ADDED_UP:
        old = [path for path in files if path.name.startswith(f"{kind}_")]
        target = directory / f"{kind}_ended.db"
        if not old:
            continue
        totals: dict[str, float] = defaultdict(float)
        for path in [*old, *([target] if target.exists() else [])]:
            for key, value, _, _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
                totals[key] += value
        draft = target.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with closing(MmapedDict(str(draft))) as added:  # type: ignore[no-untyped-call]
            for key, value in totals.items():
                added.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        new.append(target.name)
    plan = directory / (_PLAN + ".draft")
    plan.write_text(json.dumps({"new": new, "old": [path.name for path in files]}))
    plan.replace(directory / _PLAN)
    _carry_out(directory)


def _carry_out(directory: Path) -> None:
    """Do what the plan says; doing half of it twice is doing it once."""
    plan = directory / _PLAN
    if not plan.exists():
        return
    steps = json.loads(plan.read_text())
    for name in steps["new"]:
        with suppress(FileNotFoundError):
            (directory / name).with_suffix(".draft").replace(directory / name)
    for name in steps["old"]:
        (directory / name).unlink(missing_ok=True)
    plan.unlink()
