"""
A drill before the user's own Prometheus and Alertmanager: their rules, in real time.

Only ever asks them. What they must know, the scrape target, the user adds.
"""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Alert, Catalog
from sse_observe.errors import LabError, SettingsError
from sse_observe.lab.drill.faults import JOB, Fault
from sse_observe.lab.programs.alertmanager import Notification
from sse_observe.lab.programs.api import ask
from sse_observe.lab.programs.prometheus import PrometheusAPI, Sample
from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import FILE_NAME, Settings

LISTEN = "127.0.0.1:9470"
"""Where the drill is scraped unless told otherwise; each further service takes the next port."""

# Somebody edits a file, has it reviewed, and reloads.
PATIENCE_SECONDS = 900.0
# A pair of longer windows fires, and resolves, hours after the fault is mended.
_LONGEST_SECONDS = 6 * 3600
_EVERYWHERE = "0.0.0.0"
_EQUAL = re.compile(r'(\w+)="([^"]*)"')


class TheirStack:
    """
    Watches what is there; `settings` are those that its rules were rendered with, from `where`.

    `say` is called with each line for the user: what to add to their scrape configuration.
    """

    patience_seconds = PATIENCE_SECONDS

    def __init__(
        self,
        prometheus: str,
        alertmanager: str,
        faults: Sequence[Fault],
        *,
        catalog: Catalog,
        settings: Settings,
        where: str,
        address: tuple[str, int],
        say: Callable[[str], None],
    ) -> None:
        self.scale = settings.time_scale
        self.address: tuple[str, int] | None = address
        self.alerts: Mapping[str, Alert] = {alert.name: alert for alert in catalog.alerts}
        self._prometheus = PrometheusAPI(prometheus)
        self._alertmanager = alertmanager.rstrip("/")
        self._faults = faults
        self._settings = settings
        self._where = where
        self._say = say
        self._told: dict[tuple[tuple[str, str], ...], Notification] = {}

    async def rest(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        """Answer that there is nothing else."""
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def check(self) -> None:
        """Say what does not answer, what is not loaded, and what is not what it should be."""
        for fault in self._wrong_rules(self._prometheus.rules()):
            raise LabError(f"{self._prometheus.url}: {fault}")
        if not self._prometheus.get("alertmanagers").get("activeAlertmanagers"):
            raise LabError(
                f"{self._prometheus.url}: sends its alerts to no Alertmanager; "
                "name yours under alerting.alertmanagers"
            )
        if "versionInfo" not in ask(self._alertmanager, "api/v2/status"):
            raise LabError(f"{self._alertmanager}: no Alertmanager; check the address")

    def _wrong_rules(self, rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        known = {rule["name"] for rule in rules}
        waits = {rule["name"]: rule["duration"] for rule in rules if rule["type"] == "alerting"}
        broken = {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")}
        for name in dict.fromkeys(name for fault in self._faults for name in fault.alerts):
            alert = self.alerts.get(name)
            if alert is None:
                yield f"{name} is disabled in {self._where}; drill another fault, or enable it"
                continue
            for needed in (name, *alert.signals(), *alert.guard_signals()):
                if needed not in known:
                    yield (
                        f"no rule {needed}; render the bundle (`sse-observe render`), name its "
                        "alerts/*.yaml under rule_files and reload"
                    )
                if needed in broken:
                    yield f"the rule {needed} fails: {broken[needed]}"
            wait = waits.get(name, 0.0)
            if not alert.windows and abs(wait - seconds(alert.hold_for)) > 1e-3:
                yield (
                    f"{name} waits {wait:g} s there, and {alert.hold_for} by "
                    f"{self._where}; give the settings of its rules with --settings"
                )

    def start(
        self,
        stack: ExitStack,  # noqa: ARG002 - nothing of theirs is ours to end
        home: Path,  # noqa: ARG002
        url: str,  # noqa: ARG002
        targets: Mapping[str, Sequence[str]],
    ) -> None:
        """Tell the user what to scrape."""
        self._say(f"Let {self._prometheus.url} scrape the drill, and reload it:")
        self._say("scrape_configs:")
        labels = dict(_EQUAL.findall(self._settings.selector))
        for job, hosts in targets.items():
            group = {"targets": [self._reached(host) for host in hosts]}
            more = {"labels": labels} if labels else {}
            self._say(f"  - job_name: {job}")
            self._say(f"    scrape_interval: {self._settings.scrape_interval}")
            self._say(f"    static_configs: {json.dumps([group | more])}")
        self._say(f"Waiting until it does, {self.patience_seconds / 60:g} minutes at most.")

    def _reached(self, target: str) -> str:
        host, _, port = target.rpartition(":")
        return f"{socket.gethostname() if host == _EVERYWHERE else host}:{port}"

    def unscraped(self) -> str:
        """Say what to do."""
        return f"see {self._prometheus.url}/targets; --listen says where the drill answers"

    def found(self) -> list[dict[str, Any]]:
        """Return the drill's alerts that are pending or firing now."""
        return [alert for alert in self._prometheus.alerts() if _ours(alert["labels"])]

    def query(self, expr: str) -> list[Sample]:
        """Ask an instant query."""
        return self._prometheus.query(expr)

    def notified(self) -> list[Notification]:
        """Return what has come to their Alertmanager, or has gone from it, since the last time."""
        now = {}
        for alert in ask(self._alertmanager, "api/v2/alerts"):
            labels, state = alert["labels"], alert["status"]["state"]
            if not _ours(labels):
                continue
            names = ", ".join(receiver["name"] for receiver in alert["receivers"])
            now[tuple(sorted(labels.items()))] = Notification(
                "firing",
                labels,
                alert["annotations"].get("runbook_url", ""),
                f"({names}, held back)" if state == "suppressed" else names,
            )
        fresh = [note for key, note in now.items() if key not in self._told]
        gone = [
            Notification("resolved", note.labels, note.runbook_url, note.receiver)
            for key, note in self._told.items()
            if key not in now
        ]
        self._told = now
        return fresh + gone


def their_stack(
    options: tuple[str | None, str | None, str | None, Path | None],
    faults: Sequence[Fault],
    say: Callable[[str], None],
) -> TheirStack | None:
    """
    Return the stack that --prometheus, --alertmanager, --listen and --settings mean, if any.

    SettingsError is one line.
    """
    prometheus, alertmanager, listen, settings_file = options
    if prometheus is None and alertmanager is None:
        if listen is not None or settings_file is not None:
            raise SettingsError("--listen, --settings: only with --prometheus and --alertmanager")
        return None
    if prometheus is None or alertmanager is None:
        raise SettingsError("--prometheus, --alertmanager: give both, or neither")
    for option, url in (("--prometheus", prometheus), ("--alertmanager", alertmanager)):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{option} {url}: no URL; write it like http://localhost:9090")
    host, _, port = (listen or LISTEN).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536 - len(faults):
        raise SettingsError(f"--listen {listen}: no address; write it like {LISTEN}")
    catalog, settings = catalogue(settings_file)
    where = str(settings_file or (FILE_NAME if Path(FILE_NAME).exists() else "the defaults"))
    return TheirStack(
        prometheus,
        alertmanager,
        faults,
        catalog=catalog,
        settings=settings,
        where=where,
        address=(host, int(port)),
        say=say,
    )


def _ours(labels: Mapping[str, str]) -> bool:
    """Tell whether an alert is the drill's, and ends with it."""
    long = labels.get("long")
    short = long is None or seconds(long) <= _LONGEST_SECONDS
    return short and labels.get("job", "").startswith(JOB)
