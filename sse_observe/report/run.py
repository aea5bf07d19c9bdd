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

from sse_observe.errors import ReportError
from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import Intervals, Settings
from sse_observe.report.findings.incident import Incident, Scene, investigate
from sse_observe.report.logs.reading import Reading, read_log
from sse_observe.report.query.source import Source
from sse_observe.report.query.window import since

# One signal of each pace: of the usual one, and of slow ones.
_USUAL = "route:sse_streams_open:sum[10m]"
_SLOW = "route_split:sse_streams_open:sum[15m]"


class Paced(Settings, frozen=True, kw_only=True):
    """Settings with the seconds between two evaluations as they are seen in what was recorded."""

    usual: float
    slow: float

    @property
    def rule_seconds(self) -> float:
        """Seconds between two evaluations of the rules, as they were."""
        return self.usual

    @property
    def intervals(self) -> Intervals:
        """Seconds between two evaluations, as they were."""
        return Intervals(self.usual, self.slow)


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
    evaluated = _evaluated(source, _USUAL, window.end)
    settings = paced(settings, evaluated, _evaluated(source, _SLOW, window.end))
    window = since(order.since, order.until, made, settings.rule_seconds)
    recorded = max((at for moments in evaluated for at in moments), default=math.inf)
    scene = Scene(catalog, settings, window, order.route, order.alert, recorded)
    return Findings(investigate(source, scene, told), reading, made, settings.runbook_url)


def _evaluated(source: Source, spacing: str, at: float) -> list[list[float]]:
    """Return the moments at which each series of a signal was last recorded."""
    series = source.at(spacing, at).series
    return [[moment for moment, _ in one.points] for one in series if one.points]


def paced(settings: Settings, usual: list[list[float]], slow: list[list[float]]) -> Settings:
    """
    Return the settings with the paces at which the rules really were evaluated.

    Counts are sums over evaluations: a report without the settings of its rules would be wrong
    by a factor, and nobody would notice.
    """
    return Paced(
        **{name: getattr(settings, name) for name in settings.__struct_fields__},
        usual=_pace(usual, settings.rule_seconds),
        slow=_pace(slow, settings.intervals.slow),
    )


def _pace(evaluated: list[list[float]], said: float) -> float:
    gaps = [
        later - earlier for moments in evaluated for earlier, later in itertools.pairwise(moments)
    ]
    seen = median(gaps) if gaps else said
    return said if abs(seen / said - 1) < 0.1 else seen


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
