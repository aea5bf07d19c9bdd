"""
Firefox for tests: one browser behind puppeteer, which speaks WebDriver BiDi with it.

Offers of `tests/support/chromium.py` what every browser has; what only Chromium's developer tools
can do is not there.
"""

import json
import subprocess
import time
from typing import Any, Self

from tests.support.paths import TESTS

PATIENCE_SECONDS = 60.0


class FirefoxError(AssertionError):
    """All that a tab's script threw, or the browser refused."""


class Firefox:
    """A headless browser; each `window()` has its own cookies, storage and connections."""

    def __init__(self, node: str, program: str) -> None:
        self._process = subprocess.Popen(
            [node, str(TESTS / "js" / "firefox.mjs"), program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, **parameters: Any) -> Any:
        """Send one command and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, **parameters}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise FirefoxError(f"{what}: the browser has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise FirefoxError(f"{what}: {answer['error']}")
        return answer["value"]

    def window(self) -> "Window":
        """Open a window without tabs."""
        return Window(self)

    def close(self) -> None:
        """End the browser."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Window:
    """Tabs that share cookies, storage and connections."""

    def __init__(self, firefox: Firefox) -> None:
        self._firefox = firefox
        self._number = firefox.ask("window")

    def tab(self, url: str, *, before: str = "") -> "Tab":
        """Open a tab; `before` is run before its own scripts."""
        number = self._firefox.ask("tab", window=self._number, url=url, before=before)
        return Tab(self._firefox, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._firefox.ask("close", which=self._number)


class Tab:
    """One tab."""

    def __init__(self, firefox: Firefox, number: int) -> None:
        self._firefox = firefox
        self._number = number

    @property
    def errors(self) -> list[str]:
        """Errors that its scripts threw."""
        found: list[str] = self._firefox.ask("errors", tab=self._number)
        return found

    def run(self, script: str, argument: Any = None) -> Any:
        """Evaluate a script and return what it gives."""
        return self._firefox.ask("run", tab=self._number, script=script, argument=argument)

    def until(self, claim: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(claim):
            assert time.monotonic() < deadline, f"never true: {claim}; {self.run('window.log')}"
            time.sleep(0.02)

    def close(self) -> None:
        """Close the tab as a user does."""
        self._firefox.ask("close", which=self._number)
