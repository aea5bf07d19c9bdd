r"""
Django leaves nothing in the scope: its URL patterns are asked, by Django's own `resolve`.

A template may be a path (`chat/<int:id>`) or a regular expression (`^chat/(?P<id>\d+)/$`), or one
below the other.
"""

import re
import sys
from functools import lru_cache

from sse_observe.asgi import Scope
from sse_observe.middleware.frameworks.router import Router
from sse_observe.middleware.templates import MOST_REMEMBERED

_HANDLER = "django.core.handlers.asgi"
# In this order: a named group, a group without a name, a path's parameter, a set of characters
# and its repetition, an anchor, an escaped character, what else repeats.
_PART = re.compile(
    r"\(\?P<(?P<group>\w+)>|(?P<unnamed>\((?!\?))|(?P<plain>\(\?:)|<(?:(?P<converter>\w+):)?(?P<name>\w+)>"
    r"|(?P<set>\\[dDsSwW]|\[[^\]]*\]|\.(?=[*+]))|\\[AbBZ]|[\^$]|\\(?P<escaped>.)|[?*+)]|\{\d*,?\d*\}"
)


class DjangoRouter:
    """The URL patterns of the one Django in this process."""

    def template(self, scope: Scope, path: str) -> str | None:  # noqa: ARG002 - all methods alike
        """Return the template of a path, or None."""
        try:
            # Without naming a URLconf: a middleware may have chosen one for this request.
            route = sys.modules["django.urls"].resolve(path).route
        except Exception:  # noqa: BLE001 - no such path, or no patterns at all: no name
            return None
        return template_of_route(route)


def router_of(layer: object) -> Router | None:
    """Return the URL patterns behind a Django handler, or None for any other layer."""
    handler = getattr(sys.modules.get(_HANDLER), "ASGIHandler", ())
    return DjangoRouter() if isinstance(layer, handler) else None


@lru_cache(MOST_REMEMBERED)
def template_of_route(route: str) -> str:
    """Return a template for what Django calls a route."""
    found, at = "/", 0
    while (part := _PART.search(route, at)) is not None:
        found += route[at : part.start()]
        at = part.end()
        if part["group"] or part["unnamed"]:
            found += f"{{{part['group'] or 'part'}}}"
            at = _closed(route, at)
        elif part["name"]:
            found += f"{{{part['name']}{':path' if part['converter'] == 'path' else ''}}}"
        elif part["set"]:
            found += "{part}"
        elif part["escaped"]:
            found += part["escaped"]
    return found + route[at:]


def _closed(route: str, at: int) -> int:
    """Return where the group ends that was opened before this place."""
    depth = 1
    while depth and at < len(route):
        if route[at] == "\\":
            at += 1
        else:
            depth += (route[at] == "(") - (route[at] == ")")
        at += 1
    return at
