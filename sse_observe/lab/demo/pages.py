"""The demo's web pages: its first page, its state, its two buttons; the boards serve the rest."""

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from sse_observe.asgi import App, Receive, Scope, Send, answer, header
from sse_observe.boards.web_pages import is_local, refuse, send_page

Actions = Mapping[str, Callable[[], None]]
"""What the buttons do, by name."""

_FILES = ("home.js", "home.css")
# A page of another origin cannot send it unasked, and is never allowed to.
_OURS = b"sse-observe-demo"
_NEVER_KEPT = (b"cache-control", b"no-store")


class DemoPages:
    """An ASGI application for this machine alone; `state` is ready for JSON."""

    def __init__(
        self, page: str, boards: App, state: Callable[[], Mapping[str, Any]], actions: Actions
    ) -> None:
        self._page = page
        self._boards = boards
        self._state = state
        self._actions = {f"/demo/{name}": act for name, act in actions.items()}
        here = files("sse_observe.lab.demo")
        self._files = {f"/demo/{one}": here.joinpath(one).read_text("utf-8") for one in _FILES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if not is_local(scope):
            await refuse(send)
        elif path == "/":
            await send_page(scope, send, self._page, _NEVER_KEPT)
        elif path == "/demo/state.json":
            await send_page(scope, send, json.dumps(self._state()), _NEVER_KEPT)
        elif path in self._files:
            await send_page(scope, send, self._files[path], _NEVER_KEPT)
        elif path in self._actions:
            await self._act(scope, send)
        else:
            await self._boards(scope, receive, send)

    async def _act(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "POST":
            await answer(send, 405, b"", (b"allow", b"POST"))
        elif header(scope["headers"], _OURS) is None:
            await answer(send, 403, b"Press the button on the demo's own page.\n")
        else:
            self._actions[scope["path"]]()
            await answer(send, 204)
