"""
The catalogue's queries as an API takes them: filled in for one window, and for one route or all.

Knows PromQL's quoting, not what any query means.
"""

import re

from sse_observe.catalog.durations import duration
from sse_observe.catalog.model import Catalog
from sse_observe.render.queries import Scope, Variables
from sse_observe.render.settings import Intervals, Settings
from sse_observe.report.window import Window


class QueryBuilder:
    """Builds queries for a window and, where one is given, a single route."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        intervals: Intervals,
        window: Window,
        route: str | None = None,
    ) -> None:
        least = 4 * settings.scrape_seconds
        chosen = {} if route is None else {"route": quoted(re.escape(route))[1:-1]}
        variables = Variables(
            range=duration(window.seconds),
            step=duration(window.step),
            rate_window=duration(max(window.step + settings.scrape_seconds, least)),
            # A label without a choice matches everything.
            chosen=lambda label: chosen.get(label, ".+"),
        )
        self._scope = Scope(catalog.signals, settings, variables, intervals)

    def build(self, expr: str) -> str:
        """Return a query that stands by itself."""
        return self._scope.narrow(expr)


def quoted(text: str) -> str:
    r"""Write a string of PromQL: in double quotes, with `\`, `"` and line ends escaped."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{safe}"'
