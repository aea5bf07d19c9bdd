"""Alerts over time: as bars of their own, and behind every chart."""

from dataclasses import replace

from sse_observe.report.output.report import Report
from sse_observe.report.output.timeline import background, episode_label, timeline


def test_alerts_and_starts_stand_behind_every_chart(report: Report) -> None:
    """Alerts that overlap are shaded once, or two would look twice as bad."""
    incident = report.incident
    (episode,) = incident.episodes
    again = replace(episode, start=episode.start + 60, end=episode.end + 60)

    shaded, dotted = background([episode, again], incident.process_starts, incident.window)

    assert (shaded["x0"], shaded["x1"]) == (1000 * episode.start, 1000 * again.end)
    assert dotted["x0"] == dotted["x1"] == 1000 * incident.process_starts[0].at


def test_bars_are_named_by_alert_windows_and_place(report: Report) -> None:
    """Two pairs of windows of one alert, and two routes, are told apart."""
    incident = report.incident
    (episode,) = incident.episodes
    burn = replace(episode, labels={"job": "chat", "long": "1h", "short": "5m"})

    (bars,) = timeline([episode, replace(episode, fired=False)], incident.window)["data"]

    assert bars["y"] == ["SSEStreamsStalled /b"]
    assert episode_label(burn) == "SSEStreamsStalled 1h/5m chat"
