"""A demo in the terminal: one frame for each snapshot, drawn by rich."""

from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sse_observe.lab.demo.alert_history import AlertState
from sse_observe.lab.demo.numbers import Numbers
from sse_observe.lab.demo.snapshot import Snapshot
from sse_observe.lab.elapsed import clock
from sse_observe.render.settings import Objectives

_STATES = {"firing": "bold red", "pending": "yellow", "resolved": "green"}


class Screen:
    """
    Shows snapshots while the block runs.

    A terminal is drawn over. A pipe cannot be: it gets a frame for each new phase or state of an
    alert. With `document` the standard output is left to one document, and a pipe gets nothing.
    """

    def __init__(self, *, document: bool, console: Console | None = None) -> None:
        self._document = document
        self._console = console or Console(stderr=document)
        self._shown: object = None
        passing = document or not self._console.is_terminal
        self._live = Live(console=self._console, auto_refresh=False, transient=passing)

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot."""
        if self._console.is_terminal:
            self._live.update(frame(snapshot), refresh=True)
        elif not self._document and self._shown != snapshot.stage:
            self._shown = snapshot.stage
            self._console.print(frame(snapshot))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def frame(snapshot: Snapshot) -> RenderableType:
    """Return one frame."""
    links = Table.grid(padding=(0, 2))
    for name, url in snapshot.links.items():
        links.add_row(Text(name, style="dim"), Text(url, style="cyan"))
    parts: list[RenderableType] = [
        Panel(_numbers(snapshot.numbers), title="Streams", title_align="left"),
        Panel(_alerts(snapshot.alerts), title="Alerts", title_align="left"),
        Panel(links, title="Open in a browser", title_align="left"),
    ]
    if snapshot.note:
        parts.append(Text(snapshot.note, style="yellow"))
    ending = "Press Ctrl-C to stop."
    parts.append(Text(f"{clock(snapshot.elapsed)}  {snapshot.phase}  {ending}", style="dim"))
    return Group(*parts)


def _numbers(numbers: Numbers | None) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right", min_width=9)
    table.add_column(style="dim")
    if numbers is None:
        table.add_row("waiting for the first numbers", "", "")
        return table
    completion = numbers.completion
    good = completion is not None and completion >= Objectives().completion
    share = "–" if completion is None else f"{completion:.1%}"
    reconnect = "–" if numbers.mean_reconnect is None else f"{numbers.mean_reconnect:.2f} s"
    ended = numbers.completed + numbers.lost
    table.add_row(
        "Completion rate",
        Text(share, style="bold green" if good else "bold yellow"),
        f"{numbers.completed} of {ended} streams reached their end",
    )
    table.add_row("Mean reconnect time", reconnect, f"{numbers.resumed} connections resumed")
    table.add_row("Active streams", str(numbers.active), f"{numbers.started} started")
    table.add_row(
        "Message loss", str(numbers.lost_events), f"{numbers.duplicate_events} duplicates dropped"
    )
    table.add_row(
        "Stall detections", str(numbers.stalls), f"{numbers.cancelled} streams cancelled by users"
    )
    return table


def _alerts(alerts: tuple[AlertState, ...]) -> RenderableType:
    if not alerts:
        return Text("No alert is pending or firing.", style="dim")
    width = max(len(alert.name) for alert in alerts)
    lines = []
    for alert in alerts:
        state = Text(f"{alert.state:<10}", style=_STATES.get(alert.state, ""))
        state.append(f"{alert.name:<{width}}  ", style="bold")
        lines.append(state.append(f"{alert.severity}, since {clock(alert.since)}", style="dim"))
        if alert.state == "firing":
            # Not in a column: a link that is cut opens nothing.
            lines.append(Text(f"{'':<10}{alert.runbook_url}", style="cyan", overflow="fold"))
    return Group(*lines)
