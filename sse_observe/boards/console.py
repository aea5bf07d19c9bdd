"""
The web pages of a Prometheus: where a browser draws a query, and where it lists alerts.

They differ: Debian's Prometheus 2.42 has only those under /classic, Mimir has none.
"""

from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import Request, build_opener

from sse_observe.catalog.durations import duration
from sse_observe.report.query.address import NoRedirect
from sse_observe.report.window import Window

_SECONDS = 2.0
_OPENER = build_opener(NoRedirect)


class Console(NamedTuple):
    """The addresses of both pages; empty where there is none."""

    graph: str = ""
    alerts: str = ""

    def query(self, exprs: Sequence[str], window: Window) -> str:
        """Return the address at which queries are drawn over a window; empty without a page."""
        if not self.graph:
            return ""
        parameters = {
            f"g{number}.{key}": value
            for number, expr in enumerate(exprs)
            for key, value in (
                ("expr", expr),
                ("tab", "0"),
                ("range_input", duration(window.seconds)),
                ("step_input", f"{window.step:g}"),
            )
        }
        return f"{self.graph}?{urlencode(parameters)}"


def find_console(url: str, headers: Mapping[str, str] | None = None) -> Console:
    """Ask a Prometheus which pages it has; none where it does not answer within seconds."""
    pages = (
        next(filter(None, (_opened(page, headers or {}) for page in pair)), "")
        for pair in ((f"{url}/{name}", f"{url}/classic/{name}") for name in ("graph", "alerts"))
    )
    return Console(*pages)


def _opened(page: str, headers: Mapping[str, str], redirects: int = 3) -> str:
    """
    Return where a page opens, which its own server may lead to; empty where it does not.

    Headers sign in there: they go nowhere else.
    """
    try:
        with _OPENER.open(Request(page, headers=dict(headers)), timeout=_SECONDS):
            return page
    except HTTPError as error:
        error.close()
        led = _led(page, error.headers.get("Location") or "")
        if 300 <= error.code < 400 and redirects and led:
            return _opened(led, headers, redirects - 1)
    except (OSError, HTTPException, ValueError):
        pass
    return ""


def _led(page: str, location: str) -> str:
    """Return where on its own server a page leads; empty for anywhere else."""
    try:
        led = urljoin(page, location).partition("?")[0]
        return led if urlsplit(led)[:2] == urlsplit(page)[:2] else ""
    except ValueError:
        return ""
