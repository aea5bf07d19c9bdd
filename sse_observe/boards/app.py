"""
The ASGI application: boards, their content, scripts, styles and runbooks, for this machine alone.

Answers GET and HEAD; there is nothing that it could change.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib.resources import files

from sse_observe.asgi import Receive, Scope, Send, follow_lifespan, refuse_websocket
from sse_observe.boards.choice import USUAL_RANGE, read_choice
from sse_observe.boards.page import board_page, board_path
from sse_observe.boards.reader import BoardReader
from sse_observe.boards.runbook_pages import runbook_pages
from sse_observe.boards.viewers import Viewers
from sse_observe.boards.web_pages import is_local, nothing_here, refuse, send_page
from sse_observe.catalog.model import Catalog
from sse_observe.errors import ReportError
from sse_observe.render.runbooks import runbooks
from sse_observe.render.settings import Settings
from sse_observe.report.output.scripts import PLOTLY, asset

_OF_REPORT = (PLOTLY, "charts.js", "report.css")
_OWN = ("boards.js", "boards.css", "theme.css", "page.css")
_LIVE = "/live.json"
_YEAR = (b"cache-control", b"public, max-age=31536000, immutable")
_REVALIDATED = (b"cache-control", b"no-cache")
_NEVER_KEPT = (b"cache-control", b"no-store")


class BoardsApp:
    """
    Serves the boards of a tuned catalogue.

    `read` returns who asks for them, or raises ReportError with the reason why nobody can.
    `usual_range` is what is shown where an address says nothing, as Grafana writes it.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        read: Callable[[], BoardReader],
        usual_range: str = USUAL_RANGE,
    ) -> None:
        self._usual_range = usual_range
        self._boards = {board_path(board): board for board in catalog.boards}
        self._pages = runbook_pages(runbooks(catalog, settings))
        self._read = read
        self._viewers: Viewers | None = None
        self._assets = {f"/boards/{name}": text for name, text in _assets().items()}
        parts = hashlib.sha256("".join(self._assets.values()).encode())
        self._version = parts.hexdigest()[:16]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await follow_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await refuse_websocket(send)
        elif not is_local(scope):
            await refuse(send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in self._boards:
            await send_page(scope, send, self._frame(path), _REVALIDATED)
        elif (board_of := path.removesuffix(_LIVE)) != path and board_of in self._boards:
            await send_page(scope, send, await self._content(scope, board_of), _NEVER_KEPT)
        elif path in self._assets:
            known = scope.get("query_string", b"") == f"v={self._version}".encode()
            await send_page(scope, send, self._assets[path], _YEAR if known else _REVALIDATED)
        elif path == "/":
            first = next(iter(self._boards)).encode()
            await send_page(scope, send, "", (b"location", first), status=307)
        elif path in self._pages:
            await send_page(scope, send, self._pages[path], _REVALIDATED)
        else:
            await nothing_here(scope, receive, send)

    def _frame(self, path: str) -> str:
        boards = self._boards
        return board_page(boards[path], boards.values(), self._version, self._usual_range)

    async def _content(self, scope: Scope, path: str) -> bytes:
        try:
            choice = read_choice(scope.get("query_string", b""), self._usual_range)
            if self._viewers is None:
                self._viewers = Viewers(self._read())
        except ReportError as error:
            return json.dumps({"problem": str(error)}).encode()
        return await self._viewers.answer(self._boards[path], choice)


def _assets() -> Mapping[str, str]:
    here = files("sse_observe.boards")
    own = {name: here.joinpath(name).read_text("utf-8") for name in _OWN}
    return own | {name: asset(name) for name in _OF_REPORT}
