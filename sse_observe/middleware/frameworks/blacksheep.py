"""
BlackSheep leaves nothing in the scope: its router is asked.

It matches mounts against the whole path, and adds the mount's path to the root path of the scope.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast

from sse_observe.asgi import Scope
from sse_observe.middleware.frameworks.router import Router, routers_of

# {id}, {int:id}, <id>, <int:id>, /:id, and * for all that follows.
_VARIABLE = re.compile(r"[{<](?:(\w+):)?(\w+)[}>]|(?<=/):(\w+)|\*")


class _Route(Protocol):
    pattern: bytes
    handler: object

    def match_by_path(self, path: bytes) -> object: ...


class _Routes(Protocol):
    routes: Mapping[bytes, Sequence[_Route]]
    _sub_routers: "Sequence[_Routes] | None"


class _Mounts(Protocol):
    mounted_apps: Sequence[_Route]


class _App(Protocol):
    router: _Routes
    mount_registry: _Mounts


class BlackSheepRouter:
    """The router of one BlackSheep application."""

    def __init__(self, app: _App) -> None:
        self._app = app

    def template(self, scope: Scope, path: str) -> str | None:
        """Return the template of a path below this application, or None."""
        mounted = self._mounted(scope)
        if mounted is not None:
            prefix = mounted.pattern.decode().removesuffix("/*")
            inner = routers_of(mounted.handler, (router_of,))
            return prefix + ((inner[0].template(scope, path) if inner else None) or "")
        method = scope["method"].encode()
        for router in _routers(self._app.router):
            for route in router.routes.get(method, ()):
                if route.match_by_path(path.encode()):
                    return _VARIABLE.sub(_parameter, route.pattern.decode())
        return None

    def _mounted(self, scope: Scope) -> _Route | None:
        """Return the mount that took a request, or None."""
        raw = scope.get("raw_path") or scope["path"].encode()
        mounts = self._app.mount_registry.mounted_apps
        return next((mount for mount in mounts if mount.match_by_path(raw)), None)


def router_of(layer: object) -> Router | None:
    """Return the router of a BlackSheep application, or None for any other."""
    known = hasattr(layer, "mount_registry") and hasattr(getattr(layer, "router", None), "routes")
    return BlackSheepRouter(cast(_App, layer)) if known else None


def _routers(router: _Routes) -> Iterator[_Routes]:
    """Yield a router's parts in the order in which they are asked."""
    for part in getattr(router, "_sub_routers", None) or ():
        yield from _routers(part)
    yield router


def _parameter(variable: re.Match[str]) -> str:
    converter, name, plain = variable.groups()
    if variable[0] == "*":
        return "{tail:path}"
    return f"{{{name or plain}{':path' if converter == 'path' else ''}}}"
