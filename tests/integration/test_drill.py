"""The fire drill: what it proves, what it would not let pass, and how it says so."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sse_observe.catalog.load import load
from sse_observe.errors import LabError
from sse_observe.lab.drill import timeline
from sse_observe.lab.drill.drill import Drill
from sse_observe.lab.drill.faults import FAULTS, JOB, Fault, fault
from sse_observe.lab.drill.faulty_apps import Switch
from sse_observe.lab.drill.results import Report
from sse_observe.lab.drill.scenario_run import (
    RECOVERY_MINUTES,
    SETTLE_MINUTES,
    Course,
    Happening,
    Verdict,
)
from sse_observe.lab.programs.alertmanager import Notification
from sse_observe.lab.programs.lossy_network import Wire
from sse_observe.lab.programs.prometheus import Sample
from tests.support.programs import absent, needs

DRILL = [sys.executable, "-m", "sse_observe", "drill"]
FREEZE, HEALTHY = fault("freeze"), fault("healthy")
THEIRS = ("--prometheus", "http://127.0.0.1:1", "--alertmanager", "http://127.0.0.1:2")
STALLED = "SSEStreamsStalled"
RUNBOOK = "http://h/runbooks/SSEStreamsStalled.md"


class Rehearsal:
    """A course that is shown what a test wants; a second of it is a minute of the rules."""

    def __init__(self, of: Fault = FREEZE) -> None:
        self.told: list[Happening] = []
        self.switch = Switch()
        alerts = {alert.name: alert for alert in load().alerts}
        self.course = Course(of, self.switch, alerts, 1, self.told.append)
        self.now = 100.0
        self.course.begin(self.now)

    def after(
        self,
        seconds: float,
        *alerts: tuple[str, str],
        notes: Mapping[str, str] | None = None,
        values: tuple[Sample, ...] = (),
        route: str = FREEZE.path,
    ) -> None:
        """Let time pass; then these alerts are in these states, and these were notified."""
        self.now += seconds
        found = [{"state": state, "labels": labels(name, route)} for name, state in alerts]
        messages = [
            Notification(status, labels(name, route), RUNBOOK)
            for name, status in (notes or {}).items()
        ]
        self.course.look(self.now, found, values, messages)

    def to_the_end(self) -> Verdict:
        """Let everything else go as it should."""
        self.after(0, (STALLED, "firing"), notes={STALLED: "firing"})
        self.after(SETTLE_MINUTES, (STALLED, "firing"))
        self.after(1, notes={STALLED: "resolved"})
        assert self.course.phase == "over"
        return self.course.verdict()


def labels(alert: str, route: str) -> dict[str, str]:
    return {"alertname": alert, "job": JOB, "route": route, "severity": "critical"}


def test_the_right_alert_and_no_other_is_as_expected() -> None:
    """It fires in time, is notified with its runbook, and resolves once the fault is mended."""
    rehearsal = Rehearsal()
    assert rehearsal.switch.on
    sample = Sample(
        {**labels("", FREEZE.path), "__name__": "route:sse_streams_stalled:ratio5m"}, 0.4
    )
    rehearsal.after(3, values=(sample,))
    rehearsal.after(3, (STALLED, "pending"))
    rehearsal.after(5, (STALLED, "firing"))

    verdict = rehearsal.to_the_end()

    assert verdict.as_expected
    assert verdict.fired == {STALLED: 11.0}
    assert verdict.recovered == 1.0
    assert not rehearsal.switch.on
    assert [happening.what for happening in rehearsal.told] == [
        *("broken", "crossed", "pending", "firing", "notified", "mended", "resolved")
    ]
    assert rehearsal.told[1].detail == "route:sse_streams_stalled:ratio5m is 0.4 > 0.05"
    assert rehearsal.told[4].detail == RUNBOOK


def test_another_alert_of_the_route_fails_the_drill() -> None:
    """A false alarm counts whenever it comes, also after the fault was mended."""
    early, late = Rehearsal(), Rehearsal()
    early.after(1, ("SSEMessageLoss", "firing"))
    late.after(1, (STALLED, "firing"), notes={STALLED: "firing"})
    late.after(SETTLE_MINUTES, (STALLED, "firing"))
    late.after(1, ("SSEReplayMiss", "firing"))
    late.after(1, notes={STALLED: "resolved"})

    assert early.to_the_end().unexpected == ("SSEMessageLoss",)
    assert late.course.verdict().unexpected == ("SSEReplayMiss",)
    assert not late.course.verdict().as_expected


def test_what_is_not_this_routes_is_not_this_faults() -> None:
    """Faults run side by side, and each answers for its own route only."""
    rehearsal = Rehearsal()
    rehearsal.after(1, ("SSEMessageLoss", "firing"), route="/elsewhere")

    assert rehearsal.to_the_end().as_expected


def test_a_missing_a_late_and_a_silent_alert_each_fail_the_drill() -> None:
    """Nothing fired; or it fired after its time; or nobody was told."""
    missing, late, silent = Rehearsal(), Rehearsal(), Rehearsal()
    missing.after(FREEZE.within + SETTLE_MINUTES + 1)
    late.after(FREEZE.within + 1, (STALLED, "firing"))
    silent.after(1, (STALLED, "firing"))
    silent.after(FREEZE.within + SETTLE_MINUTES + 1, (STALLED, "firing"))

    assert missing.course.verdict().missing == (STALLED,)
    assert late.to_the_end().late == (STALLED,)
    assert silent.course.verdict().missing == (STALLED,)


def test_an_alert_that_never_resolves_fails_the_drill() -> None:
    """Recovery is waited for, and not for ever."""
    rehearsal = Rehearsal()
    rehearsal.after(1, (STALLED, "firing"), notes={STALLED: "firing"})
    rehearsal.after(SETTLE_MINUTES, (STALLED, "firing"))
    rehearsal.after(RECOVERY_MINUTES + 1, (STALLED, "firing"))

    assert rehearsal.course.phase == "over"
    assert rehearsal.course.verdict().unresolved == (STALLED,)


def test_without_a_fault_the_whole_hour_must_stay_silent() -> None:
    """Healthy users are watched to the end of their time; any alert of their route fails it."""
    silent, loud = Rehearsal(HEALTHY), Rehearsal(HEALTHY)
    silent.after(HEALTHY.within - 1)
    assert silent.course.phase == "broken"
    silent.after(2)
    silent.after(1)
    loud.after(1, ("SSEReplayMiss", "firing"), route=HEALTHY.path)
    loud.after(HEALTHY.within)
    loud.after(1)

    assert silent.course.phase == loud.course.phase == "over"
    assert silent.course.verdict().as_expected
    assert [happening.what for happening in silent.told] == ["begun", "ended"]
    assert loud.course.verdict().unexpected == ("SSEReplayMiss",)
    assert Report((silent.course.verdict(),), (), 60, 60, ()).recall == 1


def test_what_cannot_be_caused_here_is_said_with_its_reason() -> None:
    """A skipped fault is no failure, and is not passed over in silence."""
    good = Rehearsal().to_the_end()
    report = Report((good,), (), 60, 60, (), {"packet-loss": "no network namespace"})

    assert report.as_expected
    assert "packet-loss       skipped: no network namespace" in "\n".join(timeline.verdicts(report))
    assert timeline.document(report)["skipped"] == {"packet-loss": "no network namespace"}


def test_recall_and_precision_count_strays_too() -> None:
    """One of two alerts fired, one that belongs to nobody did as well."""
    good = Rehearsal().to_the_end()
    bad = replace(good, fired={}, missing=(STALLED,))
    report = Report((good, bad), ("SSETelemetryAbsent",), 60, 60, (), missed=0.25)

    assert (report.recall, report.precision) == (0.5, 0.5)
    assert not report.as_expected
    said = "\n".join(timeline.verdicts(report))
    assert "recall 50%, precision 50%" in said
    assert "SSETelemetryAbsent" in said
    assert f"missing: {STALLED}" in said
    assert "25% of the scrapes failed: this machine was too busy" in said


def test_the_table_names_alerts_that_exist_and_is_listed_whole() -> None:
    """Each fault has a name of its own, alerts of the catalogue, and its two lines."""
    known = {alert.name for alert in load().alerts}
    listed = "\n".join(timeline.listing())

    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for one in FAULTS:
        assert set(one.alerts) <= known
        assert set(one.held) == set(one.alerts[1:])
        assert one.name in listed
        assert ", ".join(one.alerts) in listed


def test_each_alert_with_a_fault_names_its_drill() -> None:
    """The runbook's last section says how to rehearse the alert, wherever a fault can."""
    drills = {name: one.name for one in reversed(FAULTS) for name in one.alerts}
    for alert in load().alerts:
        section = alert.prose.split("## Test it")[1]
        named = f"sse-observe drill {drills[alert.name]}`" if alert.name in drills else None
        assert (named in section) if named else ("sse-observe drill" not in section), alert.name


