"""The table of faults agrees with the catalogue and its runbooks."""

import pytest

from sse_observe.catalog.load import load
from sse_observe.errors import LabError
from sse_observe.lab.drill.faults import FAULTS, fault_named, faults_named


def test_the_table_names_alerts_that_exist() -> None:
    """Each fault has a name of its own and alerts of the catalogue; the first one holds back."""
    known = {alert.name for alert in load().alerts}

    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for one in FAULTS:
        assert set(one.alerts) <= known
        assert set(one.held) == set(one.alerts[1:])


def test_each_alert_with_a_fault_names_its_drill() -> None:
    """The runbook's last section says how to rehearse the alert, wherever a fault can."""
    drills = {name: one.name for one in reversed(FAULTS) for name in one.alerts}
    for alert in load().alerts:
        section = alert.prose.split("## Test it")[1]
        named = f"sse-observe drill {drills[alert.name]}`" if alert.name in drills else None
        assert (named in section) if named else ("sse-observe drill" not in section), alert.name


def test_a_misspelt_fault_gets_the_nearest_name() -> None:
    """One line, with the name that was probably meant."""
    with pytest.raises(LabError, match=r"freze: no such fault; did you mean freeze\?"):
        fault_named("freze")


def test_a_name_that_resembles_nothing_gets_the_way_to_the_list() -> None:
    """The remedy is a command that can be pasted."""
    with pytest.raises(LabError, match=r"qqq: no such fault; `sse-observe drill` lists them"):
        fault_named("qqq")


def test_the_healthy_run_has_every_service_without_a_fault() -> None:
    """Idle feeds and slow thinkers are healthy too, where nothing is declared."""
    names = [fault.name for fault in faults_named("healthy")]

    assert names == ["healthy", "slow-thinkers", "idle-feeds"]
    assert faults_named("freeze") == (fault_named("freeze"),)


def test_several_faults_are_drilled_once_each() -> None:
    """A name that is given twice is no second service at the same path."""
    named = ("slow-provider", "freeze", "freeze", "provider-outage")

    assert sorted(fault.name for fault in faults_named(*named)) == sorted(set(named))
