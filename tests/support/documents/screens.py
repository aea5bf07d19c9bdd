"""
The demo's pages as pictures of docs/: `python -m tests.support.documents.screens`.

It takes a minute, and each time gives other numbers: run it where a page looks otherwise.
"""

import base64
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from sse_observe.lab.programs.process import free_port
from tests.support.chromium import Chromium
from tests.support.command import SSE_OBSERVE
from tests.support.paths import ROOT
from tests.support.waiting import wait_until

# The incident begins after half a minute; by then its alerts fire.
INCIDENT_SECONDS = 50
BOARD = "/d/sse-stream-health?from=now-3m"
# Each picture: its page, how wide and high it is seen, in which colours.
SCREENS = {
    "demo-home": ("/", 1100, 1250, "light"),
    "board-live": (BOARD, 1600, 1000, "light"),
    "board-phone": (BOARD, 390, 844, "dark"),
}
DRAWN = {
    "/": "document.querySelectorAll('#alerts li, #alerts tr').length > 0",
    BOARD: "document.querySelectorAll('.js-plotly-plot .main-svg').length > 0",
}


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo into its incident; give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*SSE_OBSERVE, "demo", "--port", str(port), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            wait_until(lambda: _answers(url), "the demo")
            time.sleep(INCIDENT_SECONDS)
            yield url
        finally:
            running.terminate()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def take(chromium: Chromium, url: str, path: Path) -> None:
    """Write one picture."""
    page_of, width, height, scheme = SCREENS[path.stem]
    size = {"width": width, "height": height}
    context = chromium.call(chromium._browser.new_context(viewport=size, color_scheme=scheme))
    page = chromium.call(context.new_page())
    chromium.call(page.goto(url + page_of))
    if "board" in path.stem:
        chromium.call(page.wait_for_selector("figure"))
        first = "document.querySelector('figure').scrollIntoView({ block: 'center' })"
        chromium.call(page.evaluate(first if width < 1000 else "0"))
    wait_until(lambda: chromium.call(page.evaluate(DRAWN[page_of])), path.stem)
    time.sleep(1)
    session = chromium.call(context.new_cdp_session(page))
    taken = chromium.call(session.send("Page.captureScreenshot", {"format": "webp", "quality": 80}))
    path.write_bytes(base64.b64decode(taken["data"]))
    chromium.call(context.close())


def main() -> None:
    """Write all of them."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is not installed; `make setup` installs it")
    chromium = Chromium(program)
    try:
        with demo() as url:
            for name in SCREENS:
                take(chromium, url, ROOT / f"docs/{name}.webp")
    finally:
        chromium.close()


if __name__ == "__main__":
    main()