def test_a_misspelt_fault_is_told_the_nearest() -> None:
    """One line, with the name that was probably meant."""
    with pytest.raises(LabError, match=r"freze: no such fault; did you mean freeze\?"):
        fault("freze")


def run(faults: tuple[str, ...]) -> Report:
    for program in ("prometheus", "prometheus-alertmanager", "nginx"):
        needs(program)
    chosen = [fault(name) for name in faults] or FAULTS
    return asyncio.run(Drill(chosen, lambda _: None).run())


@pytest.mark.slow
def test_faults_side_by_side_raise_exactly_their_own_alerts() -> None:
    """Real streams freeze or fall silent, a job goes; a real Alertmanager says which is which."""
    report = run(("freeze", "heartbeats-off", "exporter-gone"))

    assert report.as_expected, "\n".join(timeline.verdicts(report))
    assert all(
        url.endswith(f"/runbooks/{alert}.md")
        for verdict in report.verdicts
        for alert, url in verdict.runbooks.items()
    )


@pytest.mark.slow
def test_the_command_lists_refuses_and_names_what_is_missing(tmp_path: Path) -> None:
    """Without a fault it lists them; a wrong name or a missing program is one line, exit code 1."""

    def drill(*words: str, **env: str) -> Any:
        return subprocess.run(
            [*DRILL, *words],
            env={**os.environ, **env},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    listed = drill()
    wrong = drill("freeze-it")
    both = drill("freeze", "--all")
    bare = drill("freeze", PATH=str(tmp_path))
    watch_disconnect = drill("freeze", *THEIRS)

    assert listed.returncode == 0
    assert listed.stdout.count("raises") == len(FAULTS)
    for done, words in (
        (wrong, "did you mean freeze?"),
        (both, "leave one of them out"),
        (bare, "apt-get install prometheus"),
        (watch_disconnect, "http://127.0.0.1:1: api/v1/rules does not answer"),
    ):
        (line,) = done.stderr.splitlines()
        assert done.returncode == 1
        assert words in line


def running_from(folder: Path) -> list[str]:
    """Return the command lines of the processes that were told to use a folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


@pytest.mark.slow
def test_a_wire_loses_packets_when_told_and_the_kernel_sends_them_again() -> None:
    """Every byte arrives all the same, and the sender's own counter shows what that took."""
    words = 60  # of which one in five is lost: none at all is less likely than one in 500,000

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(words):
            writer.write(b"word")
            await writer.drain()
            await asyncio.sleep(0.01)
        told.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, 11, 104))
        writer.close()

    async def listen(wire: Wire) -> bytes:
        async with await asyncio.start_server(speak, sock=wire.listeners[0]):
            wire.lose(True)
            reader, writer = await wire.dial()
            heard = await reader.read()
            writer.close()
            return heard

    told: list[bytes] = []
    try:
        wire = Wire().start()
    except LabError as error:
        absent(str(error))
    try:
        assert asyncio.run(listen(wire)) == b"word" * words
    finally:
        wire.stop()
    (again,) = struct.unpack_from("I", told[0], 100)
    assert again > 0


