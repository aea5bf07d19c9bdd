"""
The directory by which worker processes share their numbers (PROMETHEUS_MULTIPROC_DIR).

Gauges of dead processes are dropped; their counts are kept. A process about which nobody can be
asked is read like a living one, and its files are never touched. Knows no metric by name.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import mark_process_dead

from sse_observe.errors import SettingsError
from sse_observe.registry.ended import tidy, to_read
from sse_observe.registry.liveness import locked, the_dead
from sse_observe.registry.merge import Merge

MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"


class _Worker(Protocol):
    pid: int


def child_exit(server: object, worker: _Worker) -> None:  # noqa: ARG001 - gunicorn's signature
    """
    Drop the gauges of a worker that ended; gunicorn calls this where its config imports the name.

    `server` and `worker` are gunicorn's own; of the worker the `pid` is read. Without it the next
    scrape notices by itself that the process is gone.
    """
    directory = os.environ.get(MULTIPROC_DIR)
    if directory:
        # A scrape may do so at the same time.
        with suppress(FileNotFoundError):
            mark_process_dead(worker.pid, directory)  # type: ignore[no-untyped-call]


def shared_directory() -> Path | None:
    """Return where this process and others share their numbers; None for one that is alone."""
    chosen = os.environ.get(MULTIPROC_DIR)
    if not chosen:
        return None
    directory = Path(chosen)
    if not directory.is_dir():
        raise SettingsError(
            f"{MULTIPROC_DIR}: {chosen!r} is no directory; make it, empty, before the server starts"
        )
    return directory


class SharedNumbers:
    """
    The numbers of all processes that share a directory, for one reader.

    `on_error` is called when the directory could not be tidied up; it must not raise.
    """

    def __init__(self, directory: Path, on_error: Callable[[], None] = lambda: None) -> None:
        self._directory = directory
        self._on_error = on_error
        self._merge = Merge()

    def families(self) -> list[Metric]:
        """Return the families of all processes added up, without what only the living may show."""
        directory = self._directory
        with the_dead(directory) as dead:
            if os.access(directory, os.W_OK):
                try:
                    with locked(directory, exclusive=True):
                        tidy(directory, dead)
                except BlockingIOError:
                    # Somebody else does it.
                    pass
                except Exception:  # noqa: BLE001 - what is there can be read all the same
                    self._on_error()
        # No new process waits while this reads: the gauges of one that takes a dead one's id are
        # shown the next time.
        with locked(directory, exclusive=False):
            return self._merge.families(to_read(directory, dead))
