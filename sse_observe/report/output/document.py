"""The report as one JSON document: the same facts for a script, every series in a few numbers."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sse_observe.report.findings.conclusion import sentences, severity
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.panels import BoardView
from sse_observe.report.output.summary import digest
from sse_observe.report.query.answer import Series
from sse_observe.report.query.window import Window
from sse_observe.report.run import Findings


def document(findings: Findings) -> dict[str, Any]:
    """Return everything, ready for JSON; moments are ISO 8601 in UTC, lengths are seconds."""
    incident = findings.incident
    return {
        "verdict": list(sentences(incident)),
        "severity": severity(incident) or None,
        "complete": findings.complete,
        "made": moment(findings.made),
        "source": incident.source,
        "window": _window(incident.window),
        "compared_over": _window(incident.span),
        "route": incident.route,
        "alert": incident.alert,
        "alerts": [_episode(one) for one in incident.episodes],
        "promise": [
            {**asdict(one), "completion": one.completion, "kept": one.kept}
            for one in incident.promises
        ],
        "affected": {
            label: [asdict(one) for one in found] for label, found in incident.suspects.items()
        },
        "worst": [
            {
                "at": moment(one.at),
                "seconds": one.seconds,
                "alert": one.excess.alert.name,
                "labels": dict(one.excess.labels),
                "value": one.value,
                "limit": one.excess.limit,
                "times": one.times,
            }
            for one in incident.worst
        ],
        "starts": [
            {
                "at": moment(one.at),
                "job": one.job,
                "before": one.before.alert if one.before else None,
            }
            for one in incident.starts
        ],
        "boards": {view.board.name: _board(view) for view in incident.boards},
        "logs": _logs(findings),
        "runbooks": list(incident.runbooks),
        "failures": [asdict(one) for one in incident.failures],
        "queries": incident.asked,
    }


def moment(at: float) -> str:
    """Write Unix time as ISO 8601, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _window(window: Window) -> dict[str, Any]:
    return {"start": moment(window.start), "end": moment(window.end), "step": window.step}


def _episode(one: Episode) -> dict[str, Any]:
    return {
        "alert": one.alert,
        "severity": one.severity,
        "labels": dict(one.labels),
        "fired": one.fired,
        "pending": None if one.pending is None else moment(one.pending),
        "start": moment(one.start),
        "end": moment(one.end),
        "seconds": one.seconds,
        "ongoing": one.ongoing,
    }


def _board(view: BoardView) -> dict[str, Any]:
    return {
        panel.panel.title: {
            "unit": panel.panel.unit,
            "lines": [
                {"name": line.name, "labels": dict(line.series.labels), **_numbers(line.series)}
                for line in panel.lines
            ],
        }
        for row in view.rows
        for panel in row.views
    }


def _numbers(series: Series) -> dict[str, Any]:
    known = digest(series)
    return {**asdict(known), "low_at": moment(known.low_at), "high_at": moment(known.high_at)}


def _logs(findings: Findings) -> dict[str, Any] | None:
    reading = findings.reading
    if reading is None:
        return None
    kinds = [
        {**asdict(one), "first": moment(one.first), "last": moment(one.last)}
        for one in reading.kinds
    ]
    return {
        "name": reading.name,
        "lines": reading.lines,
        "within": reading.within,
        "kinds": kinds,
        "notes": list(reading.notes),
    }
