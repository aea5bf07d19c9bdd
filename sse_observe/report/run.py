"""
One report, from the request on a command line to the facts that are written down.

Knows the order of the steps; leaves queries, comparisons and words to the packages beside it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sse_observe.render.bundle import catalogue
from sse_observe.report.findings.investigation import investigate
from sse_observe.report.findings.subject import Subject, find_alert
from sse_observe.report.logs.reading import read_log
from sse_observe.report.output.report import Report
from sse_observe.report.query.evaluation import observe
from sse_observe.report.query.source import Source
from sse_observe.report.window import parse_window


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """One report as it is asked for; everything as it was written, but for the paths."""

    prometheus: str
    since: str = "24h"
    until: str | None = None
    route: str | None = None
    alert: str | None = None
    logs: Path | None = None
    headers: tuple[str, ...] = ()
    settings: Path | None = None


def run_report(
    request: ReportRequest,
    on_progress: Callable[[int, int], None] = lambda _, __: None,
    now: Callable[[], float] = time.time,
) -> Report:
    """
    Ask, read and compare; `on_progress` hears how many of how many queries were answered.

    A wrong request is refused before anything is asked: ReportError or SettingsError, in one line.
    """
    created = now()
    catalog, settings = catalogue(request.settings)
    source = Source(request.prometheus, request.headers)
    alert = None if request.alert is None else find_alert(catalog, request.alert)
    window = parse_window(request.since, request.until, created, settings.intervals.usual)
    log = None if request.logs is None else read_log(request.logs, window, request.route)
    evaluation = observe(source, settings, window.end)
    # No finer than the rules really were evaluated.
    window = parse_window(request.since, request.until, created, evaluation.intervals.usual)
    subject = Subject(catalog, settings, evaluation, window, request.route, alert)
    return Report(investigate(source, subject, on_progress), log, created, settings.runbook)
