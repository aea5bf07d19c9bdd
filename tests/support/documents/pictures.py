"""
Pictures of what commands draw in a terminal: 80 columns wide, with colour and without.

`python -m tests.support.documents` writes them, drawn by the commands' own code.
"""

import io
import re
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.checks import every
from sse_observe.check.doctor import HOP, Doctor, Examination
from sse_observe.check.hops import verdicts
from sse_observe.check.model import Checked, Options, Place
from sse_observe.check.output.document import document
from sse_observe.check.output.terminal import table
from sse_observe.lab.demo.alert_history import AlertState
from sse_observe.lab.demo.numbers import Numbers
from sse_observe.lab.demo.snapshot import Snapshot
from sse_observe.lab.demo.view import frame
from tests.support.check_recordings import Step, evidence, flow, recording

COLUMNS = 80
_FONT_FACES = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def pictures() -> dict[str, str]:
    """Return each picture's path and its SVG; nothing in it is fetched from elsewhere."""
    drawn = {"demo": ("sse-observe demo", _demo), "check": ("sse-observe check", _check)}
    return {
        f"docs/assets/{name}{ending}.svg": _svg(title, _terminal(draw, colour=not ending))
        for name, (title, draw) in drawn.items()
        for ending in ("", "-plain")
    }


def _terminal(draw: Callable[[Console], None], *, colour: bool) -> str:
    """Return what a terminal of so many columns gets, escapes and all."""
    file = io.StringIO()
    console = Console(
        file=file, width=COLUMNS, force_terminal=True, no_color=not colour, color_system="standard"
    )
    draw(console)
    return file.getvalue()


def _svg(title: str, text: str) -> str:
    page = Console(record=True, width=COLUMNS, file=io.StringIO())
    page.print(Text.from_ansi(text.rstrip("\n")))
    svg = page.export_svg(title=title, unique_id="terminal")
    lines = _FONT_FACES.sub("", svg).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip()) + "\n"


def _demo(console: Console) -> None:
    """Draw the demo in the middle of its incident."""
    url = "http://127.0.0.1:41337"
    alerts = tuple(
        AlertState(name, state, since, severity, f"{url}/runbooks/{name.split()[0]}.md")
        for name, state, since, severity in (
            ("SSECompletionRateLow", "firing", 45, "warning"),
            ("SSEErrorBudgetBurn 1h/5m", "firing", 42, "critical"),
            ("SSEMessageLoss", "pending", 47, "critical"),
        )
    )
    links = {
        "Demo": url,
        "Runbooks": f"{url}/runbooks/README.md",
        "Prometheus": "http://127.0.0.1:41338/classic/alerts",
    }
    numbers = Numbers(
        started=237,
        completed=175,
        lost=34,
        cancelled=10,
        active=18,
        resumed=41,
        lost_events=5,
        duplicate_events=2,
        stalls=3,
        completion=175 / 209,
        mean_reconnect=1.18,
    )
    phase = "Incident: answers break off."
    console.print(frame(Snapshot(47, phase, numbers, alerts, links)))


def _check(console: Console) -> None:
    """Draw what the doctor says where a proxy holds events back, and their service does not."""
    outside, behind = "https://www.example.com/chat", "http://app:8000/chat"
    held = [(1.6 * (n // 16 + 1), piece) for n, (_, piece) in enumerate(_FLOW)]
    doctor = Doctor(Question(url=outside), Options(), Asking())
    places = []
    for url, steps in ((outside, held), (behind, _FLOW)):
        seen = evidence(recording(*steps, url=url), compressed=recording(*steps, url=url))
        places.append(Place(seen, doctor._judged(seen)))
    main = places[0].evidence
    main.places.extend(places)
    (hop,) = (Checked(check, check.judge(main)) for check in every() if check.id == HOP)
    checked = sorted((*places[0].checked, hop), key=lambda one: one.check.number)
    found = Examination(
        Question(url=outside), tuple(checked), tuple(places), tuple(verdicts(places)), 0, 7.4, 4
    )
    table(document(found), found, console)


_FLOW: list[Step] = flow(64)
