"""
Two slips in declarations that no error shows: a route that nothing matches, streams without one.

Reads what is counted, and says each once; counts nothing itself.
"""

from collections.abc import Sequence
from itertools import islice

from sse_observe.metrics import OTHER
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.route_counts import RouteCounts

# A route that is in use is asked for within an hour in which others are.
_UNUSED_SECONDS = 3600.0
_OTHER_SHARE = 0.1
# Fewer are somebody who tries things out.
_LEAST_STREAMS = 100
_MOST_NAMED = 10


class RouteWatch:
    """The routes of one process, looked at once a second while there are streams."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._unused_is_judged = self._other_is_judged = False

    def look(self, now: float, routes: Sequence[RouteCounts], most: int) -> None:
        """Judge what was counted so far; `most` routes have a name of their own."""
        if self._since is None:
            self._since = now
        if not self._unused_is_judged and now - self._since >= _UNUSED_SECONDS:
            self._unused_is_judged = True
            _name_unused(routes)
        if not self._other_is_judged:
            self._other_is_judged = _name_other(routes, most)


def _name_unused(routes: Sequence[RouteCounts]) -> None:
    unused = [route.label for route in routes if not route.is_used and route.label != OTHER]
    used = [route.label for route in routes if route.streams]
    if unused and used:
        LOGGER.warning(
            "routes: nothing matched %s within an hour; streams came under %s: compare the "
            "templates with those of the framework",
            _some(unused),
            _some(used),
        )


def _name_other(routes: Sequence[RouteCounts], most: int) -> bool:
    """Tell whether too many streams have no route, and say so."""
    streams = sum(route.streams for route in routes)
    other = sum(route.streams for route in routes if route.label == OTHER)
    if streams < _LEAST_STREAMS or other <= _OTHER_SHARE * streams:
        return False
    remedy = "declare their paths by routes={...}, or name them by route=function"
    if len(routes) > most:
        remedy = f"{most} routes are named at most; let route=function give many paths one name"
    LOGGER.warning("routes: %d of %d streams are counted as `other`; %s", other, streams, remedy)
    return True


def _some(labels: list[str]) -> str:
    named = ", ".join(repr(label) for label in islice(labels, _MOST_NAMED))
    more = len(labels) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
