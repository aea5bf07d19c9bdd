"""
Room on the disk for prometheus_client's files, taken before anything is written there.

Its files have holes, and the kernel ends a process that writes into one where the disk is full
(SIGBUS). With the room taken first a full disk is an OSError, which costs a number and no stream.
All that we know of how these files are made; what stands in them is for `value_file`.
"""

import errno
import os
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

# Windows and macOS have no such call.
_CAN_ALLOCATE = hasattr(os, "posix_fallocate")
# As prometheus_client begins; more would be taken from every worker for nothing.
_FIRST_BYTES = 1 << 16
# Around each name: its length, at most eight bytes of padding, the number and its time.
_AROUND = 4 + 8 + 16


def take_room_first() -> None:
    """
    Let each file of this process take its room first, also those of the application's own metrics.

    From then on a new series raises OSError where the disk is full. Called again it does nothing.
    """
    if not _CAN_ALLOCATE or MmapedDict.__init__ is _open:
        return
    # On the class itself: some files are open already, and a fork opens others.
    MmapedDict.__init__ = _open  # type: ignore[method-assign]
    MmapedDict._init_value = _add  # type: ignore[method-assign]  # noqa: SLF001


_plain_open = MmapedDict.__init__
_plain_add = MmapedDict._init_value  # noqa: SLF001


def _open(self: MmapedDict, filename: str, read_mode: bool = False) -> None:
    if not read_mode:
        with Path(filename).open("ab") as file:
            number = file.fileno()
            _allocate(number, 0, os.fstat(number).st_size or _FIRST_BYTES)
    _plain_open(self, filename, read_mode)  # type: ignore[no-untyped-call]


def _add(self: MmapedDict, key: str) -> None:
    end, room = self._used + len(key.encode()) + _AROUND, self._capacity
    # A name of ours among its own.
    if end > vars(self).get("_room", 0):
        while room < end:
            room *= 2
        _allocate(self._f.fileno(), 0, room)
        vars(self)["_room"] = room
    _plain_add(self, key)  # type: ignore[no-untyped-call]


def _allocate(file: int, offset: int, length: int) -> None:
    try:
        os.posix_fallocate(file, offset, length)
    except OSError as error:
        # A file system that gives no room in advance, as NFS under musl: as it was without us.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
