"""The run of one fault: what passes, and what must not pass."""

from collections.abc import Mapping

from sse_observe.catalog.load import load
from sse_observe.lab.drill.fault import JOB, Fault
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.results import Results
from sse_observe.lab.drill.scenario_run import OVERTIME_MINUTES, RECOVERY_MINUTES, ScenarioRun
from sse_observe.lab.drill.stack import Observation
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.drill.verdict import Verdict
from sse_observe.lab.programs.prometheus import ActiveAlert, Sample
from sse_observe.lab.programs.webhook import Notification

FREEZE, HEALTHY = fault_named("freeze"), fault_named("healthy")
STALLED = "SSEStreamsStalled"
RUNBOOK = "http://h/runbooks/SSEStreamsStalled.md"


class Rehearsal:
    """A run that is shown what a test wants; a second of it is a minute of the rules."""

    def __init__(self, fault: Fault = FREEZE) -> None:
        self.events: list[TimelineEvent] = []
        self.switch = Switch()
        alerts = {alert.name: alert for alert in load().alerts}
        self.run = ScenarioRun(fault, self.switch, alerts, 1, self.events.append)
        self.now = 100.0
        self.run.begin(self.now)

    def after(
        self,
        seconds: float,
        *alerts: tuple[str, str],
        notified: Mapping[str, str] | None = None,
        samples: tuple[Sample, ...] = (),
        route: str = FREEZE.path,
    ) -> None:
        """Let time pass; then these alerts are in these states, and these were notified."""
        self.now += seconds
        active = [ActiveAlert(labels(name, route), state) for name, state in alerts]
        notifications = [
            Notification(status, labels(name, route), RUNBOOK)
            for name, status in (notified or {}).items()
        ]
        self.run.observe(self.now, Observation(active, samples, notifications))

    def to_the_end(self) -> Verdict:
        """Let everything else go as it should."""
        self.after(0, (STALLED, "firing"), notified={STALLED: "firing"})
        self.after(OVERTIME_MINUTES, (STALLED, "firing"))
        self.after(1, notified={STALLED: "resolved"})
        assert self.run.phase == "over"
        return self.run.verdict()


def labels(alert: str, route: str) -> dict[str, str]:
    return {"alertname": alert, "job": JOB, "route": route, "severity": "critical"}


def test_the_right_alert_and_no_other_is_as_expected() -> None:
    """It fires in time, is notified with its runbook, and resolves once the fault is repaired."""
    rehearsal = Rehearsal()
    assert rehearsal.switch.on
    sample = Sample(
        {**labels("", FREEZE.path), "__name__": "route:sse_streams_stalled:ratio5m"}, 0.4
    )
    rehearsal.after(3, samples=(sample,))
    rehearsal.after(3, (STALLED, "pending"))
    rehearsal.after(5, (STALLED, "firing"))

    verdict = rehearsal.to_the_end()

    assert verdict.as_expected
    assert verdict.fired == {STALLED: 11.0}
    assert verdict.recovered == 1.0
    assert not rehearsal.switch.on
    assert [event.what for event in rehearsal.events] == [
        *("broken", "crossed", "pending", "firing", "notified", "repaired", "resolved")
    ]
    assert rehearsal.events[1].detail == "route:sse_streams_stalled:ratio5m is 0.4 > 0.05"
    assert rehearsal.events[4].detail == RUNBOOK


def test_another_alert_of_the_route_fails_the_drill() -> None:
    """A false alarm counts whenever it comes, also after the fault was repaired."""
    early, late = Rehearsal(), Rehearsal()
    early.after(1, ("SSEMessageLoss", "firing"))
    late.after(1, (STALLED, "firing"), notified={STALLED: "firing"})
    late.after(OVERTIME_MINUTES, (STALLED, "firing"))
    late.after(1, ("SSEReplayMiss", "firing"))
    late.after(1, notified={STALLED: "resolved"})

    assert early.to_the_end().unexpected == ("SSEMessageLoss",)
    assert late.run.verdict().unexpected == ("SSEReplayMiss",)
    assert not late.run.verdict().as_expected


def test_what_is_not_this_routes_is_not_this_faults() -> None:
    """Faults run side by side, and each answers for its own route only."""
    rehearsal = Rehearsal()
    rehearsal.after(1, ("SSEMessageLoss", "firing"), route="/elsewhere")

    assert rehearsal.to_the_end().as_expected


def test_a_missing_a_late_and_a_silent_alert_each_fail_the_drill() -> None:
    """Nothing fired; or it fired after its time; or nobody was notified."""
    missing, late, silent = Rehearsal(), Rehearsal(), Rehearsal()
    missing.after(FREEZE.within + OVERTIME_MINUTES + 1)
    late.after(FREEZE.within + 1, (STALLED, "firing"))
    silent.after(1, (STALLED, "firing"))
    silent.after(FREEZE.within + OVERTIME_MINUTES + 1, (STALLED, "firing"))

    assert missing.run.verdict().missing == (STALLED,)
    assert late.to_the_end().late == (STALLED,)
    assert silent.run.verdict().missing == (STALLED,)


def test_an_alert_that_never_resolves_fails_the_drill() -> None:
    """Recovery is waited for, and not for ever."""
    rehearsal = Rehearsal()
    rehearsal.after(1, (STALLED, "firing"), notified={STALLED: "firing"})
    rehearsal.after(OVERTIME_MINUTES, (STALLED, "firing"))
    rehearsal.after(RECOVERY_MINUTES + 1, (STALLED, "firing"))

    assert rehearsal.run.phase == "over"
    assert rehearsal.run.verdict().unresolved == (STALLED,)


def test_of_two_alerts_of_one_name_the_firing_one_counts() -> None:
    """A pair of windows that is pending hides no pair that fires, whichever is listed first."""
    for states in (("firing", "pending"), ("pending", "firing")):
        rehearsal = Rehearsal()
        rehearsal.after(1, *((STALLED, state) for state in states))

        assert rehearsal.run.verdict().fired == {STALLED: 1.0}


def test_without_a_fault_the_whole_hour_must_stay_silent() -> None:
    """Healthy users are watched to the end of their time; any alert of their route fails it."""
    silent, loud = Rehearsal(HEALTHY), Rehearsal(HEALTHY)
    silent.after(HEALTHY.within - 1)
    assert silent.run.phase == "broken"
    silent.after(2)
    silent.after(1)
    loud.after(1, ("SSEReplayMiss", "firing"), route=HEALTHY.path)
    loud.after(HEALTHY.within)
    loud.after(1)

    assert silent.run.phase == loud.run.phase == "over"
    assert silent.run.verdict().as_expected
    assert [event.what for event in silent.events] == ["started", "ended"]
    assert loud.run.verdict().unexpected == ("SSEReplayMiss",)
    assert Results((silent.run.verdict(),), (), 60, 60, ()).recall == 1
