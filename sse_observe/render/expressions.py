"""
Expressions under a user's settings: template words filled in, the selector on every series.

Fills the words that `catalog.signals.recordings` explains; an unknown word is an error.
"""

import re
from collections.abc import Callable, Mapping

from sse_observe.catalog import promql
from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import Alert, Comparison, Signal, Window
from sse_observe.catalog.series import RAW
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.catalog.spans import renamed
from sse_observe.errors import CatalogError
from sse_observe.render.settings import Intervals, Settings

_WORD = re.compile(r"<< (?P<word>[a-z_]+)(?:\('(?P<argument>[^']*)'\))? >>")
_RAW = {*RAW, "up"}

Words = Mapping[str, Callable[[str], str]]
"""Template words: each returns its text for its argument, empty where it has none."""


def number(value: float) -> str:
    """Write a number without the noise of binary fractions."""
    return f"{value:.10g}"


class Expressions:
    """
    Writes expressions the way that one user's settings want them.

    `intervals` are those at which rules really were evaluated, where they are known better.
    """

    def __init__(self, settings: Settings, intervals: Intervals | None = None) -> None:
        self._settings = settings
        self._intervals = intervals or settings.intervals
        names = renamed(SIGNALS, settings.shortest_window)
        self._paces = {names.get(each.record, each.record): each.interval for each in SIGNALS}
        self._recorded = {*self._paces, "ALERTS"}
        objectives = settings.objectives
        self._words: Words = {
            "on": lambda label: self.labels((label,) if label else ("job", "route")),
            "slo_window": lambda _: self.span(objectives.window),
            "w": self.span,
            "rate": lambda text: duration(self.seconds(text) + settings.scrape_seconds),
            "seconds": lambda text: number(self.seconds(text)),
            "objective": lambda name: number(objectives.ratio(name)),
            "objective_percent": lambda name: f"{number(100 * objectives.ratio(name))} %",
            "budget": lambda name: number(1 - objectives.ratio(name)),
            "budget_percent": lambda name: f"{number(100 * (1 - objectives.ratio(name)))} %",
        }

    def seconds(self, text: str) -> float:
        """Return the length of a duration under the time scale."""
        return seconds(text) / self._settings.time_scale

    def span(self, text: str) -> str:
        """Return a duration under the time scale."""
        return duration(self.seconds(text))

    def interval(self, text: str) -> float:
        """Return the seconds between two evaluations of the signals that a query counts."""
        found = {self._paces.get(name, "usual") for name in promql.ranged(text)}
        if len(found) > 1:
            raise CatalogError(f"{text}: signals of two intervals cannot be counted together")
        return self._intervals.of(found.pop() if found else "usual")

    def labels(self, own: tuple[str, ...]) -> str:
        """Return a signal's labels with those that the settings give each record."""
        return ", ".join(dict.fromkeys((*own, *self._settings.places)))

    def fill(self, text: str, more: Words | None = None) -> str:
        """Replace every `<< word >>`; `more` are words that hold in this text alone."""
        words = {
            **self._words,
            "interval": lambda _: number(self.interval(text)),
            **(more or {}),
        }

        def replace(match: re.Match[str]) -> str:
            word, argument = match["word"], match["argument"] or ""
            try:
                return words[word](argument)
            except (KeyError, ValueError):
                raise CatalogError(f"{match[0]}: no such word in a template") from None

        return _WORD.sub(replace, text)

    def select(self, text: str) -> str:
        """Add the user's selector to every series of a query, in the form that finds it."""
        selection = self._settings.selection

        def matchers(name: str) -> str | None:
            if name in _RAW:
                return selection.raw
            return selection.recorded if name in self._recorded else None

        return promql.narrowed(text, matchers)

    def record(self, signal: Signal) -> str:
        """Return the expression of a recording rule."""
        try:
            text = self.fill(signal.expr.strip(), {"by": lambda _: self.labels(signal.labels)})
        except CatalogError as error:
            raise CatalogError(f"signal {signal.record}: {error}") from None
        return self.select(text)

    def alert(
        self, alert: Alert, signals: Mapping[str, Signal], window: Window | None = None
    ) -> str:
        """Return the expression of an alert; of one pair of windows, where it has several."""
        own, *others = alert.comparisons(window)
        labels = signals[own.signal].labels
        lines = [_comparison(own)]
        for other in others:
            shared = tuple(label for label in labels if label in signals[other.signal].labels)
            lines.append(f"and on ({self.labels(shared)}) {_comparison(other)}")
        return "\n".join(lines)


def _comparison(term: Comparison) -> str:
    return f"{term.signal} {term.compare} {number(term.line())}"
