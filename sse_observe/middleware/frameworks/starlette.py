"""
Starlette and FastAPI leave the route in the scope, without the mounts that led to it.

Starlette leaves a mount there too, where nothing under it is a route. FastAPI keeps the prefix
of an included router apart.
"""

from contextlib import suppress

from sse_observe.asgi import Scope
from sse_observe.errors import SettingsError
from sse_observe.middleware.frameworks.router import layers_of
from sse_observe.middleware.templates import Template

_DEEPEST_MOUNT = 8


def template(scope: Scope) -> str | None:
    """Return the template of the route in the scope, or None."""
    route = scope.get("route")
    if route is None or hasattr(route, "routes"):
        return None
    context = scope.get("fastapi")
    if isinstance(context, dict):
        effective = context.get("effective_route_context")
        if getattr(effective, "original_route", None) is route:
            route = effective
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None


def mounts(app: object) -> list[tuple[Template, object]]:
    """Return what an application mounts, and where; nested ones with their parents."""
    found: list[tuple[Template, object]] = []

    def walk(node: object, prefix: str, depth: int) -> None:
        holders = (layer for layer in layers_of(node) if hasattr(layer, "routes"))
        for route in getattr(next(holders, None), "routes", None) or ():
            path = getattr(route, "path", "")
            if not hasattr(route, "routes") or not isinstance(path, str) or depth > _DEEPEST_MOUNT:
                continue
            if path:
                # What we cannot read costs its own streams their name, and nobody else's.
                with suppress(SettingsError):
                    found.append((Template(prefix + path), getattr(route, "app", None)))
            walk(route, prefix + path, depth + 1)

    walk(app, "", 0)
    return found
