"""
Routes: the template of a request's path, bounded in number, and what is declared for it.

Reads ASGI scopes as frameworks leave them; imports no framework and counts nothing. A raw path
never leaves this module.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from sse_observe.asgi import Scope
from sse_observe.errors import SettingsError
from sse_observe.metrics import KINDS, OTHER
from sse_observe.middleware.frameworks import Frameworks
from sse_observe.middleware.templates import (
    MOST_REMEMBERED,
    Template,
    is_partial,
    label_of,
    shape_of,
)
from sse_observe.protocols import AUTO, NONE, PROTOCOLS, protocol

# A route's name is code, and short; what is longer is somebody's path or text.
_LONGEST_NAME = 200
# Where an application sends heartbeats, its payload is expected as often as this.
_STALL_SECONDS = 30.0
_NAMES = (
    *("terminal_events", "terminal_data", "error_events", "error_data", "prelude_events"),
    *("cursor", "events"),
)
_GOODPUT = ("first_event_within", "gap_within")
_SECONDS = ("heartbeat_seconds", "stall_seconds", *_GOODPUT)
# Each declared name is one series per route and process.
_MOST_EVENT_NAMES = 20


@dataclass(frozen=True, kw_only=True)
class StreamRoute:
    """
    The declaration of a route; an alert stays off until its input is declared.

    `kind`: a `finite` stream is meant to end, a `continuous` feed is not.
    `heartbeat_seconds`: how often something is written at least.
    `stall_seconds`: this long without a payload event is a stall; 30 where only heartbeats are
    declared, never where neither is.
    `first_event_within`, `gap_within`: seconds until the first content of a finite stream, and
    from one piece of content to the next. A stream that takes longer is not good: see
    `sse_streams_judged_total`.
    `protocol`: `auto` recognises it stream by stream, `none` switches that off, and one of
    `openai-chat openai-responses anthropic ai-sdk ag-ui gemini mcp` names it.
    `terminal_events`: names that announce the end, instead of `done` and the data `[DONE]`; when
    set, an end without one is an error. A protocol's own terminal counts as well.
    `terminal_data`: how the data of an unnamed event begins that announces the end; the same.
    `error_events`: names of events by which a stream says that it failed; `()` for none.
    `error_data`: how the data of an unnamed event begins that says so.
    `prelude_events`: names of events that bring nothing a user waits for, beside heartbeats.
    `dense_ids`: ids are `<seq>-<epoch>` without holes, as in `7-k3x9`, with an epoch of its own
    for each stream; so loss can be inferred at a resume. A plain number cannot tell.
    `cursor`: query parameters from which a client resumes, beside `last_event_id`.
    `limit`: the most streams that one process is meant to hold.
    `events`: event names that get a label value of their own.
    `watch_disconnect`: its application never calls `receive()`, and its server shows nobody that
    a client left; so the server is asked on the application's behalf.
    """

    kind: Literal["finite", "continuous"] = "finite"
    heartbeat_seconds: float | None = None
    stall_seconds: float | None = None
    first_event_within: float | None = None
    gap_within: float | None = None
    protocol: str = AUTO
    terminal_events: Sequence[str] = ()
    terminal_data: Sequence[str] = ()
    error_events: Sequence[str] = ("error",)
    error_data: Sequence[str] = ()
    prelude_events: Sequence[str] = ()
    dense_ids: bool = False
    cursor: Sequence[str] = ()
    limit: int | None = None
    events: Sequence[str] = ()
    watch_disconnect: bool = False
    demands_terminal: bool = field(init=False, repr=False)
    """Whether a stream of this route has failed if it ends without a terminal."""
    cursors: tuple[str, ...] = field(init=False, repr=False)
    """Query parameters from which a client resumes: those declared, and those of its protocols."""

    def __post_init__(self) -> None:
        """Refuse what could never be right, in one line."""
        if self.kind not in KINDS:
            raise _wrong("kind", self.kind, 'choose "finite" or "continuous"')
        self._check_seconds()
        if self.limit is not None and (not _is_count(self.limit) or self.limit < 1):
            raise _wrong("limit", self.limit, "give a whole number above 0, or leave it out")
        for name in ("dense_ids", "watch_disconnect"):
            if not isinstance(getattr(self, name), bool):
                raise _wrong(name, getattr(self, name), "give True or False")
        if self.protocol not in (AUTO, NONE.name, *PROTOCOLS):
            known = ", ".join((AUTO, NONE.name, *PROTOCOLS))
            raise _wrong("protocol", self.protocol, f"choose of {known}")
        for name in _NAMES:
            object.__setattr__(self, name, _event_names(name, getattr(self, name)))
        demands = bool(self.terminal_events or self.terminal_data)
        object.__setattr__(self, "demands_terminal", demands)
        spoken = PROTOCOLS.values() if self.protocol == AUTO else (protocol(self.protocol),)
        cursors = (*self.cursor, *(name for one in spoken for name in one.cursors))
        object.__setattr__(self, "cursors", tuple(dict.fromkeys(cursors)))

    def _check_seconds(self) -> None:
        for name in _SECONDS:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise _wrong(name, value, "give seconds above 0")
        for name in _GOODPUT if self.kind == "continuous" else ():
            if getattr(self, name) is not None:
                raise _wrong(name, getattr(self, name), "only finite streams are judged; remove it")

    @property
    def stall_limit(self) -> float:
        """Return after how many seconds without payload a stream is stalled; inf for never."""
        if self.kind == "continuous":
            return inf
        if self.stall_seconds is not None:
            return self.stall_seconds
        return inf if self.heartbeat_seconds is None else _STALL_SECONDS

    @property
    def goodput_limits(self) -> tuple[float, float]:
        """Return the seconds until the first content and between two pieces; inf for none."""
        first_event, gap = self.first_event_within, self.gap_within
        return inf if first_event is None else first_event, inf if gap is None else gap


def _event_names(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise _wrong(name, value, f'give a tuple of names, as in {name}=("done",)')
    for event in value:
        if not isinstance(event, str) or not event or set(event) & set("\r\n\0"):
            raise _wrong(name, event, "each is one line of text")
    if len(value) > _MOST_EVENT_NAMES:
        raise _wrong(name, f"{len(value)} names", f"each costs a series; give {_MOST_EVENT_NAMES}")
    return tuple(dict.fromkeys(value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(name: str, value: object, remedy: str) -> SettingsError:
    return SettingsError(f"StreamRoute: {name}={value!r} is wrong; {remedy}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A route: its label and its declaration."""

    label: str
    config: StreamRoute


