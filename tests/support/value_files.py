"""Files as worker processes leave them, and processes that live as far as their locks show."""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict, mmap_key

from sse_observe.registry.liveness import lock_of
from sse_observe.registry.multiprocess import SharedNumbers


def leave(directory: Path, kind: str, owner: int | str, **values: float) -> Path:
    """Write what a process would leave, one number for each name; it has no lock."""
    path = directory / f"{kind}_{owner}.db"
    file = MmapedDict(str(path))
    for name, value in values.items():
        file.write_value(mmap_key(name, name, [], [], "x"), value, 0.0)
    file.close()
    return path


def whole(*series: tuple[str, str, dict[str, str], float]) -> bytes:
    """Return a file's bytes: for each series its family, its name, its labels and its number."""
    entries = bytearray()
    for family, name, labels, value in series:
        key = mmap_key(family, name, list(labels), list(labels.values()), "x").encode()
        padded = key + b" " * (8 - (len(key) + 4) % 8)
        entries += struct.pack(f"=i{len(padded)}sdd", len(key), padded, value, 0.0)
    return struct.pack("=i4x", 8 + len(entries)) + entries


def full(file: int, offset: int, length: int) -> None:
    """Refuse to give room, as a full disk does."""
    raise OSError(errno.ENOSPC, "No space left on device")


def end(directory: Path, *pids: int) -> None:
    """Leave the locks of processes that have ended."""
    for pid in pids:
        lock_of(directory, pid).touch()


@contextmanager
def living(directory: Path, *pids: int) -> Iterator[None]:
    """Hold the locks of processes, as each does for itself."""
    held = []
    for pid in pids:
        descriptor = os.open(lock_of(directory, pid), os.O_CREAT | os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        held.append(descriptor)
    try:
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def read(directory: Path) -> dict[str, float]:
    """Return the samples of a directory by name, all processes added up; a new reader reads."""
    return {
        sample.name: sample.value
        for family in SharedNumbers(directory).families()
        for sample in family.samples
    }


def names(directory: Path, *patterns: str) -> list[str]:
    """Return the files of a directory that match one of the patterns."""
    return sorted(path.name for pattern in patterns for path in directory.glob(pattern))
