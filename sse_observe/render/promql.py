"""
PromQL under a user's settings: labels and windows filled in, the selector on every raw metric.

Fills the words that `catalog.recordings` explains; a word that it does not know is an error.
"""

import re
from collections.abc import Callable, Mapping

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.load import raw_series
from sse_observe.catalog.model import Alert, Guard, Signal, Window
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.errors import CatalogError
from sse_observe.render.settings import Settings

_WORD = re.compile(r"<< (?P<word>[a-z_]+)(?:\('(?P<argument>[^']*)'\))? >>")
# Strings are skipped whole, so that no label value is taken for a series.
_NAME = re.compile(r'"(?:\\.|[^"\\])*"|(?<![\w:])[a-zA-Z_:][a-zA-Z0-9_:]*')

_OVER_TIME = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(?:"(?:\\.|[^"\\])*"|[^"{}])*\})?\[')
_PATIENT = {signal.record for signal in SIGNALS if signal.patient}


def number(value: float) -> str:
    """Write a number without the dust of binary fractions."""
    return f"{value:.10g}"


class PromQL:
    """Writes expressions the way that one user's settings want them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._raw = {*raw_series(), "up"}
        self._words: dict[str, Callable[[str], str]] = {
            "on": lambda _: self.labels(("job", "route")),
            "slo_window": lambda _: self.span(settings.objectives.window),
            "w": self.span,
            "rate": lambda text: duration(self.seconds(text) + settings.scrape_seconds),
            "seconds": lambda text: number(self.seconds(text)),
            "objective": lambda name: number(getattr(settings.objectives, name)),
            "budget": lambda name: number(1 - getattr(settings.objectives, name)),
            "promise": lambda name: f"{number(100 * getattr(settings.objectives, name))} %",
        }

    def seconds(self, text: str) -> float:
        """Return the length of a duration under the time scale."""
        return seconds(text) / self._settings.time_scale

    def span(self, text: str) -> str:
        """Return a duration under the time scale."""
        return duration(self.seconds(text))

    def interval(self, text: str) -> float:
        """Return the seconds between two evaluations of the signals that a query counts."""
        counted = set(_OVER_TIME.findall(text))
        if not counted & _PATIENT:
            return self._settings.rule_seconds
        if counted - _PATIENT:
            raise CatalogError(f"{text}: patient signals and others cannot be counted together")
        return self._settings.patient_seconds

    def labels(self, own: tuple[str, ...]) -> str:
        """Return a signal's labels with the user's grouping labels."""
        return ", ".join(dict.fromkeys((*own, *self._settings.group_by)))

    def fill(self, text: str, more: Mapping[str, Callable[[str], str]] | None = None) -> str:
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
            except (KeyError, AttributeError, ValueError):
                raise CatalogError(f"{match[0]}: no such word in a template") from None

        return _WORD.sub(replace, text)

    def select(self, text: str) -> str:
        """Add the user's selector to every raw metric of a query."""
        selector = self._settings.selector
        if not selector:
            return text
        parts: list[str] = []
        end = 0
        for name in _NAME.finditer(text):
            if name[0] not in self._raw:
                continue
            parts.append(text[end : name.end()])
            end = name.end()
            if text[end : end + 1] == "{":
                parts.append(f"{{{selector}, ")
                end += 1
            else:
                parts.append(f"{{{selector}}}")
        return "".join(parts) + text[end:]

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
        limit = alert.line(window)
        names = [alert.signal]
        guards = list(alert.guards)
        if window:
            names = [alert.signal.replace("{window}", w) for w in (window.long, window.short)]
            guards = [guard.over(window) for guard in guards]
        terms = [Guard(signal=name, compare=alert.compare, threshold=limit) for name in names]
        own = signals[names[0]].labels
        lines: list[str] = []
        for term in (*terms, *guards):
            shared = tuple(label for label in own if label in signals[term.signal].labels)
            join = f"and on ({self.labels(shared)}) " if lines else ""
            lines.append(f"{join}{term.signal} {term.compare} {number(term.line())}")
        return "\n".join(lines)
