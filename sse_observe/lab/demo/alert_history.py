"""How the alerts of a demo changed over time, and how far each has come now."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sse_observe.lab.programs.prometheus import ActiveAlert


@dataclass(frozen=True)
class AlertState:
    """How far an alert has come, and its runbook; `since` is seconds into the demo."""

    name: str
    state: str
    since: float
    severity: str
    runbook_url: str


class AlertHistory:
    """Every change of an alert's state, oldest first, in `changes`; the states now in `now`."""

    def __init__(self) -> None:
        self.changes: list[AlertState] = []
        self._states: dict[str, AlertState] = {}

    @property
    def now(self) -> tuple[AlertState, ...]:
        """Alerts that are pending, firing, or were resolved."""
        return tuple(self._states.values())

    def observe(self, alerts: Iterable[ActiveAlert], elapsed: float) -> None:
        """Take the alerts that are active at a second of the demo."""
        now = {state.name: state for state in (_state(alert, elapsed) for alert in alerts)}
        for name, gone in self._states.items():
            if name not in now and gone.state in ("firing", "resolved"):
                now[name] = replace(gone, state="resolved", since=elapsed)
        for name, state in now.items():
            before = self._states.get(name)
            if before is not None and before.state == state.state:
                now[name] = before
            else:
                self.changes.append(replace(state, since=round(elapsed, 1)))
        self._states = now


def _state(alert: ActiveAlert, elapsed: float) -> AlertState:
    windows = "/".join(alert.labels[key] for key in ("long", "short") if key in alert.labels)
    return AlertState(
        f"{alert.name} {windows}".strip(),
        alert.state,
        elapsed,
        alert.labels["severity"],
        alert.annotations["runbook_url"],
    )
