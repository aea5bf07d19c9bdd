"""
A deploy of a fleet of any size in virtual time: who comes back when, to whom, and what it costs.

The delays are those of our client itself; hosts only open and close. Nothing is measured here: a
connect costs the store what `tests/integration/test_fleet_size.py` counts for one.
"""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field

from sse_observe.consumer.backoff import Backoff

CALLS_OF_A_RESUME = 3
"""Find the stream, say that it is read here, read it."""
CALLS_OF_A_LEAVE = 1
CALLS_OF_A_HANDOVER = 2
"""Give the stream up, take it."""


@dataclass
class Deploy:
    """
    A rolling deploy: so many hosts at once, each away for so long; `retry` is what hello asks for.

    `connects` are counted by second, and by host and second; `calls` of the store by second.
    """

    hosts: int
    clients: int
    at_once: int
    away_seconds: float
    retry_seconds: float = 0.0
    seed: int = 1
    connects: Counter[int] = field(default_factory=Counter)
    by_host: Counter[tuple[int, int]] = field(default_factory=Counter)
    calls: Counter[int] = field(default_factory=Counter)
    longest_gap: float = 0.0

    def run(self) -> "Deploy":
        """Roll all hosts; return self."""
        chance = random.Random(self.seed)
        backoffs = [Backoff(chance.random) for _ in range(self.clients)]
        left = [0.0] * self.clients
        held: list[set[int]] = [set() for _ in range(self.hosts)]
        for client in range(self.clients):
            held[client % self.hosts].add(client)
            backoffs[client].floor(self.retry_seconds)
        back_at = [0.0] * self.hosts
        coming: list[tuple[float, int]] = []
        # Half past, so that the first delays, 0.5 to 1.5 seconds, fall into one second.
        at, first = 10.5, 0
        while first < self.hosts or coming:
            if first < self.hosts and (not coming or at <= coming[0][0]):
                for host in range(first, min(first + self.at_once, self.hosts)):
                    back_at[host] = at + self.away_seconds
                    for client in held[host]:
                        backoffs[client].lived(60, 1)
                        left[client] = at
                        heapq.heappush(coming, (at + backoffs[client].next(), client))
                    calls = CALLS_OF_A_LEAVE + CALLS_OF_A_HANDOVER
                    self.calls[int(at)] += calls * len(held[host])
                    held[host].clear()
                first += self.at_once
                at += self.away_seconds
                continue
            now, client = heapq.heappop(coming)
            host = chance.randrange(self.hosts)
            while back_at[host] > now:
                host = chance.randrange(self.hosts)
            held[host].add(client)
            self.longest_gap = max(self.longest_gap, now - left[client])
            self.connects[int(now)] += 1
            self.by_host[host, int(now)] += 1
            self.calls[int(now)] += CALLS_OF_A_RESUME
        return self

    @property
    def peak(self) -> int:
        """The most connects in one second."""
        return max(self.connects.values())

    @property
    def peak_of_a_host(self) -> int:
        """The most connects that one host saw in one second."""
        return max(self.by_host.values())

    @property
    def peak_of_calls(self) -> int:
        """The most calls of the store in one second, beside those that its events cost."""
        return max(self.calls.values())

    def line(self) -> str:
        """Return all of it in a line."""
        return (
            f"{self.hosts} hosts, {self.clients} clients, {self.at_once} hosts at once, "
            f"retry {self.retry_seconds:g} s: at most {self.peak} connects a second, "
            f"{self.peak_of_a_host} at one host, {self.peak_of_calls} calls of the store; "
            f"nobody away for more than {self.longest_gap:.1f} s"
        )
