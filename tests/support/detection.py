"""
How long each alert takes from its fault, at each scrape interval: measured, and kept in a table.

`python -m tests.support.detection` measures with a real Prometheus and writes docs/detection.md.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sse_observe.catalog.durations import duration, seconds
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.settings import Settings
from tests.support.documents.tables import table
from tests.support.judgement import Ruled, World, evaluated
from tests.support.paths import ROOT
from tests.support.services import CASES, FAULT

PAGE = ROOT / "docs/detection.md"
INTERVALS = ("15s", "30s", "60s")

_MARKS = "<!-- sse-observe:detection -->\n", "\n<!-- /sse-observe:detection -->"


class Detection(NamedTuple):
    """The slowest service that raises an alert, and how long after its fault."""

    service: str
    seconds: float


def detected(world: World) -> dict[str, Detection]:
    """Return for each alert the slowest of the services that must raise it."""
    found: dict[str, Detection] = {}
    for alert, jobs in world.fired.items():
        late = [
            Detection(job, min(instants) - FAULT)
            for job, instants in jobs.items()
            if alert in CASES[job].alerts and not re.search("at-the-line|few", job)
        ]
        if late:
            found[alert] = max(late, key=lambda one: one.seconds)
    return found


def committed(interval: str) -> dict[str, float]:
    """Return the seconds of each alert at an interval, as the page has them."""
    column = 2 + INTERVALS.index(interval)
    rows = (line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines())
    return {
        cells[0].partition("]")[0].strip("["): seconds(cells[column])
        for cells in rows
        if cells[0].startswith("[SSE")
    }


def page(by_interval: Mapping[str, Mapping[str, Detection]]) -> str:
    """Return the document with its table as measured."""
    rows = [
        (
            f"[{alert}](../runbooks/{alert}.md)",
            first.service.replace("-", " "),
            *(duration(by_interval[each][alert].seconds) for each in INTERVALS),
        )
        for alert, first in sorted(by_interval[INTERVALS[0]].items())
    ]
    text = PAGE.read_text()
    head, foot = text.partition(_MARKS[0])[0], text.partition(_MARKS[1])[2]
    return head + table(("Alert", "Fault", *INTERVALS), rows).join(_MARKS) + foot


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        Prometheus(Path(folder), targets={}) as prometheus,
    ):
        measured = {
            each: detected(evaluated(prometheus, ruled=Ruled(Settings(scrape_interval=each))))
            for each in INTERVALS
        }
    PAGE.write_text(page(measured))
