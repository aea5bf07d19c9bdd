"""The examination in a terminal: the plan, progress while it runs, the table at the end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sse_observe.check.asking.recording import Recording
from sse_observe.check.doctor import Examination, Planned
from sse_observe.check.model import Result
from sse_observe.check.output.document import CheckEntry, Document
from sse_observe.check.output.strip import longest, scale, strip
from sse_observe.check.production.point import Point

_STYLES: dict[Result, str] = {
    "pass": "green",
    "warn": "yellow",
    "fail": "bold red",
    "not_asked": "dim",
}
WORDS: dict[Result, str] = {
    "pass": "pass",
    "warn": "warn",
    "fail": "FAIL",
    "not_asked": "not asked",
}
_STRIP_WIDTH = 60
_LEAST_STRIP_WIDTH = 10
_VISITS_SHOWN = ("main", "compressed")


def plan_lines(plan: Sequence[Planned]) -> list[str]:
    """Return what will be sent, a line for each place, before anything is."""
    lines = []
    for place in dict.fromkeys(one.place for one in plan):
        own = [one for one in plan if one.place == place]
        most = sum(one.requests for one in own)
        says = "; ".join(one.says for one in own)
        count = "one request" if most == 1 else f"up to {most} requests"
        lines.append(f"Will send {count} to {place.shown}: {says}")
    return lines


class Screen:
    """Shows recordings as they grow, where somebody looks; nothing where it is a file."""

    def __init__(self, *, silent: bool) -> None:
        self._console = Console(stderr=True)
        self._recordings: dict[str, Recording] = {}
        self._steps: list[tuple[str, float]] = []
        self._live: Live | None = None
        self._silent = silent or not self._console.is_terminal

    def __enter__(self) -> Self:
        if not self._silent:
            self._live = Live(
                console=self._console,
                transient=True,
                refresh_per_second=8,
                get_renderable=lambda: self._view(self._console.width),
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def changed(self, visit: str, recording: Recording) -> None:
        """Take a recording that has grown; a new one takes the place of the last of its visit."""
        self._recordings[visit] = recording

    def begun(self, step: str) -> None:
        """Take a step that begins now; the one before is over."""
        self._steps.append((step, time.monotonic()))

    def _view(self, columns: int) -> RenderableType:
        shown = dict(self._recordings)
        seconds = longest(list(shown.values()))
        states = {visit: _state(recording) for visit, recording in shown.items()}
        behind = max(map(len, states.values()), default=0) + 1
        width = _strip_width(columns - 16 - behind)
        lines = [
            Text(f"{visit:<16}{strip(recording, width, seconds)} {states[visit]}")
            for visit, recording in shown.items()
        ]
        lines.append(Text(f"{'':<16}{scale(width, seconds)}", style="dim"))
        ends = [*(at for _, at in self._steps[1:]), time.monotonic()]
        # Not strict: before the first step nothing ends.
        for (step, began), end in zip(self._steps, ends, strict=False):
            lines.append(Text(f"{step:<24}{end - began:.0f} s"))
        return Group(*lines)


def _strip_width(columns: int) -> int:
    """Return how wide a strip is where so many columns are left for it."""
    return max(_LEAST_STRIP_WIDTH, min(_STRIP_WIDTH, columns))


def _state(recording: Recording) -> str:
    if recording.failure is not None:
        return recording.failure.kind
    return f"{recording.status or '…'} {len(recording.log.events)} events"


def show(document: Document, examination: Examination) -> None:
    """Print the result on standard output."""
    console = Console()
    table(document, examination, console)
    for entry in document["points"]:
        console.print(Text(Point(**entry).line.replace("**", "")))


def table(document: Document, examination: Examination, console: Console) -> None:
    """Print the result: strips, checks with evidence, verdicts, remedies."""
    console.print(f"{document['method']} {document['url']}", highlight=False, markup=False)
    for line in _strips(examination, console.width):
        console.print(Text(line))
    grid = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    for name, width in (("id", 3), ("name", 16), ("result", 9)):
        grid.add_column(name, min_width=width, no_wrap=True)
    grid.add_column("evidence", overflow="fold")
    # Where nothing streams, what all is well with helps nobody.
    streams = examination.main.is_stream or len(examination.places) > 1
    hidden = ("not_asked",) if streams else ("not_asked", "pass")
    for check in document["checks"]:
        if check["result"] not in hidden:
            mark = Text(WORDS[check["result"]], style=_STYLES[check["result"]])
            grid.add_row(Text(check["id"]), Text(check["name"]), mark, Text(_evidence(check)))
    for reason, ids in _not_asked(document).items() if streams else ():
        grid.add_row("", "", Text(WORDS["not_asked"], "dim"), Text(f"{ids}: {reason}", "dim"))
    console.print(grid)
    for text, style in _conclusion(document):
        console.print(Text(text, style=style))


def _not_asked(document: Document) -> dict[str, str]:
    """Return the checks that nobody asked, by the reason."""
    found: dict[str, list[str]] = {}
    for check in document["checks"]:
        if check["result"] == "not_asked":
            found.setdefault(check["evidence"], []).append(check["id"])
    return {reason: " ".join(ids) for reason, ids in found.items()}


def _evidence(check: CheckEntry) -> str:
    likely = check["result"] in ("warn", "fail") and not check["certain"]
    return check["evidence"] + (" (likely)" if likely else "")


def _strips(examination: Examination, columns: int) -> Iterator[str]:
    recordings = [
        (visit, place.name, recording)
        for place in examination.places
        for visit in _VISITS_SHOWN
        for recording in place.evidence.recordings.get(visit, ())[:1]
        if recording.reads
    ]
    if not recordings:
        return
    several = len(examination.places) > 1
    names = [f"{place} {visit}" if several else visit for visit, place, _ in recordings]
    before = max(map(len, names)) + 2
    width = _strip_width(columns - before)
    seconds = longest([recording for _, _, recording in recordings])
    for name, (_, _, recording) in zip(names, recordings, strict=True):
        yield f"{name:<{before}}{strip(recording, width, seconds)}"
    yield f"{'':<{before}}{scale(width, seconds)}"


def _conclusion(document: Document) -> Iterator[tuple[str, str]]:
    for verdict in document["verdicts"]:
        likely = "" if verdict["certain"] else " (likely)"
        yield f"→ {verdict['where']}: {verdict['words']}{likely}", "bold"
    for check in document["checks"]:
        if check["result"] in ("fail", "warn"):
            place = f"runbook {check['runbook']}, {check['section']}"
            fixes = f"; fix: {', '.join(check['fixes'])}" if check["fixes"] else ""
            yield f"{check['id']}: {check['remedy']} ({place}{fixes})", ""
    counts = {
        result: sum(check["result"] == result for check in document["checks"]) for result in WORDS
    }
    summary = ", ".join(f"{number} {WORDS[result].lower()}" for result, number in counts.items())
    yield f"{summary}; requests: {document['requests']}, in {document['seconds']:.1f} s", "dim"


@contextmanager
def screen(*, silent: bool) -> Iterator[Screen]:
    """Show progress while the block runs."""
    with Screen(silent=silent) as shown:
        yield shown
