"""Whatever draws in a terminal, in a terminal: a pipe gets none of it, and shows no fault of it."""

from pathlib import Path

import pytest

from sse_observe.lab.programs.prometheus import Prometheus
from tests.support.programs import needs
from tests.support.raw_answers import HEAD, LAST, answering, chunk
from tests.support.terminal import in_a_terminal

pytestmark = pytest.mark.slow

EVENTS = [piece for n in range(8) for piece in (chunk(b"id: %d\ndata: %d\n\n" % (n, n)), 0.05)]
COLOURS = [{}, {"NO_COLOR": "1"}]


@pytest.mark.parametrize("env", COLOURS, ids=["colour", "no colour"])
def test_check_draws_while_it_asks_and_fits_eighty_columns(env: dict[str, str]) -> None:
    """The strip grows while events come, the table follows, and no line goes on in the next."""
    with answering(HEAD, *EVENTS, LAST) as server:
        shown = in_a_terminal("check", server.url, **env)

    assert shown.code == 1, shown.raw
    assert any("200 8 events" in line for line in shown.lines)
    assert any(line.startswith("D19 caching") for line in shown.lines)
    assert "Traceback" not in shown.raw
    # The plan is one sentence, which the terminal folds.
    long = [line for line in shown.lines if len(line) > 80 and not line.startswith("Will send")]
    assert long == []
    assert shown.is_coloured is not bool(env)


@pytest.mark.parametrize("env", COLOURS, ids=["colour", "no colour"])
def test_the_demo_draws_its_frame_in_eighty_columns(env: dict[str, str]) -> None:
    """The first frames are drawn over each other, and the last one stays."""
    needs("prometheus")
    shown = in_a_terminal("demo", "--duration", "4", **env)

    assert shown.code == 0, shown.raw
    for part in ("─ Streams ─", "─ Alerts ─", "─ Open in a browser ─", "Completion rate"):
        assert any(part in line for line in shown.lines), part
    assert max(map(len, shown.lines)) <= 80
    assert "Traceback" not in shown.raw
    assert shown.is_coloured is not bool(env)


def test_a_runbook_is_read_in_eighty_columns() -> None:
    """Commands that are to be copied are folded, not cut."""
    shown = in_a_terminal("runbook", "SSEMessageLoss")

    assert shown.code == 0
    assert max(map(len, shown.lines)) <= 80


def test_render_says_what_it_wrote(tmp_path: Path) -> None:
    """The same in a terminal as in a pipe."""
    shown = in_a_terminal("render", "--out", str(tmp_path))

    assert shown.code == 0
    assert "Traceback" not in shown.raw
    assert (tmp_path / "dashboards").is_dir()


def test_a_report_counts_its_queries(prometheus: Prometheus, tmp_path: Path) -> None:
    """The bar is drawn over and goes; what is left is one line, here that there are no streams."""
    page = tmp_path / "report.html"
    words = ("report", "--prometheus", prometheus.url, "--since", "1m", "--out", str(page))
    shown = in_a_terminal(*words)
    bar, *more = (line for line in shown.lines if line)

    assert shown.code == 1, shown.raw
    assert bar.startswith("Asking Prometheus")
    assert more[-1].startswith("sse-observe: http://127.0.0.1:")
    assert "Traceback" not in shown.raw
