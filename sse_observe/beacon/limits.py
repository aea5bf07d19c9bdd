"""
How much strangers may send, in constant memory.

Knows keys, rates and a clock; what is sent is nothing to it.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sse_observe.errors import SettingsError

V = TypeVar("V")

# At 640 bytes for a browser tab and 260 for an address, 9 MB in all.
MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Beacon reports per second, and how many may come at once, each as (rate, burst).

    `token`: of one stream. `address`: of one address. `everyone`: of all together, per process.
    A browser tab sends one a minute, some more when it is hidden and shown. An address may be
    that of a whole company, or of a proxy that does not say for whom it asks.
    """

    token: tuple[float, float] = (0.5, 20)
    # A thousand tabs behind one proxy that are all cut off, and say so twice.
    address: tuple[float, float] = (200, 2000)
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


class Bucket:
    """The number of messages that may still be sent, as of `since`."""

    __slots__ = ("level", "since")

    def __init__(self, level: float, since: float) -> None:
        self.level = level
        self.since = since


class Rate:
    """One limit: (per second, at once), for as many buckets as there are senders."""

    def __init__(self, limit: tuple[float, float], clock: Callable[[], float]) -> None:
        self._per_second, self.burst = limit
        self.clock = clock

    def full(self) -> Bucket:
        """Return the bucket of a sender that is heard of for the first time."""
        return Bucket(self.burst, self.clock())

    def take(self, bucket: Bucket, now: float | None = None) -> bool:
        """Tell whether one more is allowed now, and count it if so."""
        now = self.clock() if now is None else now
        level = bucket.level + (now - bucket.since) * self._per_second
        level = min(level, self.burst)
        bucket.since = now
        allowed = level >= 1
        bucket.level = level - 1 if allowed else level
        return allowed


class Recent(Generic[V]):
    """Values by key; beyond `most` keys, the one that was asked for longest ago is forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._values)

    def get(self, key: Hashable) -> V | None:
        """Return what is remembered of a key."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> V:
        """Remember a value, and return it."""
        if key not in self._values and len(self._values) >= self._most:
            self._values.popitem(last=False)
        self._values[key] = value
        return value

    def forget(self, key: Hashable) -> None:
        """Forget a key, if it is remembered."""
        self._values.pop(key, None)


class Buckets:
    """One bucket for each key."""

    def __init__(
        self, limit: tuple[float, float], clock: Callable[[], float], most: int = MOST_KEYS
    ) -> None:
        self._rate = Rate(limit, clock)
        self._buckets: Recent[Bucket] = Recent(most)

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._buckets)

    def take(self, key: Hashable, now: float | None = None) -> bool:
        """Tell whether one more is allowed to this key now, and count it if so."""
        bucket = self._buckets.get(key) or self._buckets.put(key, self._rate.full())
        return self._rate.take(bucket, now)
