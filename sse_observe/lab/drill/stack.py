"""Who watches a drill: a Prometheus and an Alertmanager that we start, with our rules in them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert, Window
from sse_observe.lab.demo.pages import Pages, bundle_pages
from sse_observe.lab.programs.alertmanager import Alertmanager, Notification, Webhook
from sse_observe.lab.programs.alertmanager import program as alertmanager
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.prometheus import Prometheus, PrometheusAPI, Sample
from sse_observe.render.bundle import render, write
from sse_observe.render.settings import AlertSettings, Settings
from sse_observe.render.tuning import tune

# Pairs of longer windows would fire, and resolve, minutes after the fault is mended.
_WINDOWS = (
    Window(long="1h", short="5m", factor=14.4, hold_for="2m", severity="critical"),
    Window(long="6h", short="30m", factor=6, hold_for="15m", severity="critical"),
)


class Stack(Protocol):
    """
    What watches a drill, whoever started it; time goes `scale` times as fast in its rules.

    `rest` answers what the services are asked beside streams and `/metrics`.
    """

    scale: float
    alerts: Mapping[str, Alert]
    address: tuple[str, int] | None
    patience_seconds: float

    async def rest(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""

    def check(self) -> None:
        """Say what is missing before anything is started."""

    def start(
        self, stack: ExitStack, home: Path, url: str, targets: Mapping[str, Sequence[str]]
    ) -> None:
        """Begin to watch; what is started ends with `stack`."""

    def unscraped(self) -> str:
        """Say what to do where no scrape succeeded in `patience_seconds`."""

    def found(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing now."""

    def query(self, expr: str) -> list[Sample]:
        """Ask an instant query."""

    def notified(self) -> list[Notification]:
        """Return what the receivers were told since the last time."""


class OurStack:
    """Starts both on loopback, with rules in which time goes faster, and a webhook to be told."""

    address: tuple[str, int] | None = None
    patience_seconds = 60.0

    def __init__(self, scale: float) -> None:
        self.scale = scale
        # The shortest window of the rules, 2m, must hold four scrapes.
        self._interval = f"{30_000 / scale:.0f}ms"
        self.alerts: Mapping[str, Alert] = {}
        self._pages = Pages()
        self._hook = Webhook()
        self._read = 0
        self._prometheus = PrometheusAPI("")

    async def rest(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the runbooks, and take what Alertmanager says."""
        app = self._hook if scope["path"] == "/hook" else self._pages
        await app(scope, receive, send)

    def check(self) -> None:
        """Say which program is missing."""
        find("prometheus", "prometheus")
        alertmanager()

    def start(
        self, stack: ExitStack, home: Path, url: str, targets: Mapping[str, Sequence[str]]
    ) -> None:
        """Render the bundle with links to `url`, and start both with it."""
        settings = Settings(
            scrape_interval=self._interval,
            runbook_url=f"{url}/runbooks",
            grafana_url=url,
            alerts={"SSEErrorBudgetBurn": AlertSettings(windows=_WINDOWS)},
            time_scale=self.scale,
        )
        catalog = tune(load(), settings, "drill")
        self.alerts = {alert.name: alert for alert in catalog.alerts}
        files = render(catalog, settings)
        write(files, home)
        keys = ("alertname", "job", "route")
        manager = Alertmanager(home / "alertmanager", webhook=f"{url}/hook", group_by=keys)
        stack.enter_context(manager)
        watcher = Prometheus(
            home / "prometheus",
            targets=targets,
            rules=sorted((home / "alerts").glob("*.yaml")),
            scrape_interval=self._interval,
            rule_interval=self._interval,
            alertmanager=manager.address,
        )
        stack.enter_context(watcher)
        self._pages.add(bundle_pages(files, watcher.url))
        self._prometheus = watcher

    def unscraped(self) -> str:
        """Say what to do."""
        return "this machine is too busy: let it rest, or drill one fault"

    def found(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing now."""
        return self._prometheus.alerts()

    def query(self, expr: str) -> list[Sample]:
        """Ask an instant query."""
        return self._prometheus.query(expr)

    def notified(self) -> list[Notification]:
        """Return what the webhook was told since the last time."""
        messages = self._hook.received[self._read :]
        self._read += len(messages)
        return messages
