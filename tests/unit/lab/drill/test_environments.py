"""The environments of a drill: which fault is where, and what crosses the border."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from sse_observe.lab.drill import environments as module
from sse_observe.lab.drill.environments import Environments, grouped, spread
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.faults import FAULTS, fault_named
from sse_observe.lab.drill.service import Address

MakeEnvironments = Callable[..., Environments]


class FakeProcess:
    """A process that starts nothing; its services answer at their addresses, or at port 7."""

    made: list["FakeProcess"]

    def __init__(
        self, faults: Sequence[Fault], *_: Any, addresses: Mapping[str, Address], **__: Any
    ) -> None:
        self.names = [fault.name for fault in faults]
        self.turned: list[tuple[str, bool]] = []
        self._found = {
            fault.name: [
                f"{at.host}:{at.port + number}" if at else "127.0.0.1:7"
                for number in range(fault.hosts)
            ]
            for fault in faults
            for at in (addresses.get(fault.name),)
        }
        self.made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End nothing."""

    def signal(self, number: int) -> None:
        """Take a signal."""

    def targets(self) -> Mapping[str, Sequence[str]]:
        return self._found

    def turn(self, fault: str, on: bool) -> None:
        self.turned.append((fault, on))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[FakeProcess]:
    """Return the processes that environments make, on a machine with two cores."""
    made: list[FakeProcess] = []
    monkeypatch.setattr(FakeProcess, "made", made, raising=False)
    monkeypatch.setattr(module, "EnvironmentProcess", FakeProcess)
    monkeypatch.setattr(module, "_cores", lambda: 2)
    return made


def targets(
    names: Sequence[str], home: Path, address: Address | None = None
) -> Mapping[str, Sequence[str]]:
    """Return where the faults of these names would be scraped."""
    faults = [fault_named(name) for name in names]

    async def ask() -> Mapping[str, Sequence[str]]:
        with Environments(faults, home, address=address) as environments:
            return await environments.targets()

    return asyncio.run(ask())


def test_all_faults_are_spread_evenly() -> None:
    """Each is in one group, in the table's order, and no group has a reader in ten too many."""
    groups = spread(FAULTS, 2)
    users = [sum(fault.users for fault in group) for group in groups]

    assert sorted(fault.name for group in groups for fault in group) == sorted(
        fault.name for fault in FAULTS
    )
    assert all(group == sorted(group, key=FAULTS.index) for group in groups)
    assert max(users) < 1.1 * min(users)


@pytest.mark.parametrize(("faults", "cores", "expected"), [(3, 8, 1), (4, 2, 2), (20, 64, 4)])
def test_there_are_no_more_processes_than_help(
    faults: int, cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few faults need one; the machine's cores bound it, and a small number does."""
    monkeypatch.setattr(module, "_cores", lambda: cores)

    assert len(grouped(FAULTS[:faults])) == expected


def test_faults_of_a_shared_store_are_apart_from_many_others() -> None:
    """Where twenty services share a loop each answer of a store would seem slow."""
    *others, timed = grouped(FAULTS)

    assert [fault.name for fault in timed] == ["store-down", "store-slow", "host-killed"]
    assert not [fault.name for group in others for fault in group if fault.store]
    assert len(grouped([fault_named(name) for name in ("store-down", "store-slow")])) == 1


@pytest.mark.usefixtures("processes")
def test_ports_are_in_a_row_in_the_order_of_the_faults(tmp_path: Path) -> None:
    """The user opens a range of ports, whichever process each of them belongs to."""
    names = ["freeze", "rolling-deploy", "oversized", "restart"]

    assert targets(names, tmp_path, Address("h", 9470)) == {
        "drill": ["h:9470", "h:9475"],
        "drill-rolling-deploy": ["h:9471", "h:9472", "h:9473", "h:9474"],
        "drill-restart": ["h:9476"],
    }


@pytest.mark.usefixtures("processes")
def test_a_fault_with_its_own_job_gets_a_healthy_neighbour(tmp_path: Path) -> None:
    """Where the only job falls silent, nobody can say which job it was."""
    assert targets(["exporter-gone"], tmp_path) == {
        "drill": ["127.0.0.1:7"],
        "drill-exporter-gone": ["127.0.0.1:7"],
    }


def test_a_switch_turns_the_fault_in_its_process(
    tmp_path: Path, processes: list[FakeProcess]
) -> None:
    """And in no other one."""
    Environments(FAULTS, tmp_path).switches["freeze"].turn(True)

    heard = {process.turned != []: process for process in processes}
    assert heard[True].turned == [("freeze", True)]
    assert "freeze" in heard[True].names
    assert "freeze" not in heard[False].names
