"""A child process: started, waited for, and gone at the end, whatever it does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.programs import process
from sse_observe.lab.programs.process import Program, find
from tests.support.paths import ROOT
from tests.support.waiting import wait_until

WAIT = "import time; time.sleep(600)"


def program(folder: Path, code: str, *, ready: bool = True, seconds: float = 20) -> Program:
    return Program(
        [sys.executable, "-c", code],
        log=folder / "log",
        ready=lambda: ready,
        ready_seconds=seconds,
    )


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_it_runs_while_the_block_does(tmp_path: Path) -> None:
    """No process is left behind, also where the block fails."""
    pids = []

    def fail() -> None:
        with program(tmp_path, WAIT) as running:
            assert running._process is not None
            pids.append(running._process.pid)
            assert alive(pids[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert not alive(pids[0])


STARTS = """
import sys, time
from pathlib import Path
from sse_observe.lab.programs.process import Program
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); "
code += "time.sleep(600)"
log = Path(sys.argv[1])
program = Program([sys.executable, "-c", code], log=log, ready=lambda: log.read_text() != "")
program.start()
print(program._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_no_program_outlives_us_whatever_ends_us_and_whatever_it_ignores(tmp_path: Path) -> None:
    """SIGKILL leaves us no time, and a port that stays taken is in the way of the next drill."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTS, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()

    wait_until(lambda: not Path(f"/proc/{pid}/exe").exists(), "the end of the program")


@pytest.mark.parametrize("folder", ["demo", "drill", "programs"])
def test_nothing_else_of_the_lab_starts_what_could_outlive_it(folder: str) -> None:
    """Whoever starts a process himself has no guard; a namespace ends with its socket."""
    lab = ROOT / "sse_observe/lab" / folder
    starts = {
        path.name
        for path in lab.rglob("*.py")
        if re.search("Popen|[^_]exec[lv]|fork", path.read_text())
    }

    assert starts <= {"process.py", "lossy_network.py"}


def test_a_program_that_ends_at_once_is_named_with_its_last_line(tmp_path: Path) -> None:
    """Its own words say best what is wrong with its configuration."""
    code = "print('first'); print('bad configuration'); print()"

    with pytest.raises(LabError, match=r"python.* ended at once: bad configuration"):
        program(tmp_path, code, ready=False).start()


def test_a_program_that_never_answers_is_stopped(tmp_path: Path) -> None:
    """It is not waited for without end, and not left running."""
    slow = program(tmp_path, WAIT, ready=False, seconds=0.1)

    with pytest.raises(LabError, match=r"did not answer in 0.1 s"):
        slow.start()

    assert slow._process is None


def test_a_program_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a run does not hang on one program."""
    monkeypatch.setattr(process, "STOP_SECONDS", 0.1)
    mark = tmp_path / "ignores"
    code = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    )
    stubborn = Program([sys.executable, "-c", code], log=tmp_path / "log", ready=mark.exists)
    stubborn.start()
    assert stubborn._process is not None
    pid = stubborn._process.pid
    stubborn.stop()

    assert not alive(pid)


def test_a_missing_program_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that can be acted on."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LabError, match="nobody: not found on PATH; install it: apt-get install n"):
        find("nobody", "nobody-package")


def test_a_server_outside_of_a_users_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian keeps nginx where only root's PATH looks."""
    server = tmp_path / "server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr(process, "_SERVERS", str(tmp_path))

    assert find("server", "server") == str(server)
