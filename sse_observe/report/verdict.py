"""The report in a few sentences: what fired, where, how bad, since when. Plain text."""

from collections.abc import Iterator

from sse_observe.report.excess import SPLIT
from sse_observe.report.fired import severity_rank
from sse_observe.report.incident import Incident
from sse_observe.report.suspects import Suspect
from sse_observe.report.units import clock, said, span

NAMES = {"route": "route", "network_type": "network", "user_segment": "user segment"}
"""What a reader calls a label."""


def severity(incident: Incident) -> str:
    """Return the worst severity that fired; empty where none did."""
    return min((one.severity for one in incident.fired), key=severity_rank, default="")


def sentences(incident: Incident) -> Iterator[str]:
    """Yield the verdict, the most important first."""
    day = incident.window.seconds > 86400
    if incident.fired:
        first = incident.fired[0]
        until = "still firing at the end" if first.ongoing else f"until {clock(first.end, day=day)}"
        others = len({one.alert for one in incident.fired} - {first.alert})
        more = f" {others} other alert{'s' if others > 1 else ''} fired too." if others else ""
        yield (
            f"{first.alert} ({first.severity}) fired from {clock(first.start, day=day)} UTC, "
            f"for {span(first.seconds)}, {until}.{more}"
        )
    else:
        only = incident.alert or "No alert of this bundle"
        yield f"{only} {'did not fire' if incident.alert else 'fired'} in this window."
    for label in (*SPLIT, *(key for key in incident.suspects if key not in SPLIT)):
        found = incident.suspects.get(label, ())
        # The only network or segment that there is says nothing about it.
        if found and found[0].clear and (label == "route" or len(found) > 1):
            name = NAMES.get(label, label)
            yield f"Most affected {name}: {found[0].value}. {compared(found[0])}."
    broken = [one for one in incident.promises if not one.kept]
    if broken:
        one = broken[0]
        yield (
            f"Objective missed on {len(broken)} of {_routes(len(incident.promises))}: "
            f"{said(one.completion or 0, 'percentunit')} of the streams on {one.route} completed, "
            f"{said(one.objective, 'percentunit')} were promised."
        )
    elif incident.promises:
        yield "Every route kept its completion objective over the whole window."
    for start in incident.starts:
        if start.before is not None:
            ahead = (start.before.pending or start.before.start) - start.at
            yield (
                f"A process of {start.job} started at {clock(start.at, day=day)}, "
                f"{span(ahead)} before {start.before.alert} began."
            )
            break


def _routes(number: int) -> str:
    return "1 route" if number == 1 else f"{number} routes"


def compared(suspect: Suspect) -> str:
    """Say in what a place differs from the rest."""
    own = said(suspect.own, suspect.unit)
    if suspect.rest is None:
        return f"{suspect.measure}: {own}"
    return f"{suspect.measure}: {own}, elsewhere {said(suspect.rest, suspect.unit)}"
