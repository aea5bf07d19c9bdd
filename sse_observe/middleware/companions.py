"""
Whatever counts beside the streams that are served: guarded by one lock, written down with them.

Knows when to look and when to write; what is counted is each one's business.
"""

from collections.abc import Iterable
from typing import Protocol


class Companion(Protocol):
    """One that counts beside the streams; the caller holds the tracker's lock."""

    def has_streams(self) -> bool:
        """Tell whether there is anything to look at each second."""

    def look(self, now: float, *, last: bool) -> None:
        """See what time has brought, each second and before a scrape; `last`: nothing follows."""

    def write(self) -> None:
        """Write everything down."""


class Companions:
    """All companions of one tracker."""

    def __init__(self, companions: Iterable[Companion]) -> None:
        self._all = list(companions)

    def add(self, companion: Companion) -> None:
        """Take one more."""
        self._all.append(companion)

    def have_streams(self) -> bool:
        """Tell whether any has something to look at each second."""
        return any(one.has_streams() for one in self._all)

    def look(self, now: float, *, last: bool = False) -> None:
        """Let each see what time has brought."""
        for one in self._all:
            one.look(now, last=last)

    def write(self) -> None:
        """Let each write everything down."""
        for one in self._all:
            one.write()
