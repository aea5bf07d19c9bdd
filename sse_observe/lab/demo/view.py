"""What a demo looks like in a terminal: one frame per moment, drawn by rich."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sse_observe.lab.demo.numbers import Numbers
from sse_observe.render.settings import Objectives

_STATES = {"firing": "bold red", "pending": "yellow", "resolved": "green"}


@dataclass(frozen=True)
class AlertState:
    """How far an alert has come, and where it leads; `since` is seconds into the demo."""

    name: str
    state: str
    since: float
    severity: str
    runbook_url: str


@dataclass(frozen=True)
class Moment:
    """Everything that one frame shows."""

    elapsed: float
    phase: str
    numbers: Numbers | None
    alerts: tuple[AlertState, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def news(moment: Moment) -> object:
    """Return what makes a moment worth a frame of its own where none can be drawn over."""
    return moment.phase, tuple((alert.name, alert.state) for alert in moment.alerts)


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _numbers(numbers: Numbers | None) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right", min_width=9)
    table.add_column(style="dim")
    if numbers is None:
        table.add_row("waiting for the first scrape", "", "")
        return table
    completion = numbers.completion
    good = completion is not None and completion >= Objectives().completion
    share = "–" if completion is None else f"{completion:.1%}"
    reconnect = "–" if numbers.mean_reconnect is None else f"{numbers.mean_reconnect:.2f} s"
    rows: tuple[tuple[str, str | Text, str], ...] = (
        (
            "Completion rate",
            Text(share, style="bold green" if good else "bold yellow"),
            f"{numbers.completed} of {numbers.completed + numbers.lost} ended streams",
        ),
        ("Mean reconnect time", reconnect, f"{numbers.resumed} connections resumed"),
        ("Active streams", str(numbers.active), f"{numbers.started} started"),
        (
            "Message loss",
            str(numbers.lost_events),
            f"{numbers.duplicate_events} duplicates dropped",
        ),
        (
            "Stall detections",
            str(numbers.stalls),
            f"{numbers.cancelled} streams cancelled by users",
        ),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _alerts(alerts: tuple[AlertState, ...]) -> RenderableType:
    if not alerts:
        return Text("none pending or firing", style="dim")
    width = max(len(alert.name) for alert in alerts)
    lines = []
    for alert in alerts:
        state = Text(f"{alert.state:<10}", style=_STATES.get(alert.state, ""))
        state.append(f"{alert.name:<{width}}  ", style="bold")
        lines.append(state.append(f"{alert.severity}, since {clock(alert.since)}", style="dim"))
        if alert.state == "firing":
            # In no column: a link that is cut opens nothing.
            lines.append(Text(f"{'':<10}{alert.runbook_url}", style="cyan", overflow="fold"))
    return Group(*lines)


def frame(moment: Moment) -> RenderableType:
    """Return one frame."""
    links = Table.grid(padding=(0, 2))
    for name, url in moment.links.items():
        links.add_row(Text(name, style="dim"), Text(url, style="cyan"))
    parts: list[RenderableType] = [
        Panel(_numbers(moment.numbers), title="Streams", title_align="left"),
        Panel(_alerts(moment.alerts), title="Alerts", title_align="left"),
        Panel(links, title="Open", title_align="left"),
    ]
    if moment.note:
        parts.append(Text(moment.note, style="yellow"))
    parts.append(Text(f"{clock(moment.elapsed)}  {moment.phase}  Ctrl-C ends it", style="dim"))
    return Group(*parts)
