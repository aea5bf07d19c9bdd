"""
A framework's router, which is asked for the template of a path; and the way to it.

Knows how middlewares hold what they wrap; knows no framework.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Protocol

from sse_observe.asgi import Scope

# More than any application has; whoever holds himself must not be looked at for ever.
_MOST_LAYERS = 200
# Where the next layer is held: by most, by Channels, by adapters of WSGI; by a partial; and the
# object whose method was wrapped (`app.asgi_app = SSEObserveMiddleware(app.asgi_app)`).
_HOLDERS = ("app", "application", "inner", "wsgi_application", "wsgi", "func", "__self__")


class Router(Protocol):
    """The router of an application."""

    def template(self, scope: Scope, path: str) -> str | None:
        """Return the template of a path below this application, or None; never raises."""


def layers_of(app: object) -> Iterator[object]:
    """
    Yield an application and all that it wraps or hands requests to, the nearest first.

    A function that hands some paths to one application and some to another names both.
    """
    waiting, seen = deque([app]), set[int]()
    while waiting and len(seen) < _MOST_LAYERS:
        layer = waiting.popleft()
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer
            with suppress(Exception):
                # Somebody else's object: it may compute its attributes, and fail.
                waiting += [held for held in _held_by(layer) if _may_serve(held)]


def routers_of(app: object, kinds: tuple[Callable[[object], Router | None], ...]) -> list[Router]:
    """Return the routers of some kinds under an application, the nearest first."""
    found = (kind(layer) for layer in layers_of(app) for kind in kinds)
    return [router for router in found if router is not None]


def _held_by(layer: object) -> list[object]:
    if isinstance(layer, FunctionType):
        cells = [cell.cell_contents for cell in layer.__closure__ or ()]
        names = layer.__code__.co_names
        return cells + [layer.__globals__[name] for name in names if name in layer.__globals__]
    held = [getattr(layer, name, None) for name in _HOLDERS]
    by_type = getattr(layer, "application_mapping", None)
    return [*held, by_type.get("http")] if isinstance(by_type, dict) else held


def _may_serve(held: object) -> bool:
    return callable(held) and not isinstance(held, type | ModuleType | BuiltinFunctionType)
