"""Files and probers for tests."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import yaml
from prometheus_client.core import Sample
from prometheus_client.parser import text_string_to_metric_families

from sse_observe.probe.app import ProbeApp
from sse_observe.probe.prober import Prober
from tests.support.asgi import http_scope

FEED = {"seconds": 0.5, "timeout_seconds": 3}


def written(home: Path, **parts: object) -> Path:
    """Write a configuration; without modules there is one, `feed`."""
    path = home / "probes.yaml"
    path.write_text(yaml.safe_dump({"modules": {"feed": FEED}, **parts}))
    return path


@dataclass(frozen=True)
class Page:
    """An answer of the prober's pages."""

    status: int
    text: str

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """Its samples, where it is Prometheus text."""
        return [
            sample
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        ]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the one sample with these labels, if there is one."""
        found = (
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
        return next(found, None)

    def reasons(self) -> list[str]:
        """Return the reasons of failures."""
        return [s.labels["reason"] for s in self.samples if s.name == "sse_probe_failure"]


async def opened(
    prober: Prober, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Page:
    """Ask the pages of a prober."""
    sent = []
    path, _, query = path.partition("?")
    scope = http_scope(path, method=method, query=query)
    scope["headers"] = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await ProbeApp(prober)(scope, None, send)  # type: ignore[arg-type]
    return Page(sent[0]["status"], sent[1]["body"].decode())  # type: ignore[attr-defined, arg-type]


def probed(
    path: Path, target: str, module: str | None = None, *, open_targets: bool = False
) -> Page:
    """Ask a new prober for one probe."""
    query = f"target={quote(target, safe='')}" + (f"&module={module}" if module else "")

    async def run() -> Page:
        return await opened(Prober(path, open_targets=open_targets), f"/probe?{query}")

    return asyncio.run(run())
