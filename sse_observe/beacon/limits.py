"""
How much strangers may send, and what was sent before, in constant memory.

Knows keys, grants and a clock; what a report says is nothing to it.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from sse_observe.beacon.counts import Book
from sse_observe.beacon.tokens import Grant
from sse_observe.errors import SettingsError

# At 640 bytes for a page and 260 for an address, 9 MB in all.
MOST_KEYS = 10_000
# Reports of one page come in order, or nearly; an older number than this many is a replay.
_WINDOW = 64
_ALL = (1 << _WINDOW) - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Reports per second, and how many may come at once.

    A page sends one a minute, some more when its tab is hidden and shown. An address may be
    that of a whole company, or of a proxy that does not say for whom it asks.
    """

    token: tuple[float, float] = (0.5, 20)
    address: tuple[float, float] = (200, 1000)
    everyone: tuple[float, float] = (5000, 10_000)

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        for name in ("token", "address", "everyone"):
            rate, burst = getattr(self, name)
            if not (rate > 0 and burst >= 1):
                raise SettingsError(
                    f"Limits: {name}={(rate, burst)!r} lets nothing through; "
                    "give a rate above 0 and a burst of at least 1"
                )


class Buckets:
    """A token bucket for each key; the key that was asked for longest ago is forgotten."""

    def __init__(
        self,
        limit: tuple[float, float],
        *,
        most: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst = limit
        self._most = most
        self._clock = clock
        # By key, what is left and since when; changed in place, which is the cheapest.
        self._levels: OrderedDict[Hashable, list[float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._levels)

    def take(self, key: Hashable) -> bool:
        """Tell whether one more is allowed now, and count it if so."""
        now = self._clock()
        levels = self._levels
        found = levels.get(key)
        if found is None:
            if len(levels) >= self._most:
                levels.popitem(last=False)
            levels[key] = [self._burst - 1, now]
            return True
        levels.move_to_end(key)
        level = found[0] + (now - found[1]) * self._rate
        level = min(level, self._burst)
        found[1] = now
        if level < 1:
            found[0] = level
            return False
        found[0] = level - 1
        return True


class Page:
    """One page that reports: what its token grants, how much it may still send, what it sent."""

    __slots__ = ("book", "grant", "highest", "level", "since", "window")

    def __init__(self, grant: Grant, book: Book, level: float, since: float) -> None:
        self.grant = grant
        self.book = book
        self.level = level
        self.since = since
        # Of the report numbers seen: bit 0 stands for the highest, bit 1 for the one below it.
        self.highest = 0
        self.window = 0

    def is_new(self, n: int) -> bool:
        """Tell whether a report number, 1 or more, comes for the first time, and remember it."""
        ahead = n - self.highest
        if ahead > 0:
            self.window = (self.window << min(ahead, _WINDOW) | 1) & _ALL
            self.highest = n
            return True
        new = -ahead < _WINDOW and not self.window >> -ahead & 1
        if new:
            self.window |= 1 << -ahead
        return new


class Pages:
    """The pages by their tokens; the one heard of longest ago is forgotten."""

    def __init__(
        self,
        limit: tuple[float, float],
        *,
        most: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst = limit
        self._most = most
        self._clock = clock
        self._pages: OrderedDict[str, Page] = OrderedDict()

    def __len__(self) -> int:
        """Return how many pages are remembered."""
        return len(self._pages)

    def get(self, token: str) -> Page | None:
        """Return the page that sends this token."""
        page = self._pages.get(token)
        if page is not None:
            self._pages.move_to_end(token)
        return page

    def put(self, token: str, grant: Grant, book: Book) -> Page:
        """Remember a page that is heard of for the first time."""
        if len(self._pages) >= self._most:
            self._pages.popitem(last=False)
        page = self._pages[token] = Page(grant, book, self._burst, self._clock())
        return page

    def take(self, page: Page) -> bool:
        """Tell whether one more report of this page is allowed now, and count it if so."""
        now = self._clock()
        level = min(page.level + (now - page.since) * self._rate, self._burst)
        page.since = now
        allowed = level >= 1
        page.level = level - 1 if allowed else level
        return allowed


def network_of_address(host: str) -> str:
    """Return whom an address belongs to: itself, or in IPv6 the /64 that one customer gets."""
    if ":" not in host:
        return host
    try:
        packed = ipaddress.IPv6Address(host.partition("%")[0]).packed
    except ValueError:
        return host
    return packed[:8].hex()
