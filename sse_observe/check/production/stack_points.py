"""Points about what watches the service: its metrics, the rules, the boards, the runbooks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sse_observe.catalog.model import Catalog
from sse_observe.check.asking.connection import Dialing
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.fetch import fetch, fetch_json
from sse_observe.check.asking.question import Question
from sse_observe.check.doctor import Examination
from sse_observe.check.production.point import Point, done, failed, person

_METRICS = "Monitoring metrics exported"
_RULES = "Alert rules configured"
_RUNBOOKS = "Runbooks documented"
_MOST_PAGES = 3
"""A sample of the runbooks: they stand side by side."""


class Rule(NamedTuple):
    """An alert as a Prometheus has loaded it."""

    name: str
    health: str
    runbook: str


def metrics(examination: Examination) -> Point:
    """Return whether the service exports its streams."""
    [found] = [one.finding for one in examination.checked if one.check.id == "D23"]
    ask = "Where does the service export its metrics? Then give --metrics."
    if found.result == "not_asked":
        return person(_METRICS, "--metrics was not given", ask)
    ok = found.result in ("pass", "warn")
    return done(_METRICS, found.evidence) if ok else failed(_METRICS, found.evidence)


async def rules(prometheus: Question | None, dialing: Dialing) -> list[Rule] | AskError | None:
    """Return the alerts that a Prometheus has loaded; the failure where it does not say."""
    if prometheus is None:
        return None
    try:
        answer = await fetch_json(_below(prometheus, "api/v1/rules"), dialing)
    except AskError as error:
        return error
    return list(_alerts(answer))


def _below(base: Question, path: str) -> Question:
    return Question(url=f"{base.url.rstrip('/')}/{path}", headers=base.headers)


def _alerts(answer: object) -> Iterator[Rule]:
    data = answer.get("data") if isinstance(answer, dict) else None
    groups = data.get("groups") if isinstance(data, dict) else None
    for group in groups if isinstance(groups, list) else ():
        for rule in group.get("rules", ()) if isinstance(group, dict) else ():
            if isinstance(rule, dict) and rule.get("type") == "alerting":
                annotations = rule.get("annotations")
                notes = annotations if isinstance(annotations, Mapping) else {}
                yield Rule(
                    str(rule.get("name")),
                    str(rule.get("health")),
                    str(notes.get("runbook_url", "")),
                )


async def alerting(
    catalog: Catalog,
    loaded: list[Rule] | AskError | None,
    grafana: Question | None,
    dialing: Dialing,
) -> Point:
    """Return whether the rules are loaded and healthy, and the boards there."""
    ask = "Are the rules loaded, and by which Prometheus? Then give --prometheus."
    if loaded is None:
        return person(_RULES, "--prometheus was not given", ask)
    if isinstance(loaded, AskError):
        return failed(_RULES, str(loaded))
    wanted = [alert.name for alert in catalog.alerts]
    missing = [name for name in wanted if name not in {rule.name for rule in loaded}]
    if missing:
        some = f"{missing[0]} and {len(missing) - 1} more" if len(missing) > 1 else missing[0]
        return failed(_RULES, f"{len(wanted) - len(missing)} of {len(wanted)} alerts; not {some}")
    ill = [rule for rule in loaded if rule.name in wanted and rule.health not in ("ok", "unknown")]
    if ill:
        return failed(_RULES, f"{ill[0].name} cannot be evaluated: look at its last error")
    words = f"{len(wanted)} alerts, all healthy"
    if grafana is None:
        return done(_RULES, f"{words}; boards not looked at (--grafana)")
    absent = await _absent(catalog, grafana, dialing)
    if absent:
        return failed(_RULES, f"{words}; board {absent[0]}")
    return done(_RULES, f"{words}; {len(catalog.boards)} boards")


async def _absent(catalog: Catalog, grafana: Question, dialing: Dialing) -> list[str]:
    found = []
    for board in catalog.boards:
        try:
            await fetch_json(_below(grafana, f"api/dashboards/uid/{board.uid}"), dialing)
        except AskError as error:
            found.append(f"{board.uid}: {error}")
    return found


async def runbooks(loaded: list[Rule] | AskError | None, dialing: Dialing) -> Point:
    """Return whether the runbooks that alerts link to can be opened."""
    ask = "Where does the person on call find the runbook of an alert?"
    if loaded is None or isinstance(loaded, AskError):
        return person(_RUNBOOKS, "no rules were read", ask)
    ours = [rule for rule in loaded if rule.name.startswith("SSE")]
    without = [rule.name for rule in ours if not rule.runbook.startswith(("http://", "https://"))]
    if not ours or without:
        return failed(_RUNBOOKS, f"{(without or ['no alert'])[0]} has no runbook_url that opens")
    pages = sorted({rule.runbook for rule in ours})[:_MOST_PAGES]
    unread = [line for page in pages if (line := await _unread(page, dialing))]
    if unread:
        return failed(_RUNBOOKS, unread[0])
    return done(_RUNBOOKS, f"{len(ours)} alerts link to runbooks; {len(pages)} of them opened")


async def _unread(page: str, dialing: Dialing) -> str:
    """Return why a page cannot be opened; nothing where it can."""
    try:
        status = (await fetch(Question(url=page), dialing)).status
    except AskError as error:
        return str(error)
    return "" if status < 400 else f"{page}: status {status}"


def statuses(points: Sequence[Point]) -> dict[str, int]:
    """Return how many points are in which state."""
    return {state: sum(p.state == state for p in points) for state in ("done", "failed", "person")}
