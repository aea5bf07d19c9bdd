"""
Routes: the template of a request's path, bounded in number, and what is declared for it.

Reads ASGI scopes as frameworks leave them; imports no framework and counts nothing. A raw path
never leaves this module.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sse_observe.asgi import Scope
from sse_observe.errors import SettingsError
from sse_observe.metrics import KINDS, OTHER

_PARAMETER = re.compile(r"\{([A-Za-z_]\w*)(?::([a-z]+))?\}")
# Each declared name is one series per route and process.
_MOST_EVENT_NAMES = 20
_MOST_REMEMBERED = 256


@dataclass(frozen=True, kw_only=True)
class StreamRoute:
    """
    The declaration of a route; an alert stays off until its input is declared.

    `kind`: a `finite` stream is meant to end, a `continuous` feed is not.
    `heartbeat_seconds`: how often something is written at least.
    `stall_seconds`: this long without a payload event is a stall.
    `terminal_events`: names that announce the end; when set, an end without one is an error.
    `dense_ids`: ids are `<seq>-<epoch>` without holes, so loss can be inferred at a resume.
    `limit`: the most streams that one process is meant to hold.
    `events`: event names that get a label value of their own.
    `watch_disconnect`: its application never calls `receive()`, so the server is asked on its
    behalf whether the client is still there.
    """

    kind: Literal["finite", "continuous"] = "finite"
    heartbeat_seconds: float | None = None
    stall_seconds: float = 30
    terminal_events: Sequence[str] = ()
    dense_ids: bool = False
    limit: int | None = None
    events: Sequence[str] = ()
    watch_disconnect: bool = False

    def __post_init__(self) -> None:
        """Refuse what could never be right, in one line."""
        if self.kind not in KINDS:
            raise _wrong("kind", self.kind, 'choose "finite" or "continuous"')
        for name in ("heartbeat_seconds", "stall_seconds"):
            value = getattr(self, name)
            if value is None and name == "heartbeat_seconds":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise _wrong(name, value, "give seconds above 0")
        if self.limit is not None and (not _is_count(self.limit) or self.limit < 1):
            raise _wrong("limit", self.limit, "give a whole number above 0, or leave it out")
        for name in ("dense_ids", "watch_disconnect"):
            if not isinstance(getattr(self, name), bool):
                raise _wrong(name, getattr(self, name), "give True or False")
        for name in ("terminal_events", "events"):
            object.__setattr__(self, name, _event_names(name, getattr(self, name)))


def _event_names(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise _wrong(name, value, f'give a tuple of event names, as in {name}=("done",)')
    for event in value:
        if not isinstance(event, str) or not event or set(event) & set("\r\n\0"):
            raise _wrong(name, event, "an event name is one line of text")
    if len(value) > _MOST_EVENT_NAMES:
        raise _wrong(name, f"{len(value)} names", f"each costs a series; give {_MOST_EVENT_NAMES}")
    return tuple(dict.fromkeys(value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(name: str, value: object, remedy: str) -> SettingsError:
    return SettingsError(f"StreamRoute: {name}={value!r} is wrong; {remedy}")


class Template:
    """One declared path: `{name}` stands for one segment, `{name:path}` for all that follow."""

    def __init__(self, path: str) -> None:
        literals = _PARAMETER.sub("", path)
        if not path.startswith("/") or set(literals) & set("{}"):
            raise SettingsError(
                f"routes: {path!r} is no path template; write it like '/chat/{{id}}'"
            )
        self.label = label_of(path)
        self.shape = _PARAMETER.sub("{}", path)
        pattern, at = "", 0
        for found in _PARAMETER.finditer(path):
            pattern += re.escape(path[at : found.start()])
            pattern += ".*" if found[2] == "path" else "[^/]+"
            at = found.end()
        self.literal = at == 0
        self.matches = re.compile(pattern + re.escape(path[at:]), re.DOTALL).fullmatch


def label_of(path: str) -> str:
    """Return a template without its converters: how an id is parsed is no part of its name."""
    return _PARAMETER.sub(r"{\1}", path)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A route: its label and its declaration."""

    label: str
    config: StreamRoute


