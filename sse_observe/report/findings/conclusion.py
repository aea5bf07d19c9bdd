"""The report in a few sentences: what fired, where, how bad, since when. Plain text."""

from collections.abc import Iterator

from sse_observe.report.findings.episodes import STATES, severity_rank
from sse_observe.report.findings.impact import Suspect
from sse_observe.report.findings.incident import Incident
from sse_observe.report.findings.limit_distance import SPLIT
from sse_observe.report.units import clock, said, span

NAMES = {"route": "route", "network_type": "network", "user_segment": "user segment"}
"""What a reader calls a label."""

UNKNOWN = "the question was not answered in full"


def severity(incident: Incident) -> str:
    """Return the worst severity that fired; empty where none did."""
    return min((one.severity for one in incident.fired), key=severity_rank, default="")


def sentences(incident: Incident) -> Iterator[str]:
    """Yield the verdict, the most important first."""
    yield from _fired(incident)
    for label in (*SPLIT, *(key for key in incident.suspects if key not in SPLIT)):
        found = incident.suspects.get(label, ())
        # The only network or segment that there is says nothing about it.
        if found and found[0].clear and (label == "route" or len(found) > 1):
            name = NAMES.get(label, label)
            yield f"Most affected {name}: {found[0].value}. {compared(found[0])}."
    yield from _promised(incident)
    for start in incident.starts:
        if start.before is not None:
            ahead = (start.before.pending or start.before.start) - start.at
            yield (
                f"A process of {start.job} started at {clock(start.at, day=_days(incident))}, "
                f"{span(ahead)} before {start.before.alert} began."
            )
            break


def _fired(incident: Incident) -> Iterator[str]:
    if incident.fired:
        first, day = incident.fired[0], _days(incident)
        until = "still firing at the end" if first.ongoing else f"until {clock(first.end, day=day)}"
        others = len({one.alert for one in incident.fired} - {first.alert})
        more = f" {others} other alert{'s' if others > 1 else ''} fired too." if others else ""
        inside = first.start > incident.window.start
        since, least = ("from", "") if inside else ("since before", "at least ")
        yield (
            f"{first.alert} ({first.severity}) fired {since} {clock(first.start, day=day)} UTC, "
            f"for {least}{span(first.seconds)}, {until}.{more}"
        )
        return
    if incident.doubts(STATES):
        yield f"Whether {incident.alert or 'an alert'} fired is not known: {UNKNOWN}."
        return
    only = incident.alert or "No alert of this bundle"
    yield f"{only} {'did not fire' if incident.alert else 'fired'} in this window."
    if incident.worst and not incident.episodes:
        # What is beyond its threshold is at least pending, where there is such an alert.
        beyond = incident.worst[0]
        yield (
            f"But a signal was {beyond.times:.1f} times the limit of {beyond.excess.alert.name}, "
            "and no alert was even pending: are the alert rules loaded, and is their series "
            "ALERTS stored here?"
        )


def _promised(incident: Incident) -> Iterator[str]:
    broken = [one for one in incident.promises if not one.kept]
    if broken:
        one = broken[0]
        yield (
            f"Objective missed on {len(broken)} of {_routes(len(incident.promises))}: "
            f"{said(one.completion or 0, 'ratio')} of the streams on {one.route} completed, "
            f"{said(one.objective, 'ratio')} were promised."
        )
    elif incident.doubts("Promise: streams"):
        yield f"Whether routes kept their completion objective is not known: {UNKNOWN}."
    elif incident.promises:
        yield "Every route kept its completion objective over the whole window."


def _days(incident: Incident) -> bool:
    """Whether a time of the day alone would be ambiguous."""
    return incident.window.seconds > 86400


def _routes(number: int) -> str:
    return "1 route" if number == 1 else f"{number} routes"


def compared(suspect: Suspect) -> str:
    """Say in what a place differs from the rest."""
    own = said(suspect.own, suspect.unit)
    if suspect.rest is None:
        return f"{suspect.measure}: {own}"
    return f"{suspect.measure}: {own}, elsewhere {said(suspect.rest, suspect.unit)}"
