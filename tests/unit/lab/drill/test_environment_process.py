"""An environment in a process of its own: what crosses, and that it ends with the drill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sse_observe.errors import LabError
from sse_observe.lab.drill.deploy_faults import DEPLOYS
from sse_observe.lab.drill.environment_process import EnvironmentProcess
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.service import Address
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

GONE = fault_named("exporter-gone")


def process(home: Path, *faults: Fault, **addresses: Address) -> EnvironmentProcess:
    return EnvironmentProcess(faults, home, log=home / "log", addresses=addresses)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[EnvironmentProcess]:
    """Return a process with one fault."""
    with process(tmp_path, GONE) as one:
        yield one


def alive(one: EnvironmentProcess) -> bool:
    return one._process is not None and Path(f"/proc/{one._process.pid}").exists()


def test_a_fault_is_turned_on_and_off_across_the_border(running: EnvironmentProcess) -> None:
    """Its exporter goes, and comes back."""
    (target,) = running.targets()[GONE.name]

    def answers(status: int) -> bool:
        return requests.get(f"http://{target}/metrics", timeout=30).status_code == status

    assert answers(200)
    running.turn(GONE.name, True)
    wait_until(lambda: answers(404))
    running.turn(GONE.name, False)
    wait_until(lambda: answers(200))


def test_claims_come_back(tmp_path: Path) -> None:
    """A deploy that has not begun keeps nothing yet."""
    (deploy,) = DEPLOYS
    with process(tmp_path, deploy) as one:
        assert len(one.targets()[deploy.name]) == deploy.hosts
        assert [claim.holds for claim in one.claims(deploy.name)] == [False]


def test_an_error_is_the_one_line_that_it_would_be_here(tmp_path: Path) -> None:
    """No traceback, and no word about processes."""
    nowhere = Address("192.0.2.1", 9470)
    with (
        process(tmp_path, GONE, **{GONE.name: nowhere}) as one,
        pytest.raises(LabError, match=r"^192.0.2.1:9470: .*; choose another with --listen$"),
    ):
        one.targets()


def test_a_process_that_ends_by_itself_is_noticed(running: EnvironmentProcess) -> None:
    """A drill without its services would judge an empty street."""
    running.targets()
    running.check()
    running.signal(signal.SIGKILL)

    def noticed() -> bool:
        try:
            running.check()
        except LabError as error:
            return "a process of the drill ended: " in str(error)
        return False

    wait_until(noticed)


def test_it_ends_in_order_when_it_is_stopped(tmp_path: Path) -> None:
    """Its programs and its files are its own to end, also while it still starts."""
    one = process(tmp_path, GONE).start()
    one.targets()
    assert one._process is not None
    child = one._process
    one.stop()

    assert child.returncode == 0
    started = process(tmp_path, GONE).start()
    started.stop()
    assert not alive(started)


def test_it_ends_with_a_drill_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nobody time to stop it."""
    code = f"""
import time
from pathlib import Path
from sse_observe.lab.drill.environment_process import EnvironmentProcess
from sse_observe.lab.drill.faults import fault_named
home = Path({str(tmp_path)!r})
faults = [fault_named({GONE.name!r})]
one = EnvironmentProcess(faults, home, log=home / "log", addresses={{}}).start()
one.targets()
print(one._process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as drill:
        assert drill.stdout is not None
        pid = int(drill.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        os.kill(drill.pid, signal.SIGKILL)

    wait_until(lambda: not Path(f"/proc/{pid}").exists())
