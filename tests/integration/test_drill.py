"""The drill as a user runs it: how it ends, and the whole table of faults."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs
from tests.support.waiting import wait_until

DRILL = [*SSE_OBSERVE, "drill"]


def running_from(folder: Path) -> list[int]:
    """Return the processes that were told to use a folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(int(file.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_drill_that_is_stopped_leaves_nothing_behind(
    number: signal.Signals, tmp_path: Path
) -> None:
    """A job's time limit comes as SIGTERM, and then as SIGKILL: no program outlives either."""
    needs("prometheus-alertmanager")
    command = [*DRILL, "freeze"]
    with subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL
    ) as drill:
        wait_until(lambda: len(running_from(tmp_path)) == 2, "Prometheus and Alertmanager")
        drill.send_signal(number)
        drill.wait(60)

    wait_until(lambda: running_from(tmp_path) == [], "the end of both")
    if number == signal.SIGTERM:
        assert drill.returncode == 130
        assert list(tmp_path.iterdir()) == []


@pytest.mark.prove
def test_the_matrix() -> None:
    """Every fault raises exactly the alerts that the table says, in time, and all resolve."""
    needs("nginx")
    done = subprocess.run(
        [*DRILL, "--all", "--json"], check=False, capture_output=True, text=True, timeout=420
    )
    found = json.loads(done.stdout)

    assert found["skipped"] == {} or not os.environ.get("CI")
    assert [one["fault"] for one in found["faults"] if not one["as_expected"]] == []
    assert found["strays"] == []
    assert (found["recall"], found["precision"]) == (1, 1)
    assert done.returncode == 0