Namer = Callable[[Scope], str | None]


def _checked(name: object) -> str | None:
    """Return what a function has named, if it may be a label."""
    if name is None:
        return None
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST_NAME:
        return name
    if inspect.iscoroutine(name):
        name.close()
    raise ValueError(
        f"route= returned {str(name)[:80]!r}; give the template of a path in at most "
        f"{_LONGEST_NAME} characters, as '/chat/{{id}}', or None"
    )


class _Table:
    """The declared routes of one method, or of all."""

    def __init__(self) -> None:
        self._by_shape: dict[str, Resolved] = {}
        self.exact: dict[str, Resolved] = {}
        self._patterns: list[tuple[Template, Resolved]] = []

    def add(self, template: Template, config: StreamRoute) -> Resolved:
        """Declare a route; SettingsError where another one matches the same paths."""
        taken = self._by_shape.get(template.shape)
        if taken is not None:
            raise SettingsError(
                f"routes: {template.label!r} and {taken.label!r} match the same paths"
            )
        resolved = self._by_shape[template.shape] = Resolved(template.label, config)
        if template.literal:
            self.exact[template.path] = resolved
        else:
            self._patterns.append((template, resolved))
        return resolved

    def by_template(self, template: str) -> Resolved | None:
        """Return the route of the framework's template."""
        return self._by_shape.get(shape_of(template))

    def by_path(self, path: str, root: str) -> Resolved | None:
        """Return the route of a path, or of what follows the root in it."""
        found = self._by_whole_path(path)
        if found is None and root and path.startswith(root):
            found = self._by_whole_path(path[len(root) :])
        return found

    def _by_whole_path(self, path: str) -> Resolved | None:
        found = self.exact.get(path)
        if found is None:
            for template, resolved in self._patterns:
                if template.matches(path):
                    return resolved
        return found


