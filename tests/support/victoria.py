"""A real VictoriaMetrics on loopback, and its vmalert."""

import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, free_port
from sse_observe.lab.programs.prometheus import PrometheusAPI
from tests.support.programs import needs


class Victoria(PrometheusAPI):
    """A VictoriaMetrics; what was written is found at once, at the instants that are asked for."""

    def __init__(self, directory: Path, *flags: str) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        directory.mkdir(parents=True, exist_ok=True)
        self._program = Program(
            [
                needs("victoria-metrics"),
                f"-storageDataPath={directory / 'data'}",
                f"-httpListenAddr=127.0.0.1:{port}",
                "-retentionPeriod=100y",
                # In shortened time half a minute would be half an hour.
                "-search.latencyOffset=0s",
                "-search.disableCache",
                *flags,
            ],
            log=directory / "victoria.log",
            ready=partial(answers, f"{self.url}/health"),
        )

    def get(self, path: str, **parameters: str | float) -> Any:
        """Ask as any Prometheus is asked, but for what was written a moment ago."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30):
            pass
        # Otherwise start and end are moved to whole steps.
        more = {"nocache": 1} if path.startswith("query") else {}
        return super().get(path, **parameters, **more)

    def __enter__(self) -> Self:
        self._program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop()


def vmalert(
    directory: Path, rules: Path, *, victoria: str, alertmanager: str, flags: Sequence[str] = ()
) -> Program:
    """Return a vmalert that reads and writes a VictoriaMetrics and tells an Alertmanager."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    return Program(
        [
            needs("vmalert"),
            f"-rule={rules}",
            f"-datasource.url={victoria}",
            f"-remoteWrite.url={victoria}",
            f"-remoteRead.url={victoria}",
            f"-notifier.url=http://{alertmanager}",
            f"-httpListenAddr=127.0.0.1:{port}",
            *flags,
        ],
        log=directory / "vmalert.log",
        ready=partial(answers, f"http://127.0.0.1:{port}/health"),
    )
