"""The words of the catalogue: signal, query, panel, row, board, alert. Frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "warning", "info"]
Compare = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """
    A recorded series: the join key between metrics, panels and alerts.

    `expr` is a template: `<< by >>` and its kin are filled by the renderer; metric names and other
    signals stand bare in it, and the user's selector is added to the raw metrics.
    `labels` are what the series carries, before the user's grouping labels.
    `per_second` marks a value that grows when time is scaled down. A `patient` one is recorded
    every 150 s, not 30: nothing that wakes somebody reads it, and a fleet pays for each time.
    """

    record: str
    expr: str
    unit: str
    help: str
    labels: tuple[str, ...] = ("job", "route")
    per_second: bool = False
    patient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """
    One query of a panel, PromQL over signals; the board's variables are added to each selector.

    `instant` asks for the value now (stats, tables); `legend` is Grafana's `{{label}}` format, in
    a table the column's title. `unit` and `decimals` are a table column's own. `<< interval >>`
    in the expression is the seconds between two evaluations of the signals that it reads.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    format: Literal["time_series", "table", "heatmap"] = "time_series"
    weight: Literal["thin", "normal", "bold"] = "normal"
    exemplar: bool = False
    unit: str = ""
    decimals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """
    One panel as a reader sees it; how Grafana writes it down is the renderer's business.

    `description` says what is shown, what is bad and what to do. `colours` maps a series name
    (`/…/` for a pattern, empty for all) to a meaning (`good`, `client`, `calm`, `warn`, `bad`,
    `plain`) or a shade of the quantile or network hue. `steps` colours a value from a bound on,
    where no alert watches the panel; where one does, its threshold is the bound. `columns` maps a
    table's label to the column's title.
    """

    title: str
    kind: Literal["timeseries", "stat", "gauge", "heatmap", "bargauge", "table"]
    queries: tuple[Query, ...]
    unit: str
    description: str
    width: int = 12
    height: int = 8
    decimals: int | None = None
    minimum: float | None = 0
    maximum: float | None = None
    soft_minimum: float | None = None
    no_value: str = "No streams"
    stacked: bool = False
    bars: bool = False
    colours: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A titled row of panels; a collapsed one holds the depth."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One pair of windows of a burn-rate alert; `factor` is the burn rate that both must exceed."""

    long: str
    short: str
    factor: float
    hold_for: str
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """
    A further term that must hold before an alert fires: mostly a minimum count.

    Its threshold may be a word of the settings, as the alert's own.
    """

    signal: str
    compare: Compare
    threshold: float | str

    def over(self, window: Window) -> "Guard":
        """Return it for one pair of windows, whose spans stand for `{long}` and `{short}`."""
        name = self.signal.replace("{long}", window.long).replace("{short}", window.short)
        return Guard(signal=name, compare=self.compare, threshold=self.threshold)

    def line(self) -> float:
        """Return the number that it compares with, once the threshold is one."""
        return float(self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """
    One alert page: the facts of its front matter, and its prose.

    `signal` is compared with `threshold`, which is a number, or `objective.<name>` or
    `budget.<name>` (1 - objective) until the settings are known. A burn-rate alert has `windows`,
    `{window}` in its signal, `{long}` or `{short}` in its guards, and a budget as threshold, which
    each window's factor multiplies. `source` is the page's path as a reader may look it up.
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
    guards: tuple[Guard, ...] = ()
    windows: tuple[Window, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def line(self, window: Window | None = None) -> float:
        """Return the number that it compares with, once the threshold is one."""
        # 1 - 0.995 is 0.0050000000000000044, which nobody means.
        return round(float(self.threshold) * (window.factor if window else 1), 12)

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
