"""The bundle as rendered for one service on this machine: in shortened time, with links to it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sse_observe.boards.app import BoardsApp
from sse_observe.boards.reader import TIMEOUT_SECONDS, BoardReader
from sse_observe.catalog.load import load
from sse_observe.errors import ReportError
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import render, write
from sse_observe.render.settings import AlertSettings, Settings
from sse_observe.render.tuning import tune
from sse_observe.report.query.source import Source

# The shortest window of the rules is 2m and must hold four scrapes.
_INTERVAL_SECONDS = 30.0
# Whoever watches shortened time has begun minutes ago.
_USUAL_RANGE = "now-5m"


class LocalBundle:
    """
    The rendered files, a Prometheus that evaluates their rules, and the boards that it fills.

    Every link of an alert leads to the service at `url`. Time in the rules goes `time_scale` times
    as fast; scrapes and evaluations keep pace with it.
    """

    def __init__(
        self, url: str, time_scale: float, alerts: Mapping[str, AlertSettings] | None = None
    ) -> None:
        self.interval = f"{1000 * _INTERVAL_SECONDS / time_scale:.0f}ms"
        self.settings = Settings(
            scrape_interval=self.interval,
            runbook_url=f"{url}/runbooks",
            grafana_url=url,
            alerts=dict(alerts or {}),
            time_scale=time_scale,
        )
        self.catalog = tune(load(), self.settings, "lab")
        self.files = render(self.catalog, self.settings)

    def prometheus(
        self,
        home: Path,
        targets: Mapping[str, Sequence[str]],
        *,
        alertmanager: str | None = None,
        program: str | None = None,
    ) -> Prometheus:
        """Write the files below `home`; return a Prometheus that is ready to start."""
        write(self.files, home)
        return Prometheus(
            home / "prometheus",
            targets=targets,
            rules=sorted((home / "alerts").glob("*.yaml")),
            scrape_interval=self.interval,
            rule_interval=self.interval,
            alertmanager=alertmanager,
            program=program,
        )

    def boards(self, prometheus: Prometheus | None, missing: str = "") -> BoardsApp:
        """Return the boards and runbooks as pages; `missing` is why there is no Prometheus."""

        def reader() -> BoardReader:
            if prometheus is None:
                raise ReportError(missing)
            source = Source(prometheus.url, timeout=TIMEOUT_SECONDS)
            return BoardReader(source, self.catalog, self.settings)

        return BoardsApp(self.catalog, self.settings, reader, _USUAL_RANGE)
