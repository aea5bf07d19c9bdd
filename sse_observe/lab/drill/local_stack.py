"""The stack that a drill starts for itself: in shortened time, with a webhook that is notified."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.boards.web_pages import nothing_here
from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert, Window
from sse_observe.lab.drill.service import Address
from sse_observe.lab.drill.stack import Observation
from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.alertmanager import program as alertmanager
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.prometheus import PrometheusAPI, Sample
from sse_observe.lab.programs.server import Server
from sse_observe.lab.programs.webhook import Webhook
from sse_observe.render.settings import AlertSettings

# Pairs of longer windows would fire, and resolve, minutes after the repair.
_WINDOWS = (
    Window(long="1h", short="5m", factor=14.4, hold_for="2m", severity="critical"),
    Window(long="6h", short="30m", factor=6, hold_for="15m", severity="critical"),
)


class LocalStack:
    """A Prometheus and an Alertmanager on loopback; time goes `scale` times as fast."""

    address: Address | None = None
    patience_seconds = 60.0

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.alerts: Mapping[str, Alert] = {}
        self._pages: App = nothing_here
        self._webhook = Webhook()
        self._read = 0
        self._prometheus = PrometheusAPI("")
        self._home: Path
        self._bundle: LocalBundle
        self._manager: Alertmanager

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the boards and the runbooks, and take Alertmanager's messages."""
        app = self._webhook if scope.get("path") == "/hook" else self._pages
        await app(scope, receive, send)

    def check(self) -> None:
        """Refuse where a program is missing."""
        find("prometheus", "prometheus")
        alertmanager()

    def start(self, programs: ExitStack, home: Path) -> None:
        """Render the bundle with links to a server of ours, and start Alertmanager."""
        url = programs.enter_context(Server(self.serve)).url
        short = AlertSettings(windows=_WINDOWS)
        burns = {alert.name: short for alert in load().alerts if alert.windows}
        self._home, self._bundle = home, LocalBundle(url, self.scale, burns)
        self.alerts = {alert.name: alert for alert in self._bundle.catalog.alerts}
        self._manager = Alertmanager(
            home / "alertmanager", webhook=f"{url}/hook", group_by=("alertname", "job", "route")
        )
        programs.enter_context(self._manager)

    def watch(self, programs: ExitStack, targets: Mapping[str, Sequence[str]]) -> None:
        """Start a Prometheus with the bundle's rules."""
        prometheus = self._bundle.prometheus(
            self._home, targets, alertmanager=self._manager.address
        )
        programs.enter_context(prometheus)
        self._pages = self._bundle.boards(prometheus)
        self._prometheus = prometheus

    def unscraped(self) -> str:
        """Return the remedy where no scrape succeeded in time."""
        return "this machine is too busy; wait until it is less busy, or drill one fault"

    def query(self, expr: str) -> list[Sample]:
        """Ask an instant query."""
        return self._prometheus.query(expr)

    def observe(self, expr: str) -> Observation:
        """Return what is to be seen now; `expr` selects the samples."""
        alerts, samples = self._prometheus.alerts(), self.query(expr)
        notifications = self._webhook.received[self._read :]
        self._read += len(notifications)
        return Observation(alerts, samples, notifications)
