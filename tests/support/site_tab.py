"""The web page of `tests/apps/site.py` in a tab: open a stream, wait for what a user sees."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.proxy import UnreliableProxy
from tests.support.servers import serve

URL = "/api/v1/stream"


@contextmanager
def served(app: Any) -> Iterator[UnreliableProxy]:
    """Serve an application behind the proxy; browsers see only that."""
    with serve(app) as upstream, UnreliableProxy(upstream) as proxy:
        yield proxy


def open_tab(window: Any, url: str, stream: str = URL, before: str = "", **options: Any) -> Any:
    """Open the web page and begin a stream on it."""
    tab = window.tab(url, before=before)
    tab.until("window.ready")
    tab.run("([url, options]) => { window.stream(url, options); }", [stream, options])
    return tab


def log_of(tab: Any) -> dict[str, Any]:
    return tab.run("window.log")


def finish(tab: Any, status: str = "complete") -> dict[str, Any]:
    """Wait for the end, and return what the web page wrote down."""
    tab.until(f"window.log.statuses.includes('{status}')")
    thrown = tab.errors
    assert thrown == [], thrown
    return log_of(tab)


def wait_for(claim: Callable[[], bool], what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def set_hidden(tab: Any, *, hidden: bool) -> None:
    """Hide a tab, or show it: as Chromium does it, whose event bubbles to the window."""
    tab.run(
        """(hidden) => {
            const states = { hidden, visibilityState: hidden ? "hidden" : "visible" };
            for (const [name, value] of Object.entries(states))
                Object.defineProperty(document, name, { value, configurable: true });
            document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
        }""",
        hidden,
    )


def wait_for_messages(tab: Any, n: int) -> None:
    tab.until(f"window.log.messages.length >= {n}")


def wait_for_return(tab: Any, openings: int) -> None:
    """Wait until it is open again, so many times in all, and has shown something since."""
    tab.until(f"window.log.openedAt.length >= {openings} && window.source.readyState === 1")
    wait_for_messages(tab, len(log_of(tab)["messages"]) + 1)
