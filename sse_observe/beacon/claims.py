"""
Claims to report tokens: a browser that asks for one must have asked for a stream.

Knows how many streams each route had, and how many tokens its streams carry already; knows
neither browsers nor addresses, since another process may have served the stream.
"""

from collections import Counter

from sse_observe.middleware.tracker import StreamTracker

# Streams whose clients ask for no token would add up to any number, for strangers to take.
_MOST_UNCLAIMED = 1000


class Claims:
    """
    The tokens that are still due on each route.

    A stream that was opened or refused is worth one token. One that greets its client with a
    token has had it.
    """

    def __init__(self, tracker: StreamTracker) -> None:
        self._tracker = tracker
        self._given: Counter[str] = Counter()

    def give(self, route: str) -> None:
        """Take note that a stream carries its token itself."""
        self._given[route] += 1

    def take(self, route: str) -> bool:
        """Tell whether a token is due on a route, and count it as given if so."""
        requests = self._tracker.requests_of(route)
        given = max(self._given[route], requests - _MOST_UNCLAIMED)
        if given >= requests:
            return False
        self._given[route] = given + 1
        return True
