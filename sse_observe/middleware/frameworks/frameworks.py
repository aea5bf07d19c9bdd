"""
The template by which the framework under one middleware routed a request.

Knows which framework to read or ask, and under which mount; how each names a route is its own
file's business.
"""

from typing import NamedTuple

from sse_observe.asgi import Scope
from sse_observe.middleware.frameworks import blacksheep, django, litestar, starlette, werkzeug
from sse_observe.middleware.frameworks.router import Router, routers_of
from sse_observe.middleware.templates import Template

_KINDS = (werkzeug.router_of, blacksheep.router_of, django.router_of)


class _Place(NamedTuple):
    """An application: the mounts that lead to it, and the routers that have to be asked."""

    prefix: Template | None
    routers: list[Router]


class Frameworks:
    """
    The frameworks under one middleware; `app` is what the middleware wraps.

    Looks through the application at the first request: by then it has loaded all that it uses.
    """

    def __init__(self, app: object) -> None:
        self._app = app
        self._root: _Place | None = None
        self._mounts: list[_Place] = []

    def template(self, scope: Scope, entry_root: str) -> str | None:
        """
        Return the template by which this request was routed, or None.

        `entry_root` is the root path with which the request came in; mounts add to it.
        """
        root = scope.get("root_path", "")
        route = starlette.template(scope) if "route" in scope else None
        if route is not None and root == entry_root:
            return route
        if self._root is None:
            self._root = _Place(None, routers_of(self._app, _KINDS))
            self._mounts = [
                _Place(prefix, routers_of(app, _KINDS))
                for prefix, app in starlette.mounts(self._app)
            ]
        place = self._root if root == entry_root else self._place(root, entry_root)
        if route is None:
            route = litestar.template(scope)
        if route is None and place.routers:
            below = scope["path"].removeprefix(root) or "/"
            found = (router.template(scope, below) for router in place.routers)
            route = next((template for template in found if template is not None), None)
        return route if place.prefix is None else place.prefix.path + (route or "")

    def _place(self, root: str, entry_root: str) -> _Place:
        """Return the mount that was passed on the way, never the path that was asked."""
        added = root.removeprefix(entry_root)
        for place in self._mounts:
            if place.prefix is not None and place.prefix.matches(added):
                return place
        return self._root or _Place(None, [])
