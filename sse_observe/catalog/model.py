"""
The vocabulary of the catalogue: signal, query, panel, row, board, alert. Frozen data.

Units, colours, kinds and intervals are our own words; each renderer translates them.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import msgspec

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Worst first."""

Compare = Literal["<", "<=", ">", ">=", "==", "!="]
COMPARE: Mapping[Compare, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
UPWARD: tuple[Compare, ...] = (">", ">=")
"""High values fulfil them."""
DOWNWARD: tuple[Compare, ...] = ("<", "<=")
"""Low values fulfil them."""

Interval = Literal["usual", "slow"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)

Kind = Literal["timeseries", "stat", "gauge", "heatmap", "bargauge", "table"]
Weight = Literal["thin", "normal", "bold"]

Unit = Literal[
    "ratio",  # from 0 to 1, shown in percent
    "percent",  # from 0 to 100
    "seconds",
    "bytes",
    "bytes/s",
    "count",  # in full: 1,450
    "short count",  # rounded: 1.45 K
    "times",  # a multiple of something
    "flag",  # 0 or 1
    "operations/s",
    "requests/s",
    "events/s",
    "per minute",
]

Colour = Literal[
    # Meanings.
    "good",
    "client",
    "calm",
    "warn",
    "bad",
    "plain",
    # Shades of one hue for quantiles, darker towards the tail.
    "p50",
    "p95",
    "p99",
    # Shades of one hue for networks, darker the slower.
    "slow-2g",
    "2g",
    "3g",
    "4g",
]
COLOURS: tuple[Colour, ...] = get_args(Colour)

NO_STREAMS = "No streams"
"""Shown where a panel's queries have no answer."""

_ONE_LABEL = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """
    A recorded series: the join key between metrics, panels and alerts.

    `expr` is a template: `<< by >>` and its kin are filled by the renderer; metric names and other
    signals stand bare in it, and the user's selector is added to the raw metrics.
    `labels` are what the series carries, before the user's grouping labels.
    `per_second` marks a value that grows when time is scaled down. One of `interval="slow"` is
    recorded every 150 s, not 30: no alert that wakes somebody reads it, and each evaluation costs.
    `topic` names the groups in which it may be evaluated.
    """

    record: str
    expr: str
    unit: Unit
    help: str
    labels: tuple[str, ...] = ("job", "route")
    per_second: bool = False
    interval: Interval = "usual"
    topic: str = "more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """
    One query of a panel, PromQL over signals; the renderer narrows each selector to its variables.

    `instant` asks for the value now (stats, tables). In `legend`, `{{label}}` stands for a label's
    value; in a table it is the column's title. `unit` and `decimals` are a table column's own.
    `by_instance` marks a query of raw series, of the instances that the reader chooses.
    In the expression `<< range >>` is the time range that is looked at, `<< step >>` the time
    between two points, `<< rate_window >>` the shortest window for a rate, `<< chosen('route') >>`
    the chosen routes, and `<< interval >>` the seconds between two evaluations of the signals read.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    weight: Weight = "normal"
    exemplar: bool = False
    by_instance: bool = False
    unit: Unit | None = None
    decimals: int | None = None

    @property
    def label(self) -> str | None:
        """The label whose value is the whole name of a line; None where the name is another."""
        found = _ONE_LABEL.fullmatch(self.legend)
        return found[1] if found else None


class Step(NamedTuple):
    """The colour of a value from a bound on."""

    bound: float
    colour: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """
    One panel as a reader sees it; how a program writes it down is the renderer's business.

    `description` says what is shown, which values are bad, and what to do. `colours` maps a series
    name (`/…/` for a pattern, empty for all) to a colour. `steps` colours a value from a bound on,
    where no alert watches the panel; where one does, its threshold is the bound. `columns` maps a
    table's label to the column's title.
    """

    title: str
    kind: Kind
    queries: tuple[Query, ...]
    unit: Unit
    description: str
    width: int = 12
    height: int = 8
    decimals: int | None = None
    minimum: float | None = 0
    maximum: float | None = None
    soft_minimum: float | None = None
    no_value: str = NO_STREAMS
    stacked: bool = False
    bars: bool = False
    colours: Mapping[str, Colour] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A titled row of panels; a collapsed one holds the depth."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False

    @property
    def by_instance(self) -> bool:
        """Whether the row reads the raw series of instances that the reader chooses."""
        return any(query.by_instance for panel in self.panels for query in panel.queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard that answers one question; `name` is its file and, after `sse-`, its uid."""

    name: str
    title: str
    question: str
    rows: tuple[Row, ...]

    @property
    def uid(self) -> str:
        """Its address in Grafana: `/d/<uid>`."""
        return f"sse-{self.name}"


class Window(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"hold_for": "for"},
):
    """
    One pair of windows of a burn-rate alert; `factor` is the burn rate that both must exceed.

    Alert pages and settings are read into it as it stands.
    """

    long: str
    short: str
    factor: float
    hold_for: str
    severity: Severity


class Stretch(NamedTuple):
    """A window that was made longer, to hold enough scrapes."""

    shorter: str
    longer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    One signal against one number: what an alert is about, or a guard (mostly a minimum count).

    `threshold` is a number, or `objective.<name>` or `budget.<name>` (1 - objective) until the
    settings are known. In a burn-rate alert `{long}` and `{short}` stand for the windows.
    """

    signal: str
    compare: Compare
    threshold: float | str

    def over(self, window: Window) -> "Comparison":
        """Return it for one pair of windows."""
        name = self.signal.replace("{long}", window.long).replace("{short}", window.short)
        return Comparison(signal=name, compare=self.compare, threshold=self.threshold)

    def line(self) -> float:
        """Return the number that it compares with, once the threshold is one."""
        return float(self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """
    One alert page: the facts of its front matter, and its prose.

    `signal`, `compare` and `threshold` are its own comparison. A burn-rate alert has `windows`,
    `{window}` in its signal, `{long}` or `{short}` in its guards, and a budget as threshold, which
    each window's factor multiplies. `source` is the page's path as a reader may look it up.
    `stretch` is the window that the settings made longer, among those that it rests on.
    """

    name: str
    source: str
    signal: str
    compare: Compare
    threshold: float | str
    hold_for: str
    severity: Severity
    dashboard: str
    summary: str
    description: str
    prose: str
    keep_firing_for: str | None = None
    guards: tuple[Comparison, ...] = ()
    windows: tuple[Window, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    stretch: Stretch | None = None

    @property
    def severities(self) -> tuple[Severity, ...]:
        """Its severity; those of its windows, each once, where it has several."""
        return tuple(dict.fromkeys(window.severity for window in self.windows)) or (self.severity,)

    def line(self, window: Window | None = None) -> float:
        """Return the number that it compares with, once the threshold is one."""
        # 1 - 0.995 is 0.0050000000000000044 in binary.
        return round(float(self.threshold) * (window.factor if window else 1), 12)

    def comparisons(self, window: Window | None = None) -> tuple[Comparison, ...]:
        """Return all that must hold at once, its own signal first; of one pair of windows."""
        spans = (window.long, window.short) if window else ("",)
        own = (
            Comparison(
                signal=self.signal.replace("{window}", span),
                compare=self.compare,
                threshold=self.line(window),
            )
            for span in spans
        )
        return (*own, *(guard.over(window) if window else guard for guard in self.guards))

    def compared(self, window: Window | None = None) -> tuple[str, ...]:
        """Return the signals that must hold at once; of one pair of windows."""
        spans = (window.long, window.short) if window else ("",)
        own = (self.signal.replace("{window}", span) for span in spans)
        guards = (guard.over(window) if window else guard for guard in self.guards)
        return (*own, *(guard.signal for guard in guards))

    def signals(self) -> tuple[str, ...]:
        """Return the signals that it compares, over all its windows."""
        spans = (span for window in self.windows for span in (window.long, window.short))
        return tuple(dict.fromkeys(self.signal.replace("{window}", span) for span in spans)) or (
            self.signal,
        )

    def guard_signals(self) -> tuple[str, ...]:
        """Return the signals of its guards, over all its windows."""
        pairs = (guard.over(window) for guard in self.guards for window in self.windows)
        return tuple(
            dict.fromkeys(guard.signal for guard in (pairs if self.windows else self.guards))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """
    Everything the bundle says, cross-checked by `catalog.load`.

    `fixes` are texts that several runbooks show, by name.
    """

    signals: tuple[Signal, ...]
    boards: tuple[Board, ...]
    alerts: tuple[Alert, ...]
    fixes: Mapping[str, str] = field(default_factory=dict)
