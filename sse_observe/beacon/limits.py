"""
How much strangers may send, and what was sent before, in constant memory.

Knows keys and a clock; what a key stands for is the caller's business.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sse_observe.errors import SettingsError

T = TypeVar("T")

# At 150 to 500 bytes each, 10 MB for all tables together.
MOST_KEYS = 10_000
# Reports of one page come in order, or nearly; an older number than this many is a replay.
_WINDOW = 64


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
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._levels)

    def take(self, key: Hashable) -> bool:
        """Tell whether one more is allowed now, and count it if so."""
        now = self._clock()
        levels, burst = self._levels, self._burst
        found = levels.get(key)
        if found is None:
            if len(levels) >= self._most:
                levels.popitem(last=False)
            level = burst
        else:
            levels.move_to_end(key)
            level = found[0] + (now - found[1]) * self._rate
            level = min(level, burst)
        allowed = level >= 1
        levels[key] = (level - 1 if allowed else level, now)
        return allowed


class Replays:
    """Which report numbers of a key were seen; the key seen longest ago is forgotten."""

    def __init__(self, *, most: int = MOST_KEYS) -> None:
        self._most = most
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._seen)

    def is_new(self, key: str, n: int) -> bool:
        """Tell whether a number comes for the first time, and remember it."""
        found = self._seen.pop(key, None)
        if found is None:
            if len(self._seen) >= self._most:
                self._seen.popitem(last=False)
            self._seen[key] = (n, 1)
            return True
        highest, window = found
        if n > highest:
            # Bit 0 stands for the highest number, bit 1 for the one below it.
            window = (window << min(n - highest, _WINDOW) | 1) & ((1 << _WINDOW) - 1)
            self._seen[key] = (n, window)
            return True
        bit = highest - n
        new = bit < _WINDOW and not window >> bit & 1
        self._seen[key] = (highest, window | 1 << bit if new else window)
        return new


class Recent(Generic[T]):
    """What was found for the last keys, so that it need not be found again."""

    def __init__(self, *, most: int = MOST_KEYS) -> None:
        self._most = most
        self._found: OrderedDict[str, T] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._found)

    def get(self, key: str) -> T | None:
        """Return what was found for a key."""
        return self._found.get(key)

    def put(self, key: str, found: T) -> None:
        """Remember what was found; the oldest goes."""
        if len(self._found) >= self._most:
            self._found.popitem(last=False)
        self._found[key] = found


def network_of_address(host: str) -> str:
    """Return whom an address belongs to: itself, or in IPv6 the /64 that one customer gets."""
    if ":" not in host:
        return host
    try:
        packed = ipaddress.IPv6Address(host.partition("%")[0]).packed
    except ValueError:
        return host
    return packed[:8].hex()
