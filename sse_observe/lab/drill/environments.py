"""The environments of one drill: its faults, spread over some processes as evenly as they go."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Self

from sse_observe.lab.drill.environment_process import EnvironmentProcess
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.service import Address
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.verdict import Claim

FEW = 3
"""So many faults leave a core time to spare."""

_MOST_PROCESSES = 4
# Each server is scraped and has its timers, which costs as much as so many readers.
_SERVER_WEIGHT = 12

_NEIGHBOUR = Fault(name="neighbour", text="No fault, and no reader.", alerts=(), within=0, users=0)


class Environments:
    """
    All services and readers of a drill, while the block runs, in one process or several.

    The block begins before they are there: `targets` waits for them. Turning one of `switches`
    turns the fault where it is. With an `address` the first service answers there too, the others
    at the ports after it, in the order of the faults.
    """

    def __init__(
        self, faults: Sequence[Fault], home: Path, *, address: Address | None = None
    ) -> None:
        alone = all(fault.alone for fault in faults)
        # Where the only job falls silent, nobody can say which job it was.
        self._faults = [_NEIGHBOUR, *faults] if alone else [*faults]
        addresses = _addresses(self._faults, address)
        self._processes: list[EnvironmentProcess] = []
        self._of: dict[str, EnvironmentProcess] = {}
        for number, some in enumerate(grouped(self._faults)):
            process = EnvironmentProcess(
                some, home, log=home / f"environment-{number}.log", addresses=addresses
            )
            self._processes.append(process)
            self._of |= {fault.name: process for fault in some}
        self.switches = {
            name: Switch(listeners=[partial(process.turn, name)])
            for name, process in self._of.items()
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for process in self._processes:
                stack.enter_context(process)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        # All at once: each is waited for afterwards.
        for process in self._processes:
            process.signal(SIGTERM)
        self._stack.close()

    async def targets(self) -> Mapping[str, Sequence[str]]:
        """Return by job where to scrape, in the order of the faults; LabError where one fails."""
        asked = (asyncio.to_thread(process.targets) for process in self._processes)
        of_fault = dict(item for found in await asyncio.gather(*asked) for item in found.items())
        targets: dict[str, list[str]] = {}
        for fault in self._faults:
            targets.setdefault(fault.job, []).extend(of_fault[fault.name])
        return targets

    def check(self) -> None:
        """Refuse to go on where a process has ended; LabError."""
        for process in self._processes:
            process.check()

    def claims(self, fault: str) -> tuple[Claim, ...]:
        """Return what must hold of a fault beside its alerts."""
        return self._of[fault].claims(fault)


def grouped(faults: Sequence[Fault]) -> list[list[Fault]]:
    """
    Return the faults of each process.

    Those of a shared store have one of their own among many: its answers are timed to the
    hundredth of a second, and a busy loop would look like a slow store.
    """
    if len(faults) <= FEW:
        return [[*faults]]
    timed = [fault for fault in faults if fault.store is not None]
    rest = [fault for fault in faults if fault.store is None]
    return [group for group in (*spread(rest, _processes()), timed) if group]


def spread(faults: Sequence[Fault], processes: int) -> list[list[Fault]]:
    """Return as many groups of faults, in their order, of which none has much more to do."""
    groups: list[list[Fault]] = [[] for _ in range(processes)]
    for fault in sorted(faults, key=_weight, reverse=True):
        min(groups, key=lambda group: sum(map(_weight, group))).append(fault)
    return [[fault for fault in faults if fault in group] for group in groups]


def _weight(fault: Fault) -> int:
    return fault.users + fault.hosts * _SERVER_WEIGHT


def _processes() -> int:
    return min(_cores(), _MOST_PROCESSES)


def _cores() -> int:
    return os.cpu_count() or 1


def _addresses(faults: Sequence[Fault], first: Address | None) -> Mapping[str, Address]:
    """Return by a fault's name where its first service answers: ports in a row."""
    found: dict[str, Address] = {}
    for fault in faults:
        if first is not None:
            found[fault.name] = first
            first = Address(first.host, first.port + fault.hosts)
    return found
