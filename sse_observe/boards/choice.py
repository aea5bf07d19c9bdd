"""
The choice of a viewer: a time range, a route, and the rows that are open.

Written in an address as Grafana writes it, so that a link to a board in Grafana is one to ours.
"""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs

from sse_observe.catalog.durations import seconds
from sse_observe.errors import ReportError
from sse_observe.report.window import Window

USUAL_RANGE = "now-1h"
RANGES = ("5m", "15m", "1h", "3h", "6h", "12h", "1d", "3d", "7d", "30d")
"""The ranges to choose from; an address may name any."""

REFRESH_SECONDS = 5.0
"""How often a board is asked again; all who look at it at one time share the answer."""

_MOST_BYTES = 4096
_MOST_FIELDS = 64
_MOST_OPENED = 20
_LONGEST = 200
_SHORTEST_SECONDS = 60.0
_MOST_SECONDS = 400 * 86400.0
_ALL = ("", "$__all", "All")
_MILLISECONDS = re.compile(r"\d{1,15}")


@dataclass(frozen=True, slots=True)
class Choice:
    """
    One viewer's choice; `since` and `until` are Grafana's: `now`, `now-1h`, or milliseconds.

    `route` None is every route; `opened` are the titles of collapsed rows that stand open.
    """

    since: str = USUAL_RANGE
    until: str = "now"
    route: str | None = None
    opened: frozenset[str] = frozenset()

    def window(self, now: float, finest: float) -> Window:
        """Return the time to look at, with steps of at least `finest` seconds; or ReportError."""
        now = math.floor(now / REFRESH_SECONDS) * REFRESH_SECONDS
        start, end = _time("from", self.since, now), min(_time("to", self.until, now), now)
        if not _SHORTEST_SECONDS <= end - start <= _MOST_SECONDS:
            raise ReportError(
                f"from {self.since} to {self.until}: choose a range of a minute to 400 days"
            )
        return Window.fitting(start, end, finest)


def read_choice(query: bytes, usual_range: str = USUAL_RANGE) -> Choice:
    """Read the part of an address behind its question mark; ReportError in one line."""
    if len(query) > _MOST_BYTES:
        raise ReportError(f"the address is longer than {_MOST_BYTES} bytes; open the board anew")
    try:
        found = parse_qs(query.decode("latin-1"), errors="replace", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ReportError(
            f"the address has more than {_MOST_FIELDS} fields; open the board anew"
        ) from None
    route = _one(found, "var-route", "")
    return Choice(
        since=_one(found, "from", usual_range),
        until=_one(found, "to", "now"),
        route=None if route in _ALL else route,
        opened=frozenset(title[:_LONGEST] for title in found.get("open", [])[:_MOST_OPENED]),
    )


def _one(found: Mapping[str, list[str]], name: str, default: str) -> str:
    return found.get(name, [default])[0][:_LONGEST]


def _time(name: str, text: str, now: float) -> float:
    """Return Unix time."""
    if _MILLISECONDS.fullmatch(text):
        return int(text) / 1000
    if text == "now":
        return now
    word, dash, ago = text.partition("-")
    with suppress(ValueError, OverflowError):
        if (word, dash) == ("now", "-"):
            return now - seconds(ago)
    raise ReportError(f"{name}={text!r}: write it like now-1h, or in milliseconds since 1970")
