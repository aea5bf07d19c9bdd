"""
One file of prometheus_client's, in which a process keeps its numbers: what is in it, and where.

A number stands behind its name, at the same place for ever; the file only grows at its end. So
names are read once, and numbers all at once afterwards.
"""

import json
import os
import struct
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import NamedTuple

_KINDS = ("counter", "gauge", "histogram", "summary")
_LENGTH = struct.Struct("=i")
# The length of all that is used, and four bytes of nothing.
_HEADER = 8
# Behind each name: the number, and when it was set.
_PAIR = 16
# Names of series are the same in each process; 50 routes have some 7,000 of them.
_MOST_NAMES = 10_000

# A hundred times what fifty routes take. A file with a hole costs nothing to make.
_MOST_BYTES = 64 << 20

Labels = tuple[tuple[str, str], ...]


class FileName(NamedTuple):
    """The parts of a file's name."""

    kind: str
    mode: str
    """How gauges of several processes become one; empty for all other kinds."""
    owner: str
    """Whose it is: a process id, or `ended`."""


class SeriesName(NamedTuple):
    """One series: its family and that one's help, its own name, its labels in order."""

    family: str
    help: str
    name: str
    labels: Labels


def name_of(path: Path) -> FileName | None:
    """Return the parts of a file's name, or None for a file that holds no numbers."""
    kind, *rest = path.stem.split("_")
    if path.suffix != ".db" or kind not in _KINDS or len(rest) < 1 + (kind == "gauge"):
        return None
    mode = rest.pop(0) if kind == "gauge" else ""
    return FileName(kind, mode, "_".join(rest))


def check_size(size: int) -> None:
    """Raise ValueError for so many bytes as nobody has counted."""
    if size > _MOST_BYTES:
        raise ValueError(f"{size} bytes are more than the {_MOST_BYTES >> 20} MB of the largest")


class ValueFile:
    """
    The numbers of one file, in the order in which they were created.

    `times` are kept for gauges alone, where the latest one may count.
    """

    def __init__(self, path: Path, name: FileName) -> None:
        self.path = path
        self.kind, self.mode, self.owner = name
        self.names: list[SeriesName] = []
        self.values: tuple[float, ...] = ()
        self.times: tuple[float, ...] = ()
        self.inode = 0
        self._known = _HEADER
        self._form = ""
        self._numbers = struct.Struct("")

    def read(self) -> None:
        """
        Read the numbers of now, and the names that are new.

        Raises OSError where it cannot be read, ValueError for what was never such a file.
        """
        with self.path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            head = file.read(_HEADER).ljust(_HEADER, b"\0")
            used = _LENGTH.unpack_from(head)[0]
            check_size(used)
            data = head + file.read(max(used - _HEADER, 0))
        if len(data) < used:
            raise ValueError(f"{used} bytes are said to be in use, {len(data)} are there")
        if inode != self.inode or used < self._known:
            self.inode, self.names, self._known, self._form = inode, [], _HEADER, ""
        if used > self._known:
            self._read_names(data, used)
        found = self._numbers.unpack_from(data) if self.names else ()
        if self.kind == "gauge":
            self.values, self.times = found[::2], found[1::2]
        else:
            self.values = found

    def _read_names(self, data: bytes, used: int) -> None:
        """Read the names behind those that are known."""
        at, names, forms = self._known, [], []
        pair = "dd" if self.kind == "gauge" else "d8x"
        while at < used:
            length = _LENGTH.unpack_from(data, at)[0]
            start = at + _LENGTH.size
            padded = length + 8 - (length + 4) % 8
            at = start + padded + _PAIR
            if length <= 0 or at > used:
                raise ValueError(f"a name of {length} bytes goes beyond the {used} in use")
            names.append(_series_name(data[start : start + length]))
            forms.append(f"{_LENGTH.size + padded}x{pair}")
        self._form += "".join(forms)
        self._numbers = struct.Struct(f"={_HEADER}x{self._form}")
        self.names += names
        self._known = at


@lru_cache(_MOST_NAMES)
def _series_name(written: bytes) -> SeriesName:
    family, name, labels, text = json.loads(written)
    pairs: Iterable[tuple[str, str]] = sorted(labels.items())
    known = tuple((intern(label), intern(value)) for label, value in pairs)
    return SeriesName(intern(family), intern(text), intern(name), known)
