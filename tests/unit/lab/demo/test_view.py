"""A demo in the terminal: what a frame shows, and what a pipe gets."""

import io
from dataclasses import replace

from rich.console import Console

from sse_observe.lab.demo.alert_history import AlertState
from sse_observe.lab.demo.numbers import read
from sse_observe.lab.demo.snapshot import Snapshot
from sse_observe.lab.demo.view import Screen, frame

FIRING = AlertState("SSEMessageLoss", "firing", 61, "critical", "http://h/runbooks/x.md")
SNAPSHOT = Snapshot(125, "Incident.", read(""), (FIRING,), {"Service": "http://h"})


def shown(*snapshots: Snapshot, document: bool = False) -> str:
    """Return what a pipe gets."""
    pipe = io.StringIO()
    with Screen(document=document, console=Console(width=100, file=pipe)) as screen:
        for snapshot in snapshots:
            screen.show(snapshot)
    return pipe.getvalue()


def test_a_frame_shows_numbers_alerts_and_links() -> None:
    """A firing alert is on the screen with all that its reader needs: its name and its runbook."""
    text = shown(SNAPSHOT)

    for part in ("SSEMessageLoss", "http://h/runbooks/x.md", "since 1:01", "2:05", "http://h"):
        assert part in text


def test_a_frame_before_the_first_numbers_says_that_it_waits() -> None:
    """No table of zeros for a service that was not asked yet."""
    text = shown(Snapshot(0, "Starting.", None, note="No Prometheus."))

    assert "waiting for the first numbers" in text
    assert "No alert is pending or firing." in text
    assert "No Prometheus." in text


def test_a_pipe_gets_one_frame_for_each_phase_and_state_of_an_alert() -> None:
    """A log of frames twice a second is no use to anybody."""
    later = replace(SNAPSHOT, elapsed=126)

    assert shown(SNAPSHOT, later).count("Streams") == 1
    assert shown(SNAPSHOT, later, replace(later, phase="Repaired.")).count("Streams") == 2


def test_with_a_document_a_pipe_gets_nothing_else() -> None:
    """Standard output must be JSON from the first byte."""
    assert shown(SNAPSHOT, document=True) == ""


def test_a_terminal_is_drawn_over() -> None:
    """One frame, however many snapshots."""
    screen_file = io.StringIO()
    console = Console(width=100, file=screen_file, force_terminal=True)
    with Screen(document=False, console=console) as screen:
        screen.show(SNAPSHOT)
        screen.show(replace(SNAPSHOT, elapsed=126))

    assert "2:06" in screen_file.getvalue()
    assert "\x1b[1A" in screen_file.getvalue()


def test_a_runbook_link_is_never_cut() -> None:
    """A link that is cut opens nothing: on a narrow screen it goes on in the next line."""
    link = f"http://h/{'x' * 80}"
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(frame(replace(SNAPSHOT, alerts=(replace(FIRING, runbook_url=link),))))
    text = console.export_text()

    assert link in "".join(char for char in text if char not in " │\n")
