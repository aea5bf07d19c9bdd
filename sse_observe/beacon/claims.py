"""
Claims to report tokens: a browser that asks for one must have asked for a stream.

A claim belongs to a route and to the address that asked: what one address has opened gives no
other a word. Knows neither streams nor tokens.
"""

import struct
from contextlib import AbstractContextManager
from pathlib import Path
from threading import RLock
from typing import Protocol

from sse_observe.beacon.limits import MOST_KEYS, Recent
from sse_observe.beacon.slot_file import SlotFile

# Streams whose clients ask for no token would add up to any number, for strangers to take.
_MOST_UNCLAIMED = 1000


class Balances(Protocol):
    """How many tokens are due, by route and address; below 0 where one came before its stream."""

    def locked(self) -> AbstractContextManager[object]:
        """Keep all others out; needed around what follows."""

    def get(self, key: str) -> int | None:
        """Return one balance, None for one that is not kept (any more)."""

    def put(self, key: str, balance: int) -> int:
        """Keep one balance."""


class MemoryBalances:
    """The balances of a process that counts alone; those not used for longest are forgotten."""

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._by_key: Recent[int] = Recent(most)
        self._lock = RLock()
        self.get = self._by_key.get
        self.put = self._by_key.put

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._by_key)

    def locked(self) -> AbstractContextManager[object]:
        """Keep other threads out."""
        return self._lock


class SharedBalances:
    """The balances of all workers that share a file; OSError where it cannot be."""

    _FORM = struct.Struct("<i")

    def __init__(self, path: Path) -> None:
        self._file = SlotFile(path, self._FORM.size)
        self.locked = self._file.locked

    def get(self, key: str) -> int | None:
        """Return one balance."""
        value = self._file.get(key)
        return None if value is None else int(self._FORM.unpack(value)[0])

    def put(self, key: str, balance: int) -> int:
        """Keep one balance."""
        self._file.put(key, self._FORM.pack(balance))
        return balance


class Claims:
    """
    The tokens that are still due on each route to each address.

    A stream that was opened or refused is worth one token. One that greets its client with a
    token has had it.
    """

    def __init__(self, balances: Balances) -> None:
        self._balances = balances

    def ask(self, route: str, address: str) -> None:
        """Take note that a stream was opened or refused."""
        self._move(route, address, 1)

    def give(self, route: str, address: str) -> None:
        """Take note that a stream carries its token itself, be it open already or not."""
        self._move(route, address, -1)

    def take(self, route: str, address: str) -> bool:
        """Tell whether a token is due, and count it as given if so."""
        key = f"{route} {address}"
        with self._balances.locked():
            due = self._balances.get(key) or 0
            if due > 0:
                self._balances.put(key, due - 1)
        return due > 0

    def _move(self, route: str, address: str, by: int) -> None:
        key = f"{route} {address}"
        with self._balances.locked():
            due = (self._balances.get(key) or 0) + by
            self._balances.put(key, max(-_MOST_UNCLAIMED, min(due, _MOST_UNCLAIMED)))