class Routes:
    """
    The routes of one application.

    A declared route is found by the shape of the framework's own template, else by the path; one
    that is declared for the request's method goes before one for all. Any other route is labelled
    by the framework's template, or `other`. `name` is a function of the application that names a
    route before all that, or leaves it to us by None; `on_error` is called when it failed.
    """

    def __init__(
        self,
        declared: Mapping[str, StreamRoute] | None,
        default: StreamRoute,
        app: object = None,
        *,
        name: Namer | None = None,
        on_error: Callable[[], None] = lambda: None,
    ) -> None:
        if declared is not None and not isinstance(declared, Mapping):
            raise SettingsError(
                f"routes={declared!r} is wrong; map templates to declarations, as in "
                "routes={'/chat/{id}': StreamRoute(...)}"
            )
        if name is not None and (not callable(name) or inspect.iscoroutinefunction(name)):
            raise SettingsError(f"route={name!r} is wrong; give a plain function of the scope")
        for what, config in {**(declared or {}), "default": default}.items():
            if not isinstance(config, StreamRoute):
                raise SettingsError(
                    f"routes: {what!r} is given {config!r}; give it StreamRoute(...)"
                )
        self.default = default
        self.declared: list[Resolved] = []
        self._name = name
        self._on_error = on_error
        self._frameworks = Frameworks(app)
        self._tables: dict[str | None, _Table] = {}
        self._exact: dict[str, Resolved] = {}
        self._found: dict[str, Resolved] = {OTHER: Resolved(OTHER, default)}
        self._by_template: dict[str, Resolved] = {}
        for text, config in (declared or {}).items():
            template = Template(text)
            table = self._tables.setdefault(template.method, _Table())
            self.declared.append(table.add(template, config))
        self._by_method = bool(self._tables.keys() - {None})
        if None in self._tables and name is None and not self._by_method:
            self._exact = self._tables[None].exact

    def resolve(self, scope: Scope) -> Resolved:
        """Return the route of a request; call it once the framework has routed."""
        path = scope["path"]
        root = scope.get("root_path", "")
        # What Starlette's mounts add to the root path, they add to this one.
        entry_root = scope.get("app_root_path", root)
        if path in self._exact and root == entry_root and "route" not in scope:
            # Most requests end at this first look.
            return self._exact[path]
        if self._name is not None and (named := self._named(scope)) is not None:
            return named
        template = self._frameworks.template(scope, entry_root)
        if template in self._by_template:
            return self._by_template[template]
        for table in self._tables_for(scope):
            if template is not None and (found := table.by_template(template)):
                return self._remember(template, found)
            found = table.by_path(path, entry_root)
            if found is not None and (template is None or is_partial(template, path)):
                return found
        found = self._undeclared(template)
        return found if self._tables or template is None else self._remember(template, found)

    def _remember(self, template: str, route: Resolved) -> Resolved:
        """Remember the route of a template where neither path nor method may change it."""
        if not self._by_method and len(self._by_template) < MOST_REMEMBERED:
            self._by_template[template] = route
        return route

    def _tables_for(self, scope: Scope) -> list[_Table]:
        """Return the tables to look in, in this order."""
        tables = (self._tables.get(method) for method in (scope.get("method"), None))
        return [table for table in tables if table is not None]

    def _named(self, scope: Scope) -> Resolved | None:
        """Return the route that the application's own function names, or None if it names none."""
        try:
            name = _checked(self._name(scope)) if self._name is not None else None
        except Exception:  # noqa: BLE001 - the function is the user's, the stream must not pay
            self._on_error()
            return self._found[OTHER]
        if name is None:
            return None
        found = (table.by_template(name) for table in self._tables_for(scope))
        return next((route for route in found if route is not None), self._undeclared(name))

    def _undeclared(self, template: str | None) -> Resolved:
        label = OTHER if template is None else label_of(template)[:_LONGEST_NAME]
        found = self._found.get(label)
        if found is None:
            found = Resolved(label, self.default)
            # Templates come from the application's code, so they are few; what makes routes
            # without end is held back here, and once more where labels are given out.
            if len(self._found) < MOST_REMEMBERED:
                self._found[label] = found
        return found
