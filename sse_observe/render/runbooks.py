"""Runbooks: each alert page with its rules, fixes and numbers filled in, and their index."""

import re

from sse_observe.catalog.model import Alert, Catalog
from sse_observe.errors import CatalogError
from sse_observe.render.expressions import Expressions, Words, number
from sse_observe.render.groups import Rules
from sse_observe.render.settings import Settings
from sse_observe.render.text import fill

# The steps that need no thinking fit on one screen.
_FIRST_LINES = 60
_QUERY = re.compile(r"^ *```promql$.*?^ *```$", re.MULTILINE | re.DOTALL)


def runbooks(catalog: Catalog, settings: Settings) -> dict[str, str]:
    """Return the runbook of each alert, and their index, by path."""
    pages = _Pages(catalog, settings)
    found = {f"runbooks/{alert.name}.md": pages.runbook(alert) for alert in catalog.alerts}
    index = fill("runbooks/index.md.j2", alerts=catalog.alerts, severities=pages.severities())
    return {**found, "runbooks/README.md": index}


class _Pages:
    """Writes the runbooks of a catalogue that `tuning` has tuned."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._alerts = catalog.alerts
        self._fixes = catalog.fixes
        self._settings = settings
        self._expressions = Expressions(settings)
        self._rules = Rules(catalog, settings)
        self._signals = {signal.record: signal for signal in catalog.signals}
        self._boards = {board.name: board for board in catalog.boards}

    def severities(self) -> dict[str, list[str]]:
        """Return the names of each alert's severities."""
        label = self._settings.severities.label
        return {alert.name: [*map(label, alert.severities)] for alert in self._alerts}

    def runbook(self, alert: Alert) -> str:
        board = self._boards[alert.dashboard]
        text = fill(
            "runbooks/runbook.md.j2",
            alert=alert,
            settings=self._settings,
            rules=self._rules.of(alert),
            board=board.title,
            dashboard_url=self._settings.dashboard(board.uid),
            narrowed="<< firing" in alert.prose,
            prose=self._prose(alert),
        )
        first = text.split("\n## Meaning\n")[0].count("\n")
        if first > _FIRST_LINES:
            raise CatalogError(
                f"{alert.source}: {first} lines before `## Meaning`; {_FIRST_LINES} are the most: "
                "move detail to Diagnosis or Root-cause fix"
            )
        return text

    def _prose(self, alert: Alert) -> str:
        words: Words = {
            "limit": lambda _: self._limit(alert),
            "threshold": lambda _: number(alert.line()),
            "fix": lambda name: self._fixes[name].strip(),
            "firing": lambda label: self._firing(alert, label),
        }
        try:
            prose = self._expressions.fill(alert.prose, words)
        except CatalogError as error:
            raise CatalogError(f"{alert.source}: {error}") from None
        return _QUERY.sub(lambda query: self._expressions.select(query[0]), prose)

    def _firing(self, alert: Alert, label: str) -> str:
        """Keep of an answer what an alert fires for: its jobs, and its routes if it has any."""
        own = self._signals[alert.signals()[0]].labels
        kept = ("job", label) if label else tuple(name for name in ("job", "route") if name in own)
        firing = f'ALERTS{{alertname="{alert.name}", alertstate="firing"}}'
        return f"and on ({self._expressions.labels(kept)}) {firing}"

    def _limit(self, alert: Alert) -> str:
        """Write an alert's threshold; a share in percent."""
        threshold = alert.line()
        if self._signals[alert.signals()[0]].unit == "ratio":
            return f"{number(100 * threshold)} %"
        return number(threshold)