class Routes:
    """
    The routes of one application.

    A declared route is found by the shape of the framework's own template, else by the path.
    Any other route is labelled by the framework's template, or `other`.
    """

    def __init__(
        self, declared: Mapping[str, StreamRoute] | None, default: StreamRoute, app: object = None
    ) -> None:
        for what, config in {**(declared or {}), "default": default}.items():
            if not isinstance(config, StreamRoute):
                raise SettingsError(
                    f"routes: {what!r} is given {config!r}; give it StreamRoute(...)"
                )
        self.default = default
        self.declared: dict[str, Resolved] = {}
        self._exact: dict[str, Resolved] = {}
        self._patterns: list[tuple[Template, Resolved]] = []
        self._app = app
        self._mounts: list[Template] | None = None
        self._found: dict[str, Resolved] = {OTHER: Resolved(OTHER, default)}
        for path, config in (declared or {}).items():
            self._declare(Template(path), config)

    def _declare(self, template: Template, config: StreamRoute) -> None:
        if template.shape in self.declared:
            taken = self.declared[template.shape].label
            raise SettingsError(f"routes: {template.label!r} and {taken!r} match the same paths")
        resolved = Resolved(template.label, config)
        self.declared[template.shape] = resolved
        if template.literal:
            self._exact[template.label] = resolved
        else:
            self._patterns.append((template, resolved))

    def resolve(self, scope: Scope) -> Resolved:
        """Return the route of a request; call it once the framework has routed."""
        path = scope["path"]
        root = scope.get("root_path", "")
        # What Starlette's mounts add to the root path, they add to this one.
        entry_root = scope.get("app_root_path", root)
        if root == entry_root and "route" not in scope:
            # No framework; most requests end at the first look.
            template = None
            if path in self._exact:
                return self._exact[path]
        else:
            template = self._framework_template(scope, entry_root)
        if template is not None:
            found = self.declared.get(_PARAMETER.sub("{}", template))
            if found is not None:
                return found
        if not self._patterns and not self._exact:
            return self._undeclared(template)
        found = self._by_path(path)
        if found is None and entry_root and path.startswith(entry_root):
            found = self._by_path(path[len(entry_root) :])
        if found is not None and (template is None or _is_partial(template, path)):
            return found
        return self._undeclared(template)

    def _by_path(self, path: str) -> Resolved | None:
        found = self._exact.get(path)
        if found is not None:
            return found
        for template, resolved in self._patterns:
            if template.matches(path):
                return resolved
        return None

    def _undeclared(self, template: str | None) -> Resolved:
        label = OTHER if template is None else label_of(template)
        found = self._found.get(label)
        if found is None:
            found = Resolved(label, self.default)
            # Templates come from the application's code, so they are few; what makes routes
            # without end is held back here, and once more where labels are given out.
            if len(self._found) < _MOST_REMEMBERED:
                self._found[label] = found
        return found

    def _framework_template(self, scope: Scope, entry_root: str) -> str | None:
        """
        Return the template by which Starlette or FastAPI routed this request.

        Both leave the route in the scope. Starlette leaves a mount there too, where nothing
        under it is a route; FastAPI keeps the prefix of an included router apart.
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


@lru_cache(_MOST_REMEMBERED)
def _matcher(template: str) -> Template | None:
    try:
        return Template(template)
    except SettingsError:
        return None


def _is_partial(template: str, path: str) -> bool:
    """Tell whether a template lacks the prefix under which its router was included."""
    matcher = _matcher(template)
    return matcher is None or matcher.matches(path) is None


def _mounts_of(app: object) -> list[Template]:
    """Return the mounts of a Starlette or FastAPI application, nested ones with their parents."""
    found: list[Template] = []

    def walk(node: object, prefix: str, depth: int) -> None:
        # A stack of middlewares keeps what it wraps in `app`; 50 deep is a loop.
        for _ in range(50):
            if hasattr(node, "routes"):
                break
            node = getattr(node, "app", None)
        for route in getattr(node, "routes", None) or ():
            path = getattr(route, "path", "")
            if not hasattr(route, "routes") or not isinstance(path, str) or depth > 8:
                continue
            if path:
                found.append(Template(prefix + path))
            walk(route, prefix + path, depth + 1)

    walk(app, "", 0)
    return found
