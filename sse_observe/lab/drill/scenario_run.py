"""
One fault's way through a drill: healthy, broken, mended, over; and the verdict on its alerts.

Judges what it is shown; starts nothing and asks nobody.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sse_observe.catalog.model import COMPARE, Alert
from sse_observe.lab.drill.faults import Fault
from sse_observe.lab.drill.faulty_apps import Switch
from sse_observe.lab.programs.alertmanager import Notification
from sse_observe.lab.programs.prometheus import Sample

# A false alarm needs its time too: the fault stays on for so long after its own alerts.
SETTLE_MINUTES = 10.0
# The longest look back of the alerts is 1h and its `keep_firing_for` 10m; and as much for slack.
RECOVERY_MINUTES = 120.0


Event = Literal[
    "begun", "broken", "crossed", "pending", "firing", "notified", "resolved", "mended", "ended"
]


@dataclass(frozen=True)
class Happening:
    """One line of the timeline, in seconds of the drill."""

    seconds: float
    fault: str
    alert: str
    what: Event
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a drill proved: `as_expected` if exactly the expected alerts came, in time, and went."""

    fault: str
    expected: tuple[str, ...]
    fired: Mapping[str, float]
    within: float
    missing: tuple[str, ...]
    late: tuple[str, ...]
    unexpected: tuple[str, ...]
    unresolved: tuple[str, ...]
    runbooks: Mapping[str, str]
    recovered: float | None

    @property
    def as_expected(self) -> bool:
        """Whether all of it was as the table says."""
        return not (self.missing or self.late or self.unexpected or self.unresolved)


@dataclass
class Course:
    """
    One fault under way; `look` is called about twice a second with all that is known.

    `minute` is how many seconds of the drill a minute of the rules takes.
    """

    fault: Fault
    switch: Switch
    alerts: Mapping[str, Alert]
    minute: float
    tell: Callable[[Happening], None]
    phase: Literal["healthy", "broken", "mended", "over"] = "healthy"
    _now: float = 0.0
    _began: float = 0.0
    _mended: float = 0.0
    _settled: float = 0.0
    _recovered: float | None = None
    _states: dict[str, str] = field(default_factory=dict)
    _crossed: set[str] = field(default_factory=set)
    _fired: dict[str, float] = field(default_factory=dict)
    _runbooks: dict[str, str] = field(default_factory=dict)
    _open: set[tuple[str, ...]] = field(default_factory=set)

    def begin(self, now: float) -> None:
        """Turn the fault on."""
        self._now = self._began = self._settled = now
        self.phase = "broken"
        self.switch.turn(True)
        self._say("", "broken" if self.fault.alerts else "begun", self.fault.text)

    def look(
        self,
        now: float,
        found: Iterable[Mapping[str, Any]],
        values: Iterable[Sample],
        messages: Iterable[Notification],
    ) -> None:
        """Take the alerts, the signals and the new notifications of one moment."""
        self._now = now
        self._cross([sample for sample in values if self.fault.raises(sample.labels)])
        self._alerts([alert for alert in found if self.fault.raises(alert["labels"])])
        self._notified([note for note in messages if self.fault.raises(note.labels)])
        if self.phase == "broken":
            self._may_mend()
        elif self.phase == "mended":
            self._may_end()

    def _cross(self, samples: list[Sample]) -> None:
        """See which signals are over the line that their alert draws."""
        for name in self.fault.alerts:
            alert = self.alerts[name]
            line = alert.line(alert.windows[0] if alert.windows else None)
            for sample in samples:
                over = sample.labels["__name__"] == alert.signals()[0] and COMPARE[alert.compare](
                    sample.value, line
                )
                if over and name not in self._crossed and self.phase == "broken":
                    self._crossed.add(name)
                    detail = f"{alert.signals()[0]} is {sample.value:.3g} {alert.compare} {line:g}"
                    self._say(name, "crossed", detail)

    def _alerts(self, found: list[Mapping[str, Any]]) -> None:
        """See which alerts changed their state; of several of a name the firing one counts."""
        now: dict[str, str] = {}
        for alert in found:
            name, state = alert["labels"]["alertname"], alert["state"]
            now[name] = "firing" if "firing" in (state, now.get(name)) else state
        for name, state in now.items():
            if state == self._states.get(name):
                continue
            if state == "firing":
                self._fired.setdefault(name, self._now - self._began)
            if state == "firing" or name in self.fault.alerts:
                self._say(name, "pending" if state == "pending" else "firing")
        for name, state in self._states.items():
            if state == "firing" and now.get(name) != "firing":
                self._say(name, "resolved")
        self._states = now

    def _notified(self, messages: list[Notification]) -> None:
        for note in messages:
            key = tuple(sorted(note.labels.values()))
            if note.status == "resolved":
                self._open.discard(key)
                continue
            self._open.add(key)
            name = note.labels["alertname"]
            if name not in self._runbooks:
                self._runbooks[name] = note.runbook_url
                self._say(name, "notified", f"{note.receiver} {note.runbook_url}".strip())

    def _may_mend(self) -> None:
        spent = self._now - self._began
        if not self.fault.alerts:
            if spent >= self.fault.within * self.minute:
                self._mend("ended")
            return
        told = self._fired.keys() >= set(self.fault.alerts) and self._runbooks.keys() >= set(
            self.fault.alerts
        )
        if not told:
            self._settled = self._now
        if (
            spent > (self.fault.within + SETTLE_MINUTES) * self.minute
            or self._now - self._settled >= SETTLE_MINUTES * self.minute
        ):
            self._mend("mended")

    def _mend(self, what: Event) -> None:
        self._mended, self.phase = self._now, "mended"
        self.switch.turn(False)
        self._say("", what)

    def _may_end(self) -> None:
        quiet = "firing" not in self._states.values() and not self._open
        if quiet:
            self._recovered = self._now - self._mended
        if quiet or self._now - self._mended > RECOVERY_MINUTES * self.minute:
            self.phase = "over"

    def verdict(self) -> Verdict:
        """Return what was proved."""
        expected = set(self.fault.alerts)
        told = self._fired.keys() & self._runbooks.keys()
        within = self.fault.within * self.minute
        return Verdict(
            fault=self.fault.name,
            expected=self.fault.alerts,
            fired={name: round(after, 1) for name, after in self._fired.items()},
            within=within,
            missing=tuple(sorted(expected - told)),
            late=tuple(
                name for name, after in self._fired.items() if name in expected and after > within
            ),
            unexpected=tuple(sorted(self._fired.keys() - expected)),
            unresolved=tuple(
                sorted(
                    {name for name, state in self._states.items() if state == "firing"}
                    | {name for name in self._fired for key in self._open if name in key}
                )
            ),
            runbooks=dict(self._runbooks),
            recovered=None if self._recovered is None else round(self._recovered, 1),
        )

    def _say(
        self,
        alert: str,
        what: Event,
        detail: str = "",
    ) -> None:
        self.tell(Happening(round(self._now, 1), self.fault.name, alert, what, detail))
