"""
Queries of the boards: their words filled in, each selector narrowed to what the reader chose.

Knows names, not Grafana: signals take job and route, raw metrics the instance too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sse_observe.catalog import promql
from sse_observe.catalog.model import Signal
from sse_observe.catalog.series import RAW
from sse_observe.render.expressions import Expressions, Words
from sse_observe.render.settings import Intervals, Settings


@dataclass(frozen=True, slots=True)
class Variables:
    """
    How a program writes what its reader chose: durations, and the values of a label.

    `chosen` returns a regular expression for a label.
    """

    range: str
    step: str
    rate_window: str
    chosen: Callable[[str], str]


class Scope:
    """Series that may stand in a board's queries, and the variables that narrow each."""

    def __init__(
        self,
        signals: Iterable[Signal],
        settings: Settings,
        variables: Variables,
        intervals: Intervals | None = None,
    ) -> None:
        self._expressions = Expressions(settings, intervals)
        self._chosen = variables.chosen
        self._words: Words = {
            "range": lambda _: variables.range,
            "step": lambda _: variables.step,
            "rate_window": lambda _: variables.rate_window,
            "chosen": variables.chosen,
        }
        more = settings.group_by
        self._labels = {
            name: ("job", *more, *_route(metric.labels), "instance") for name, metric in RAW.items()
        }
        for signal in signals:
            job = ("job",) if "job" in signal.labels else ()
            self._labels[signal.record] = (*job, *more, *_route(signal.labels))
        # Prometheus' own series of alerts; those of a whole job have no route.
        self._labels["ALERTS"] = ("job", *more)

    def select(self, text: str) -> str:
        """Add the user's selector to every series."""
        return self._expressions.select(text)

    def narrow(self, expr: str, *, by_instance: bool = True) -> str:
        """
        Return the query with its words filled and every selector narrowed to the variables.

        Marks on graphs leave the variable of the instance to the row that it serves.
        """
        text = self._expressions.fill(" ".join(expr.split()), self._words)

        def matchers(name: str) -> str:
            return ", ".join(
                f'{label}=~"{self._chosen(label)}"'
                for label in self._labels.get(name, ())
                if by_instance or label != "instance"
            )

        return promql.narrowed(self._expressions.select(text), matchers)


def _route(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(label for label in labels if label == "route")
