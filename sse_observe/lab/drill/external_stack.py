"""
The user's own stack: their Prometheus and Alertmanager watch a drill, in real time.

They are only ever asked. The user adds the one thing that they must know, the scrape target.
"""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Alert, Catalog
from sse_observe.errors import LabError, SettingsError
from sse_observe.lab.drill.fault import JOB, Fault
from sse_observe.lab.drill.service import Address
from sse_observe.lab.drill.stack import Observation
from sse_observe.lab.programs.api import ask
from sse_observe.lab.programs.prometheus import LoadedRule, PrometheusAPI, Sample
from sse_observe.lab.programs.webhook import Notification
from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import FILE_NAME, Settings
from sse_observe.report.query.address import APIAddress, api_address

LISTEN = "127.0.0.1:9470"
"""Where the drill is scraped by default; each further service takes the next port."""

# Somebody edits a file, has it reviewed, and reloads.
PATIENCE_SECONDS = 900.0
# A pair of longer windows fires, and resolves, hours after the repair.
_LONGEST_SECONDS = 6 * 3600
_EVERYWHERE = "0.0.0.0"
_EQUAL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class ExternalStackOptions:
    """The options of `sse-observe drill` that describe the user's stack, as they were given."""

    prometheus: str | None = None
    alertmanager: str | None = None
    listen: str | None = None
    settings: Path | None = None
    headers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any was given."""
        given = (self.prometheus, self.alertmanager, self.listen, self.settings)
        return bool(self.headers) or any(option is not None for option in given)

    def address(self, services: int) -> Address:
        """Return where the first of so many services is scraped; SettingsError where that fails."""
        host, _, port = (self.listen or LISTEN).rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536 - services:
            raise SettingsError(f"--listen {self.listen}: no address; write it like {LISTEN}")
        return Address(host, int(port))


def external_stack(
    options: ExternalStackOptions, faults: Sequence[Fault], on_instruction: Callable[[str], None]
) -> "ExternalStack | None":
    """Return the stack that the options describe, or None without any; else SettingsError."""
    prometheus, alertmanager = options.prometheus, options.alertmanager
    if not options:
        return None
    if prometheus is None and alertmanager is None:
        raise SettingsError(
            "--listen, --settings, --header: only with --prometheus and --alertmanager"
        )
    if prometheus is None or alertmanager is None:
        raise SettingsError("--prometheus, --alertmanager: give both, or neither")
    programs = (
        api_address("--prometheus", prometheus, options.headers),
        api_address("--alertmanager", alertmanager, options.headers),
    )
    address = options.address(len(faults))
    catalog, settings = catalogue(options.settings)
    default = FILE_NAME if Path(FILE_NAME).exists() else "the defaults"
    return ExternalStack(
        *programs,
        faults,
        catalog=catalog,
        settings=settings,
        settings_name=str(options.settings or default),
        address=address,
        on_instruction=on_instruction,
    )


class ExternalStack:
    """
    Watches what is there; `settings` are those that its rules were rendered with.

    `on_instruction` is called with each line for the user: what to add to their configuration.
    """

    patience_seconds = PATIENCE_SECONDS

    def __init__(
        self,
        prometheus: APIAddress,
        alertmanager: APIAddress,
        faults: Sequence[Fault],
        *,
        catalog: Catalog,
        settings: Settings,
        settings_name: str,
        address: Address,
        on_instruction: Callable[[str], None],
    ) -> None:
        self.scale = settings.time_scale
        self.address: Address | None = address
        self.alerts: Mapping[str, Alert] = {alert.name: alert for alert in catalog.alerts}
        self._prometheus = PrometheusAPI(prometheus.shown, prometheus.headers)
        self._alertmanager = alertmanager
        self._faults = faults
        self._settings = settings
        self._settings_name = settings_name
        self._instruct = on_instruction
        self._notified: dict[tuple[tuple[str, str], ...], Notification] = {}

    def check(self) -> None:
        """Refuse programs that do not answer, and rules that are missing or not ours."""
        for problem in self._problems({rule.name: rule for rule in self._prometheus.rules()}):
            raise LabError(f"{self._prometheus.url}: {problem}")
        if not self._prometheus.get("alertmanagers").get("activeAlertmanagers"):
            raise LabError(
                f"{self._prometheus.url}: sends its alerts to no Alertmanager; "
                "name yours under alerting.alertmanagers"
            )
        if "versionInfo" not in ask(
            self._alertmanager.shown, "api/v2/status", self._alertmanager.headers
        ):
            raise LabError(f"{self._alertmanager.shown}: no Alertmanager; check the address")

    def _problems(self, loaded: Mapping[str, LoadedRule]) -> Iterator[str]:
        """Yield what is wrong with the rules of the faults' alerts."""
        for name in dict.fromkeys(name for fault in self._faults for name in fault.alerts):
            alert = self.alerts.get(name)
            if alert is None:
                yield (
                    f"{name} is disabled in {self._settings_name}; drill another fault, or "
                    "enable it"
                )
                continue
            for needed in (name, *alert.signals(), *alert.guard_signals()):
                if needed not in loaded:
                    yield (
                        f"no rule {needed}; render the bundle's rules (`sse-observe render`), "
                        "name its alerts/*.yaml under rule_files and reload"
                    )
                elif loaded[needed].last_error:
                    yield f"the rule {needed} fails: {loaded[needed].last_error}"
            holds = loaded[name].hold_seconds if name in loaded else 0.0
            if not alert.windows and abs(holds - seconds(alert.hold_for)) > 1e-3:
                yield (
                    f"{name} waits {holds:g} s there, but {alert.hold_for} in "
                    f"{self._settings_name}; give the settings of these rules with --settings"
                )

    def start(self, programs: ExitStack, home: Path) -> None:
        """Start nothing: all of it is there."""

    def watch(
        self,
        programs: ExitStack,  # noqa: ARG002 - nothing of the user's is ours to end
        targets: Mapping[str, Sequence[str]],
    ) -> None:
        """Tell the user what to scrape."""
        self._instruct(f"Add this to the configuration of {self._prometheus.url} and reload it:")
        self._instruct("scrape_configs:")
        labels = dict(_EQUAL.findall(self._settings.selector))
        for job, hosts in targets.items():
            group = {"targets": [self._reachable(host) for host in hosts]}
            more = {"labels": labels} if labels else {}
            self._instruct(f"  - job_name: {job}")
            self._instruct(f"    scrape_interval: {self._settings.scrape_interval}")
            self._instruct(f"    static_configs: {json.dumps([group | more])}")
        self._instruct(
            f"Waiting for the first scrape, up to {self.patience_seconds / 60:g} minutes."
        )

    def _reachable(self, target: str) -> str:
        host, _, port = target.rpartition(":")
        return f"{socket.gethostname() if host == _EVERYWHERE else host}:{port}"

    def unscraped(self) -> str:
        """Return the remedy where no scrape succeeded in time."""
        return f"see {self._prometheus.url}/targets; --listen says where the drill answers"

    def query(self, expr: str) -> list[Sample]:
        """Ask an instant query."""
        return self._prometheus.query(expr)

    def observe(self, expr: str) -> Observation:
        """Return what is to be seen now of the drill's alerts; `expr` selects the samples."""
        alerts = [alert for alert in self._prometheus.alerts() if _is_drill(alert.labels)]
        return Observation(alerts, self.query(expr), self.new_notifications())

    def new_notifications(self) -> list[Notification]:
        """Return what came to their Alertmanager, or went from it, since the last time."""
        now = {}
        for alert in ask(self._alertmanager.shown, "api/v2/alerts", self._alertmanager.headers):
            labels, state = alert["labels"], alert["status"]["state"]
            if not _is_drill(labels):
                continue
            names = ", ".join(receiver["name"] for receiver in alert["receivers"])
            now[tuple(sorted(labels.items()))] = Notification(
                "firing",
                labels,
                alert["annotations"].get("runbook_url", ""),
                f"({names}, held back)" if state == "suppressed" else names,
            )
        fresh = [one for key, one in now.items() if key not in self._notified]
        gone = [
            replace(one, status="resolved") for key, one in self._notified.items() if key not in now
        ]
        self._notified = now
        return fresh + gone


def _is_drill(labels: Mapping[str, str]) -> bool:
    """Whether an alert is the drill's, and ends with it."""
    long = labels.get("long")
    short = long is None or seconds(long) <= _LONGEST_SECONDS
    return short and labels.get("job", "").startswith(JOB)
