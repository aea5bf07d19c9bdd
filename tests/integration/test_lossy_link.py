"""A browser and a server, and between them a wire that loses packets."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.programs import absent, needs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has network namespaces"),
]


PORT = 8000
EVENTS = 60
# One packet in ten, dropped where it arrives, so that TCP itself sends it again.
LOSS = f"""
table inet lossy {{
  chain receive {{
    type filter hook input priority 0
    tcp sport {PORT} numgen random mod 10 == 0 counter drop
    tcp dport {PORT} numgen random mod 10 == 0 counter drop
  }}
}}
"""


def command(*words: str, text: str = "") -> str:
    done = subprocess.run(words, input=text, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


@pytest.fixture
def space() -> Iterator[str]:
    """A network namespace of its own, with a loopback that can be made to lose packets."""
    needs("ip")
    needs("nft")
    name = f"sse-{os.getpid()}-browser"
    try:
        command("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        reason = f"no network namespaces here: {error.stderr.strip()}"
        absent(reason)
    try:
        command("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def test_packet_loss(space: str, tmp_path: Path) -> None:
    """Packets are lost on the way in both directions; the user sees every event, once."""
    from tests.support.chromium import Chromium

    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {space} {needs("chromium")} "$@"\n')
    program.chmod(0o755)
    server = subprocess.Popen(
        [
            *("ip", "netns", "exec", space, sys.executable, "-m", "uvicorn"),
            *(
                "tests.apps.site:served",
                "--factory",
                "--port",
                str(PORT),
                "--log-level",
                "critical",
            ),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SITE_EVENTS": str(EVENTS),
        },
        stdin=subprocess.DEVNULL,
    )
    browser = None
    try:
        browser = Chromium(str(program))
        with browser.window() as window:
            tab = window.tab("about:blank")
            arrive(tab, f"http://127.0.0.1:{PORT}/")
            command("ip", "netns", "exec", space, "nft", "-f", "-", text=LOSS)
            tab.run("() => { window.stream('/api/v1/stream'); }")
            tab.until("window.log.statuses.includes('complete')", 120)
            log = tab.run("window.log")
            rules = command("ip", "netns", "exec", space, "nft", "list", "ruleset")
            command("ip", "netns", "exec", space, "nft", "flush", "ruleset")
            deadline = time.monotonic() + 60
            while (received := reported(tab)) < EVENTS:
                assert time.monotonic() < deadline, received
                time.sleep(0.05)
    finally:
        if browser is not None:
            browser.close()
        server.kill()
        server.wait()

    assert log["messages"] == [str(n) for n in range(EVENTS)]
    assert log["gaps"] == []
    assert any("packets" in line and "packets 0 " not in line for line in rules.splitlines())
    assert received == EVENTS


def reported(tab: object) -> float:
    """Return how many events the browser has reported."""
    text = tab.run("async () => (await fetch('/metrics')).text()")  # type: ignore[attr-defined]
    name = "sse_client_events_received_total"
    lines = (line for line in text.splitlines() if line.startswith(name))
    return sum(float(line.split()[-1]) for line in lines)


def arrive(tab: object, url: str) -> None:
    """Load the web page as soon as its server answers."""
    from playwright.async_api import Error

    deadline = time.monotonic() + 60
    while True:
        try:
            tab.call(tab.page.goto(url))  # type: ignore[attr-defined]
        except Error:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            tab.until("window.ready")  # type: ignore[attr-defined]
            return