@pytest.fixture
def no_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine that refuses namespaces."""
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("no_namespaces")
def test_without_namespaces_one_line_says_what_refused() -> None:
    """What refuses is named, and nothing is left running."""
    needs("ip")
    needs("nft")
    with pytest.raises(LabError, match=r"no network namespace .*Operation not permitted"):
        Wire().start()


@pytest.mark.usefixtures("no_namespaces")
def test_a_fault_that_cannot_be_caused_is_skipped_unless_it_is_the_only_one() -> None:
    """Beside others it does not stop them; alone there would be nothing to drill."""
    lossy = fault("packet-loss")
    with contextlib.ExitStack() as programs:
        several = Drill([FREEZE, lossy], print)
        assert several._wired(programs) == (None, [FREEZE])
        assert list(several._skipped) == ["packet-loss"]
        with pytest.raises(LabError):
            Drill([lossy], print)._wired(programs)


@pytest.mark.slow
def test_a_drill_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    """A job's time limit comes as SIGTERM: Prometheus, Alertmanager and the folder go too."""
    needs("prometheus-alertmanager")
    command = [*DRILL, "freeze"]
    with subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL
    ) as drill:
        deadline = time.monotonic() + 60
        while len(running_from(tmp_path)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        started = running_from(tmp_path)
        drill.terminate()
        drill.wait(60)

    assert len(started) == 2
    assert drill.returncode == 130
    assert running_from(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.prove
def test_the_matrix() -> None:
    """Every fault raises exactly the alerts that the table says, in time, and all resolve."""
    needs("nginx")
    done = subprocess.run(
        [*DRILL, "--all", "--json"], check=False, capture_output=True, text=True, timeout=400
    )
    found = json.loads(done.stdout)

    assert found["skipped"] == {} or not os.environ.get("CI")
    assert [one["fault"] for one in found["faults"] if not one["as_expected"]] == []
    assert found["strays"] == []
    assert (found["recall"], found["precision"]) == (1, 1)
    assert done.returncode == 0
