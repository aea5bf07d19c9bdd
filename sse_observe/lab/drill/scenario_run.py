"""
The run of one fault: healthy, broken, repaired, over; and the verdict on its alerts.

Judges what it is shown. Starts nothing and asks nobody.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sse_observe.catalog.model import COMPARE, Alert
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.stack import Observation
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.timeline import EventKind, TimelineEvent
from sse_observe.lab.drill.verdict import Verdict
from sse_observe.lab.programs.prometheus import ActiveAlert, Sample
from sse_observe.lab.programs.webhook import Notification

# A false alarm needs its time too: the fault stays on for so long after its own alerts.
OVERTIME_MINUTES = 10.0
# The longest window of the alerts is 1h and their `keep_firing_for` 10m; and as much again.
RECOVERY_MINUTES = 120.0


@dataclass
class ScenarioRun:
    """
    One fault under way; `observe` is called about twice a second, `on_event` for each event.

    `minute` is how many seconds of the drill a minute of the rules takes.
    """

    fault: Fault
    switch: Switch
    alerts: Mapping[str, Alert]
    minute: float
    on_event: Callable[[TimelineEvent], None]
    phase: Literal["healthy", "broken", "repaired", "over"] = "healthy"
    _now: float = 0.0
    _broken_at: float = 0.0
    _repaired_at: float = 0.0
    _incomplete_at: float = 0.0
    _recovered: float | None = None
    _states: dict[str, str] = field(default_factory=dict)
    _crossed: set[str] = field(default_factory=set)
    _fired: dict[str, float] = field(default_factory=dict)
    _runbooks: dict[str, str] = field(default_factory=dict)
    _open: set[tuple[str, ...]] = field(default_factory=set)

    def begin(self, now: float) -> None:
        """Turn the fault on."""
        self._now = self._broken_at = self._incomplete_at = now
        self.phase = "broken"
        self.switch.turn(True)
        self._record("", "broken" if self.fault.alerts else "started", self.fault.text)

    def observe(self, now: float, seen: Observation) -> None:
        """Take everything that is to be seen at one moment, of all faults."""
        self._now = now
        raises = self.fault.raises
        self._observe_samples(sample for sample in seen.samples if raises(sample.labels))
        self._observe_alerts(alert for alert in seen.alerts if raises(alert.labels))
        self._observe_notifications(one for one in seen.notifications if raises(one.labels))
        if self.phase == "broken":
            self._may_repair()
        elif self.phase == "repaired":
            self._may_end()

    def _observe_samples(self, samples: Iterable[Sample]) -> None:
        """Record each signal that crosses the threshold of its alert for the first time."""
        if self.phase != "broken":
            return
        values = [(sample.labels["__name__"], sample.value) for sample in samples]
        for name in self.fault.alerts:
            alert = self.alerts[name]
            threshold = alert.line(alert.windows[0] if alert.windows else None)
            crosses = COMPARE[alert.compare]
            for signal, value in values:
                if (
                    name not in self._crossed
                    and signal == alert.signals()[0]
                    and crosses(value, threshold)
                ):
                    self._crossed.add(name)
                    detail = f"{signal} is {value:.3g} {alert.compare} {threshold:g}"
                    self._record(name, "crossed", detail)

    def _observe_alerts(self, alerts: Iterable[ActiveAlert]) -> None:
        """Record each alert that changed its state; of several of a name the firing one counts."""
        now: dict[str, str] = {}
        for alert in alerts:
            if now.get(alert.name) != "firing":
                now[alert.name] = alert.state
        for name, state in now.items():
            if state == self._states.get(name):
                continue
            if state == "firing":
                self._fired.setdefault(name, self._now - self._broken_at)
            if state == "firing" or name in self.fault.alerts:
                self._record(name, "pending" if state == "pending" else "firing")
        for name, state in self._states.items():
            if state == "firing" and now.get(name) != "firing":
                self._record(name, "resolved")
        self._states = now

    def _observe_notifications(self, notifications: Iterable[Notification]) -> None:
        for one in notifications:
            key = tuple(sorted(one.labels.values()))
            if one.status == "resolved":
                self._open.discard(key)
                continue
            self._open.add(key)
            name = one.labels["alertname"]
            if name not in self._runbooks:
                self._runbooks[name] = one.runbook_url
                self._record(name, "notified", f"{one.receiver} {one.runbook_url}".strip())

    def _may_repair(self) -> None:
        spent = self._now - self._broken_at
        if not self.fault.alerts:
            if spent >= self.fault.within * self.minute:
                self._repair("ended")
            return
        if not self._notified >= set(self.fault.alerts):
            self._incomplete_at = self._now
        overtime = OVERTIME_MINUTES * self.minute
        if (
            self._now - self._incomplete_at >= overtime
            or spent > self.fault.within * self.minute + overtime
        ):
            self._repair("repaired")

    @property
    def _notified(self) -> set[str]:
        """Alerts that fired and that somebody was notified of."""
        return self._fired.keys() & self._runbooks.keys()

    def _repair(self, what: EventKind) -> None:
        self._repaired_at, self.phase = self._now, "repaired"
        self.switch.turn(False)
        self._record("", what)

    def _may_end(self) -> None:
        spent = self._now - self._repaired_at
        quiet = "firing" not in self._states.values() and not self._open
        if quiet:
            self._recovered = spent
        if quiet or spent > RECOVERY_MINUTES * self.minute:
            self.phase = "over"

    def verdict(self) -> Verdict:
        """Return what was proved."""
        expected = set(self.fault.alerts)
        within = self.fault.within * self.minute
        firing = {name for name, state in self._states.items() if state == "firing"}
        unresolved = {name for name in self._fired for key in self._open if name in key}
        return Verdict(
            fault=self.fault.name,
            expected=self.fault.alerts,
            fired={name: round(after, 1) for name, after in self._fired.items()},
            within=within,
            missing=tuple(sorted(expected - self._notified)),
            late=tuple(
                name for name, after in self._fired.items() if name in expected and after > within
            ),
            unexpected=tuple(sorted(self._fired.keys() - expected)),
            unresolved=tuple(sorted(firing | unresolved)),
            runbooks=dict(self._runbooks),
            recovered=None if self._recovered is None else round(self._recovered, 1),
        )

    def _record(self, alert: str, what: EventKind, detail: str = "") -> None:
        event = TimelineEvent(round(self._now, 1), self.fault.name, alert, what, detail)
        self.on_event(event)
