"""
The template by which a web framework routed a request.

Reads what Starlette and FastAPI leave in the scope; imports neither.
"""

from sse_observe.asgi import Scope
from sse_observe.middleware.templates import Template, template_of

# A stack of middlewares keeps what it wraps in `app`; more than these is a loop.
_DEEPEST_STACK = 50
_DEEPEST_MOUNT = 8


class Frameworks:
    """The framework under one middleware; `app` is what the middleware wraps."""

    def __init__(self, app: object) -> None:
        self._app = app
        self._mounts: list[Template] | None = None

    def template(self, scope: Scope, entry_root: str) -> str | None:
        """
        Return the template by which this request was routed, or None.

        `entry_root` is the root path with which the request came in. Starlette and FastAPI leave
        their route in the scope. Starlette leaves a mount there too, where nothing under it is a
        route; FastAPI keeps the prefix of an included router apart.
        """
        route = scope.get("route")
        prefix = self._mounted_at(scope.get("root_path", ""), entry_root)
        if route is None or hasattr(route, "routes"):
            return prefix or None
        context = scope.get("fastapi")
        if isinstance(context, dict):
            effective = context.get("effective_route_context")
            if getattr(effective, "original_route", None) is route:
                route = effective
        path = getattr(route, "path", None)
        return prefix + path if isinstance(path, str) else (prefix or None)

    def _mounted_at(self, root: str, entry_root: str) -> str:
        """Return the template of the mounts passed on the way, never the path that was asked."""
        if root == entry_root or not root.startswith(entry_root):
            return ""
        if self._mounts is None:
            self._mounts = _mounts_of(self._app)
        added = root[len(entry_root) :]
        for template in self._mounts:
            if template.matches(added):
                return template.label
        return ""


def is_partial(template: str, path: str) -> bool:
    """Tell whether a template lacks the prefix under which its router was included."""
    found = template_of(template)
    return found is None or found.matches(path) is None


def _mounts_of(app: object) -> list[Template]:
    """Return the mounts of a Starlette or FastAPI application, nested ones with their parents."""
    found: list[Template] = []

    def walk(node: object, prefix: str, depth: int) -> None:
        for _ in range(_DEEPEST_STACK):
            if hasattr(node, "routes"):
                break
            node = getattr(node, "app", None)
        for route in getattr(node, "routes", None) or ():
            path = getattr(route, "path", "")
            if not hasattr(route, "routes") or not isinstance(path, str) or depth > _DEEPEST_MOUNT:
                continue
            if path:
                found.append(Template(prefix + path))
            walk(route, prefix + path, depth + 1)

    walk(app, "", 0)
    return found
