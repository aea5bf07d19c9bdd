"""A drill's plan: how fast, with which faults, and what belongs to none of them."""

import os
from pathlib import Path

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.drill.drill import FAST, SLOW, Drill
from sse_observe.lab.drill.fault import JOB
from sse_observe.lab.drill.faults import FAULTS, fault_named
from sse_observe.lab.programs.prometheus import ActiveAlert

FREEZE = fault_named("freeze")


@pytest.mark.parametrize(
    ("names", "scale"),
    [
        (["freeze"], FAST),
        (["freeze", "oversized", "leak"], FAST),
        (["freeze", "storm"], 30),
        ([fault.name for fault in FAULTS], SLOW),
    ],
)
def test_time_goes_as_fast_as_the_slowest_fault_and_the_machine_allow(
    names: list[str], scale: float
) -> None:
    """Many faults share the cores, and some faults need their time."""
    drill = Drill([fault_named(name) for name in names], print)

    assert drill.stack.scale == scale
    assert drill.healthy_seconds == 8 * 60 / scale


def test_a_stray_is_an_alert_that_fires_and_comes_from_no_fault() -> None:
    """Pending is no alarm, and a fault's own alert is judged with the fault."""
    alerts = [
        ActiveAlert({"alertname": "Mine", "job": JOB, "route": FREEZE.path}, "firing"),
        ActiveAlert({"alertname": "Pending", "job": JOB, "route": "/elsewhere"}, "pending"),
        ActiveAlert({"alertname": "Stray", "job": JOB, "route": "/elsewhere"}, "firing"),
    ]

    assert Drill([FREEZE], print)._unexplained(alerts) == {"Stray"}


@pytest.fixture
def no_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine that refuses namespaces."""
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("no_namespaces")
def test_a_fault_that_cannot_be_caused_is_skipped_unless_it_is_the_only_one() -> None:
    """Beside others it does not stop them; alone there would be nothing to drill."""
    lossy = fault_named("packet-loss")
    several = Drill([FREEZE, lossy], print)

    assert several._possible() == [FREEZE]
    assert list(several._skipped) == ["packet-loss"]
    with pytest.raises(LabError):
        Drill([lossy], print)._possible()
