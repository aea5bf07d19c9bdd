"""The live boards in a real Chromium, over a real Prometheus, as `sse-observe boards` does it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from sse_observe.lab.programs.prometheus import Prometheus
from tests.support.command import SSE_OBSERVE
from tests.support.history import History
from tests.support.programs import needs
from tests.support.report_history import LENGTH, incident

pytestmark = pytest.mark.slow

BOARDS = ("sse-stream-health", "sse-stall-detection", "sse-network-quality")
HOSTILE = "/b<img src=x onerror=window.broken=1>"
CHARTS = "[...document.querySelectorAll('figure [data-figure]')]"
DRAWN = f"{CHARTS}.some((one) => one.querySelector('.main-svg'))"
RANGE = "from=now-3h"


class Served(NamedTuple):
    """The address of boards, and the process that serves them."""

    url: str
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Return one of our own: beside what is of today, the shared one would refuse its past."""
    folder = tmp_path_factory.mktemp("prometheus")
    with Prometheus(folder, targets={}, program=needs("prometheus")) as running:
        yield running


@pytest.fixture
def served(prometheus: Prometheus) -> Iterator[Served]:
    """Serve the boards of a Prometheus that knows of an incident in these two hours."""
    history = History(prometheus, float(int(time.time() - LENGTH)))
    found = incident(history.start)
    ill = [({**labels, "route": HOSTILE}, p) for labels, p in found if labels.get("route") == "/b"]
    history.push(found + ill)
    secret = prometheus.url.replace("http://", "http://me:secret@")
    with subprocess.Popen(
        [*SSE_OBSERVE, "boards", "--prometheus", secret],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "secret" not in line
        yield Served(line.split()[3], process)
        process.kill()


def in_view(tab: Any) -> str:
    """Bring a chart into view; return what is true once it is drawn."""
    tab.until(f"{CHARTS}.length > 0")
    tab.run(f"{CHARTS}.at(-1).scrollIntoView()")
    return DRAWN


def test_every_board_is_drawn_and_no_label_is_obeyed(served: Served, window: Any) -> None:
    """Charts, alerts and links of all three; a hostile route is a name; the policy holds."""
    complaints: list[str] = []
    drawn = 0
    for board in BOARDS:
        tab = window.tab("about:blank")
        tab.on("console", lambda message: complaints.append(message.text))
        window.call(tab.page.goto(f"{served.url}/d/{board}?{RANGE}"))
        tab.until("document.querySelectorAll('figure').length > 8")
        charts = tab.run(f"{CHARTS}.length")
        if charts:
            tab.until(in_view(tab))
        drawn += charts
        assert tab.run("document.documentElement.scrollWidth <= innerWidth")
        assert tab.run("document.querySelectorAll('a[href*=\"/graph?g0.expr=\"]').length") > 8
        routes = tab.run(
            "[...document.querySelector('[name=var-route]').options].map((o) => o.value)"
        )
        assert {"/a", "/b", HOSTILE} <= set(routes)
        assert tab.run("window.broken") is None
        assert tab.run("document.querySelectorAll('main img').length") == 0
        assert tab.errors == []
        tab.close()
    assert complaints == []
    assert drawn > 3


def test_a_board_stays_still_while_it_lives(served: Served, window: Any) -> None:
    """New data change what changed: the same elements, open where open, focused where focused."""
    tab = window.tab(f"{served.url}/d/sse-network-quality?{RANGE}")
    tab.until(in_view(tab))
    tab.run(
        "window.first = document.querySelector('.js-plotly-plot');"
        "window.numbers = document.querySelector('details.numbers'); numbers.open = true;"
        "numbers.querySelector('summary').focus(); window.asOf = state.textContent;"
        "window.removed = 0; new MutationObserver((all) => { for (const one of all)"
        "  removed += [...one.removedNodes].filter((node) => node.nodeType === 1).length; })"
        ".observe(board, { childList: true, subtree: false })"
    )

    tab.until("document.getElementById('state').textContent !== asOf")

    assert tab.run("first === document.querySelector('.js-plotly-plot') && first.isConnected")
    assert tab.run("numbers.isConnected && numbers.open")
    assert tab.run("document.activeElement === numbers.querySelector('summary')")
    assert tab.run("removed") == 0


def test_keys_alone_choose_a_route_and_open_a_row(served: Served, window: Any) -> None:
    """The address follows, the board is asked again, and the row is asked when it opens."""
    tab = window.tab(f"{served.url}/d/sse-network-quality?{RANGE}")
    tab.until(in_view(tab))
    press = tab.page.keyboard.press

    tab.run("document.querySelector('select[name=var-route]').focus()")
    window.call(press("ArrowDown"))
    tab.until("new URLSearchParams(location.search).get('var-route') === '/a'")
    tab.until("document.querySelector('nav a[aria-current]').search.includes('var-route')")
    # The answer for that route may replace what has the focus; later ones change figures alone.
    tab.until(
        "performance.getEntriesByType('resource').some((one) => one.responseEnd > 0"
        " && one.name.includes('live.json') && one.name.includes('var-route'))"
    )
    row = "document.querySelector('details.row')"
    assert not tab.run(f"{row}.querySelector('figure, .tile, table')")
    tab.run(f"{row}.querySelector('summary').focus()")
    window.call(press("Enter"))
    tab.until(f"{row}.open && {row}.querySelector('figure, .tile, table') !== null")


@pytest.mark.parametrize("width", [390, 1100, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read_in_both_themes(
    served: Served, chromium: Any, width: int, scheme: str
) -> None:
    """No page scrolls sideways, and plotly's paper is the page's own."""
    size = {"width": width, "height": 900}
    context = chromium.call(chromium._browser.new_context(viewport=size, color_scheme=scheme))
    page = chromium.call(context.new_page())
    chromium.call(page.goto(f"{served.url}/d/sse-network-quality?{RANGE}"))
    chromium.call(page.wait_for_selector("figure"))
    chromium.call(page.evaluate("document.querySelector('figure').scrollIntoView()"))
    chromium.call(page.wait_for_selector(".js-plotly-plot .main-svg"))

    wide, paper, drawn = chromium.call(
        page.evaluate(
            "[document.documentElement.scrollWidth,"
            " getComputedStyle(document.body).backgroundColor,"
            " document.querySelector('.js-plotly-plot')._fullLayout.paper_bgcolor]"
        )
    )
    chromium.call(context.close())

    assert wide <= width
    assert paper == drawn
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_numbers_do_not_wait_for_the_script_that_draws_charts(served: Served, window: Any) -> None:
    """It is four megabytes: while it comes, what is most looked at is there already."""
    tab = window.tab("about:blank")

    async def held(route: Any) -> None:
        await asyncio.sleep(3)
        await route.continue_()

    tab.call(tab.page.route("**/plotly*.js*", held))
    tab.call(tab.page.goto(f"{served.url}/d/sse-stream-health?{RANGE}", wait_until="commit"))
    tab.until("document.querySelectorAll('.tile').length > 0")

    assert tab.run("window.Plotly === undefined")
    tab.until(in_view(tab))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_viewer_costs_less_than_a_seventh_of_a_core(served: Served) -> None:
    """In processor time for one answer, of which a viewer asks for one in five seconds."""

    def spent() -> float:
        fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(minutes: int) -> None:
        place = f"{served.url}/d/sse-stream-health/live.json?from=now-{minutes}m"
        assert requests.get(place, timeout=60).json()["figures"]

    ask(120)
    before = spent()
    # Each window is another, so that no answer is one that was kept.
    for minutes in range(121, 126):
        ask(minutes)

    share = (spent() - before) / 5 / 5
    print(f"\none viewer: {share:.1%} of a core")
    assert share < 0.15


def test_nobody_else_is_answered_and_ctrl_c_ends_it(served: Served) -> None:
    """Another name gets nothing, writing nothing; the process ends in order and says nothing."""
    host = {"Host": "evil.example"}
    assert requests.get(f"{served.url}/", headers=host, timeout=5).status_code == 421
    assert requests.post(f"{served.url}/d/sse-stream-health", timeout=5).status_code == 405
    live = requests.get(f"{served.url}/d/sse-stream-health/live.json?{RANGE}", timeout=20)
    assert live.json()["figures"]
    assert "secret" not in live.text

    served.process.send_signal(signal.SIGINT)
    out, errors = served.process.communicate(timeout=10)

    assert served.process.returncode == 130
    assert (out, errors) == ("", "")
