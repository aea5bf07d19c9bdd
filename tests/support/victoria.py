"""A real VictoriaMetrics on loopback, and its vmalert."""

import math
import time
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from sse_observe.catalog.durations import seconds
from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, free_port
from sse_observe.lab.programs.prometheus import PrometheusAPI
from tests.support.agent import agent
from tests.support.programs import needs


class Victoria(PrometheusAPI):
    """A VictoriaMetrics; what was written is found at once, at the instants that are asked for."""

    def __init__(self, directory: Path, *flags: str, program: str | None = None) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        directory.mkdir(parents=True, exist_ok=True)
        self._program = Program(
            [
                program or needs("victoria-metrics"),
                f"-storageDataPath={directory / 'data'}",
                f"-httpListenAddr=127.0.0.1:{port}",
                "-retentionPeriod=100y",
                # In shortened time half a minute would be half an hour.
                "-search.latencyOffset=0s",
                "-search.disableCache",
                # Answers are short: to pack them costs both sides more than it saves.
                "-http.disableResponseCompression",
                *flags,
            ],
            log=directory / "victoria.log",
            ready=partial(answers, f"{self.url}/health"),
        )

    def get(self, path: str, **parameters: str | float) -> Any:
        """Ask as any Prometheus is asked, but for what was written a moment ago."""
        self.flush()
        # Otherwise start and end are moved to whole steps.
        more = {"nocache": 1} if path.startswith("query") else {}
        return super().get(path, **parameters, **more)

    def flush(self) -> None:
        """Let what was written be found."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30):
            pass

    def __enter__(self) -> Self:
        self._program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop()


def vmalert(
    directory: Path,
    rules: Path,
    *,
    victoria: str,
    alertmanager: str,
    flags: Sequence[str] = (),
    port: int = 0,
) -> Program:
    """Return a vmalert that reads and writes a VictoriaMetrics and tells an Alertmanager."""
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
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


class VictoriaStack(Victoria):
    """
    A VictoriaMetrics that an agent writes to, and a vmalert: together what a Prometheus is.

    Time in the rules goes `time_scale` times as fast.
    """

    def __init__(
        self,
        directory: Path,
        rules: Path,
        *,
        targets: Mapping[str, Sequence[str]],
        interval: str,
        time_scale: float,
    ) -> None:
        super().__init__(directory / "store")
        self._interval_seconds = seconds(interval)
        self._flushed = -math.inf
        port = free_port()
        self._ruler = PrometheusAPI(f"http://127.0.0.1:{port}")
        self._beside = (
            agent(
                directory / "agent",
                targets=targets,
                to=f"{self.url}/api/v1/write",
                interval=interval,
            ),
            vmalert(
                directory / "vmalert",
                rules,
                victoria=self.url,
                # Nobody is told: who asks sees what fires.
                alertmanager="127.0.0.1:1",
                port=port,
                flags=[
                    "-remoteWrite.flushInterval=100ms",
                    # Prometheus' five minutes, in shortened time.
                    f"-datasource.queryStep={1000 * 300 / time_scale:.0f}ms",
                ],
            ),
        )

    def get(self, path: str, **parameters: str | float) -> Any:
        """Ask vmalert about rules and alerts, and the store about all else."""
        asked = self._ruler.get if path in ("rules", "alerts") else super().get
        return asked(path, **parameters)

    def flush(self) -> None:
        """Let it be found, as often as rules are evaluated: for each query it would take longer."""
        if time.monotonic() - self._flushed > self._interval_seconds:
            super().flush()
            self._flushed = time.monotonic()

    def __enter__(self) -> Self:
        super().__enter__()
        for program in self._beside:
            program.start()
        return self

    def __exit__(self, *_: object) -> None:
        for program in reversed(self._beside):
            program.stop()
        super().__exit__()
