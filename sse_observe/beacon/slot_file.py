"""
A table of fixed size in one file, which several processes read and write: a value for each key.

Knows bytes and locks; what a value means is its owner's business. The file never grows, and a
key that was not used for long makes room for a new one. Read and written by calls, never mapped:
a file that somebody cuts short must not kill the process.
"""

import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock

try:
    import fcntl
except ImportError:  # Windows has no locks of this kind, and no servers that fork.
    fcntl = None  # type: ignore[assignment]

_MAGIC = b"sse-observe 1\n\0\0"
_HEADER = struct.Struct("<16s16s")
# The key and how often the table was written when this was.
_HEAD = struct.Struct("<8sQ")
_LAST_TURN = 2**64 - 1
_WAYS = 8
_BUCKETS = 2048


class SlotFile:
    """
    Values of `size` bytes by text; of 16,384 keys those that were written last.

    Raises OSError where the directory has no room, and where it offers no locks.
    """

    def __init__(self, path: Path, size: int) -> None:
        if fcntl is None:
            raise OSError("no locks between processes on this system")
        self._slot = _HEAD.size + size
        self._row = self._slot * _WAYS
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = Lock()
        self._length = _HEADER.size + self._row * _BUCKETS
        try:
            with self.locked():
                self.name = self._prepare()
        except OSError:
            os.close(self._file)
            raise

    def _prepare(self) -> str:
        """Return the random name of the table, made by the first who opens it."""
        head = os.pread(self._file, _HEADER.size, 0)
        if len(head) == _HEADER.size and os.fstat(self._file).st_size == self._length:
            magic, name = _HEADER.unpack(head)
            if magic == _MAGIC:
                return str(name.decode("ascii", "replace"))
        name = secrets.token_hex(8).encode()
        os.ftruncate(self._file, 0)
        # Now, not when it is written to: by then a full disk would cost a report.
        os.posix_fallocate(self._file, 0, self._length)
        os.pwrite(self._file, _HEADER.pack(_MAGIC, name), 0)
        return str(name.decode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all others out, other processes too."""
        with self._turn:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def get(self, key: str) -> bytes | None:
        """Return the value of a key; the caller has the lock."""
        name, _, data = self._read(key)
        for at in range(0, self._row, self._slot):
            if data[at : at + 8] == name:
                return data[at + _HEAD.size : at + self._slot]
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, if need be in place of the oldest of its row; the caller has the lock."""
        name, row, data = self._read(key)
        heads = [_HEAD.unpack_from(data, at) for at in range(0, self._row, self._slot)]
        names, turns = zip(*heads, strict=True)
        place = names.index(name) if name in names else turns.index(min(turns))
        slot = _HEAD.pack(name, min(max(turns) + 1, _LAST_TURN)) + value
        os.pwrite(self._file, slot, row + place * self._slot)

    def _read(self, key: str) -> tuple[bytes, int, bytes]:
        name = sha256(key.encode()).digest()[:8]
        row = _HEADER.size + int.from_bytes(name[:4], "little") % _BUCKETS * self._row
        # Whatever was cut off reads as never used.
        return name, row, os.pread(self._file, self._row, row).ljust(self._row, b"\0")
