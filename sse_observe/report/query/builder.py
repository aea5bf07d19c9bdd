"""
The catalogue's queries as an API takes them: the boards' variables filled in for one report.

Knows PromQL's quoting, not what any query means.
"""

import re

from sse_observe.catalog.durations import duration
from sse_observe.catalog.model import Catalog
from sse_observe.render.queries import Scope
from sse_observe.render.settings import Settings
from sse_observe.report.query.window import Window

_VARIABLE = re.compile(r"\$(\w+)")


class Wording:
    """Words queries for a window and, where one is given, a single route."""

    def __init__(
        self, catalog: Catalog, settings: Settings, window: Window, route: str | None = None
    ) -> None:
        self._scope = Scope(catalog.signals, settings)
        least = 4 * settings.scrape_seconds
        self._words = {
            "__range": duration(window.seconds),
            "__interval": duration(window.step),
            "__rate_interval": duration(max(window.step + settings.scrape_seconds, least)),
        }
        if route is not None:
            self._words["route"] = quoted(re.escape(route))[1:-1]

    def of(self, expr: str) -> str:
        """Return a query that stands by itself; a variable without a choice matches everything."""
        narrowed = self._scope.narrow(expr)
        return _VARIABLE.sub(lambda found: self._words.get(found[1], ".+"), narrowed)


def quoted(text: str) -> str:
    r"""Write a string of PromQL: in double quotes, with `\`, `"` and line ends escaped."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{safe}"'
