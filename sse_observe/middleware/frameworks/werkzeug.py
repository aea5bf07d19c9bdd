"""
Quart and Flask leave nothing in the scope: their router, which is Werkzeug's, is asked.

It is asked as the application itself asks it: by host, method and path.
"""

import re
from collections.abc import Mapping
from typing import Protocol, cast

from sse_observe.asgi import Scope, header
from sse_observe.middleware.frameworks.router import Router

# As Werkzeug reads a rule: <name>, <converter:name>, <converter(arguments):name>.
_VARIABLE = re.compile(r"<(?:([A-Za-z_]\w*)(?:\(.*?\))?:)?([A-Za-z_]\w*)>")


class _Rule(Protocol):
    rule: str


class _Adapter(Protocol):
    def match(self, path: str, method: str, *, return_rule: bool) -> tuple[_Rule, object]: ...


class _UrlMap(Protocol):
    def bind(self, host: str, root: str, subdomain: str | None) -> _Adapter: ...


class _App(Protocol):
    url_map: _UrlMap
    config: Mapping[str, str | None]


class WerkzeugRouter:
    """The router of one Quart or Flask application."""

    def __init__(self, app: _App) -> None:
        self._app = app

    def template(self, scope: Scope, path: str) -> str | None:
        """Return the template of a path below this application, or None."""
        try:
            rule, _ = self._bound(scope).match(path, scope["method"], return_rule=True)
        except Exception:  # noqa: BLE001 - no route, or somebody's converter failed: no name
            return None
        return _VARIABLE.sub(_parameter, rule.rule)

    def _bound(self, scope: Scope) -> _Adapter:
        app = self._app
        host = (header(scope["headers"], b"host") or b"localhost").decode("latin-1")
        subdomain = None
        if getattr(app, "subdomain_matching", False):
            subdomain = host.removesuffix(app.config["SERVER_NAME"] or "").rstrip(".")
        return app.url_map.bind(host, scope.get("root_path") or "/", subdomain)


def router_of(layer: object) -> Router | None:
    """Return the router of an application with Werkzeug's, or None."""
    if hasattr(getattr(layer, "url_map", None), "bind"):
        return WerkzeugRouter(cast(_App, layer))
    return None


def _parameter(variable: re.Match[str]) -> str:
    return f"{{{variable[2]}{':path' if variable[1] == 'path' else ''}}}"
