"""A report as it is ordered on a command line: carried out, and written whole or not at all."""

import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from sse_observe.catalog.durations import duration
from sse_observe.errors import ReportError
from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import Settings
from sse_observe.report.incident import Incident, Scene, investigate
from sse_observe.report.logs import Reading, read_log
from sse_observe.report.source import Source
from sse_observe.report.window import since

_SPACING = "route:sse_streams_open:sum[10m]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of whom; everything as it was written, but for the paths."""

    prometheus: str
    since: str = "24h"
    until: str | None = None
    route: str | None = None
    alert: str | None = None
    logs: Path | None = None
    headers: tuple[str, ...] = ()
    settings: Path | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What an order found, when, and where further runbooks are."""

    incident: Incident
    reading: Reading | None
    made: float
    runbook_url: str

    @property
    def complete(self) -> bool:
        """Whether every question was answered in full."""
        return not self.incident.failures


def carry_out(
    order: Order,
    told: Callable[[int, int], None] = lambda _, __: None,
    now: Callable[[], float] = time.time,
) -> Findings:
    """
    Ask, read and compare; `told` hears how many of how many queries were answered.

    What is wrong with the order itself is said before anything is asked. ReportError, or
    SettingsError, in one line.
    """
    made = now()
    catalog, settings = catalogue(order.settings)
    source = Source(order.prometheus, order.headers)
    window = since(order.since, order.until, made, settings.rule_seconds)
    Scene(catalog, settings, window, order.route, order.alert).alerts()
    reading = None if order.logs is None else read_log(order.logs, window, order.route)
    evaluated = _evaluated(source, window.end)
    settings = _spaced(settings, evaluated)
    window = since(order.since, order.until, made, settings.rule_seconds)
    recorded = max((at for moments in evaluated for at in moments), default=math.inf)
    scene = Scene(catalog, settings, window, order.route, order.alert, recorded)
    return Findings(investigate(source, scene, told), reading, made, settings.runbook_url)


def _evaluated(source: Source, at: float) -> list[list[float]]:
    """Return the moments at which each series of a signal was last recorded."""
    series = source.at(_SPACING, at).series
    return [[moment for moment, _ in one.points] for one in series if one.points]


def _spaced(settings: Settings, evaluated: list[list[float]]) -> Settings:
    """
    Return the settings with the interval at which the rules really were evaluated.

    Counts are sums over evaluations: a report without the settings of its rules would be wrong
    by a factor, and nobody would notice.
    """
    gaps = [
        later - earlier for moments in evaluated for earlier, later in itertools.pairwise(moments)
    ]
    if not gaps or abs(median(gaps) / settings.rule_seconds - 1) < 0.1:
        return settings
    interval = duration(median(gaps) * settings.time_scale)
    return msgspec.structs.replace(settings, rule_interval=interval)


def check_place(path: Path) -> None:
    """Refuse a place that cannot be written to, before minutes are spent on asking."""
    try:
        reason = _unfit(path)
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise ReportError(f"--out {path}: {reason}; name a file, such as incident.html")


def _unfit(path: Path) -> str:
    folder = path.resolve().parent
    if path.is_dir():
        return "is a folder"
    if path.exists() and not path.is_file():
        return "is no file"
    if not folder.is_dir():
        return f"there is no folder {path.parent}"
    return "" if os.access(folder, os.W_OK) else f"nothing can be written to {path.parent}"


def write(path: Path, text: str) -> None:
    """Write a file at once: what was there before is there until the new one is whole."""
    # What a link leads to is written, the link is kept.
    place = path.resolve()
    draft = place.with_name(f".{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ReportError(
            f"--out {path}: {error.strerror or error}; choose a place that can be written to"
        ) from None
