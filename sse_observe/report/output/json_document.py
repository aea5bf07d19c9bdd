"""The report as one JSON document: the same facts for a script, every series in a few numbers."""

from dataclasses import asdict
from datetime import UTC, datetime

from sse_observe.report.findings.conclusion import sentences, severity
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.panels import BoardView
from sse_observe.report.findings.process_starts import ProcessStart
from sse_observe.report.findings.slo import SLOCompliance
from sse_observe.report.findings.worst_minutes import WorstMinute
from sse_observe.report.logs.reading import LogExcerpt
from sse_observe.report.output.report import Report
from sse_observe.report.output.summary import summarise
from sse_observe.report.query.answer import Series
from sse_observe.report.window import Window

JSON = dict[str, object]


def json_document(report: Report) -> JSON:
    """Return everything, ready for JSON; times are ISO 8601 in UTC, lengths are seconds."""
    incident = report.incident
    impacts = incident.impacts.items()
    return {
        "conclusion": list(sentences(incident)),
        "severity": severity(incident) or None,
        "complete": report.complete,
        "created": iso_time(report.created),
        "source": incident.source,
        "window": _window(incident.window),
        "compared_over": _window(incident.compared_over),
        "route": incident.route,
        "alert": incident.alert,
        "causes": None if incident.causes is None else asdict(incident.causes),
        "alerts": [_episode(one) for one in incident.episodes],
        "slo": [_slo(one) for one in incident.slo],
        "affected": {label: [asdict(one) for one in found] for label, found in impacts},
        "worst_minutes": [_worst_minute(one) for one in incident.worst_minutes],
        "process_starts": [_process_start(one) for one in incident.process_starts],
        "boards": {view.board.name: _board(view) for view in incident.boards},
        "logs": None if report.log is None else _log(report.log),
        "runbooks": list(incident.runbooks),
        "failures": [asdict(one) for one in incident.failures],
        "queries": incident.asked,
    }


def iso_time(at: float) -> str:
    """Write Unix time as ISO 8601, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _window(window: Window) -> JSON:
    return {"start": iso_time(window.start), "end": iso_time(window.end), "step": window.step}


def _episode(one: Episode) -> JSON:
    return {
        "alert": one.alert,
        "severity": one.severity,
        "labels": dict(one.labels),
        "fired": one.fired,
        "pending": None if one.pending is None else iso_time(one.pending),
        "start": iso_time(one.start),
        "end": iso_time(one.end),
        "seconds": one.seconds,
        "ongoing": one.ongoing,
    }


def _slo(one: SLOCompliance) -> JSON:
    return {**asdict(one), "completion": one.completion, "met": one.met}


def _worst_minute(one: WorstMinute) -> JSON:
    return {
        "at": iso_time(one.at),
        "seconds": one.seconds,
        "alert": one.distance.alert.name,
        "labels": dict(one.distance.labels),
        "value": one.value,
        "limit": one.distance.limit,
        "times_limit": one.times_limit,
    }


def _process_start(one: ProcessStart) -> JSON:
    before = one.before.alert if one.before else None
    return {"at": iso_time(one.at), "job": one.job, "before": before}


def _board(view: BoardView) -> JSON:
    return {
        panel.panel.title: {
            "unit": panel.panel.unit,
            "lines": [
                {"name": line.name, "labels": dict(line.series.labels), **_numbers(line.series)}
                for line in panel.lines
            ],
        }
        for row in view.rows
        for panel in row.panels
    }


def _numbers(series: Series) -> JSON:
    known = summarise(series)
    low_at, high_at = iso_time(known.low_at), iso_time(known.high_at)
    return {**asdict(known), "low_at": low_at, "high_at": high_at}


def _log(log: LogExcerpt) -> JSON:
    return {
        "name": log.name,
        "lines": log.lines,
        "in_window": log.in_window,
        "kinds": [
            {**asdict(kind), "first": iso_time(kind.first), "last": iso_time(kind.last)}
            for kind in log.kinds
        ],
        "remarks": list(log.remarks),
    }
