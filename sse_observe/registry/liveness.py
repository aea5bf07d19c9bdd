"""
Which of the processes that share a directory still live: each holds a lock on a file of its own.

A process id says nothing in another PID namespace, as in a second container, and is used again;
a lock is let go of by the kernel when its process ends, and can be tested from anywhere. A
process without such a file cannot be asked about. Knows files and process ids alone.
"""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nobody can be asked about, so nobody's files are touched.
    fcntl = None  # type: ignore[assignment]

_LOGGER = logging.getLogger("sse_observe")
_FILE = re.compile(r"sse-observe\.(\d+)\.lock")
# Whoever tidies up holds a dead process's lock for some milliseconds.
_PATIENCE_SECONDS = 1.0
# On a machine that is overloaded it may take seconds; whoever began without the lock would be
# taken for dead.
_LONGEST_SECONDS = 30.0
# Whatever is there under the name: a pipe would wait for somebody to open its other end.
_AT_ONCE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_held: dict[Path, int] = {}
"""The descriptors of our own locks, by directory."""


def lock_of(directory: Path, pid: int) -> Path:
    """Return the file that a process of this id holds."""
    return directory / f"sse-observe.{pid}.lock"


def hold(directory: Path) -> None:
    """Show from now on that this process lives; called again, as after a fork, it does no harm."""
    if fcntl is None or directory in _held:
        return
    began = time.monotonic()
    path = lock_of(directory, os.getpid())
    while (held := _lock(path, fcntl.LOCK_EX)) is None:
        waited = time.monotonic() - began
        if waited > _PATIENCE_SECONDS and (waited > _LONGEST_SECONDS or _has_owner(path)):
            _LOGGER.error(
                "%s: another container that shares this directory has a process %d too, and both "
                "write into the same files; give each container a directory of its own",
                directory,
                os.getpid(),
            )
            return
        time.sleep(_PATIENCE_SECONDS / 100)
    _held[directory] = held


def _has_owner(path: Path) -> bool:
    """Tell whether a living process holds a lock, and not only somebody who tidies up."""
    descriptor = _lock(path, fcntl.LOCK_SH)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _hold_again() -> None:
    """Let go of the parent's locks in a child, and hold its own: the parent may end before it."""
    directories = list(_held)
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()
    for directory in directories:
        with suppress(OSError):
            hold(directory)


if fcntl is not None:
    os.register_at_fork(after_in_child=_hold_again)


def _lock(path: Path, how: int) -> int | None:
    """Return a descriptor that holds a lock, or None while somebody else does."""
    while True:
        writes = how == fcntl.LOCK_EX
        flags = os.O_CREAT | os.O_RDWR if writes else os.O_RDONLY
        descriptor = os.open(path, flags | _AT_ONCE, 0o644)
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
            # Between the two calls somebody took the file away, and with it what was locked.
        except (BlockingIOError, FileNotFoundError) as error:
            if isinstance(error, BlockingIOError):
                os.close(descriptor)
                return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextmanager
def the_dead(directory: Path) -> Iterator[frozenset[int]]:
    """
    Give the process ids that nobody lives under, as far as can be told.

    Inside the block no new process takes one of them.
    """
    found: dict[int, int] = {}
    try:
        for path in directory.iterdir() if fcntl is not None else ():
            if pid := _FILE.fullmatch(path.name):
                # Whoever cannot be asked is not known to be dead.
                with suppress(OSError):
                    descriptor = _lock(path, fcntl.LOCK_SH)
                    if descriptor is not None:
                        found[int(pid[1])] = descriptor
        yield frozenset(found)
    finally:
        for descriptor in found.values():
            os.close(descriptor)


@contextmanager
def locked(directory: Path, *, exclusive: bool) -> Iterator[None]:
    """
    Keep those who read a directory's files apart from the one who moves them.

    BlockingIOError for whoever wants to move them while somebody else reads or moves.
    """
    may_write = os.access(directory, os.W_OK)
    try:
        # Whoever may only read finds a lock where there is somebody who moves files.
        flags = os.O_CREAT | os.O_RDWR if may_write else os.O_RDONLY
        held = os.open(directory / "sse-observe.lock", flags | _AT_ONCE, 0o644)
    except OSError:
        if exclusive:
            raise
        # There is none, or no room for one, and so nobody who moves files.
        yield
        return
    try:
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(held)
