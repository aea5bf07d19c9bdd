"""
The facts of an application's set-up, read from the application itself in a process of its own.

`python -m sse_observe.check.local.facts module:app` prints them as JSON; `facts()` runs that.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import TypedDict

from sse_observe.beacon.app import Beacon
from sse_observe.errors import CheckError
from sse_observe.middleware.app import SSEObserveMiddleware

SECONDS = 60
_DEEPEST = 50
OURS = SSEObserveMiddleware.__name__


class Facts(TypedDict):
    """The set-up: middleware outermost first, templates, and what else is mounted."""

    middleware: list[str]
    declared: list[str]
    templates: list[str]
    beacon: bool
    readable: bool
    """Whether the application could be looked into at all."""


def facts(target: str, *, factory: bool = False) -> Facts:
    """Return the facts of `module:app`; CheckError is one line."""
    words = [sys.executable, "-m", __name__, target, *(["--factory"] if factory else [])]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise CheckError(f"--app {target}: importing it takes over {SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise CheckError(f"--app {target}: {lines[-1] if lines else 'cannot be imported'}")
    found: Facts = json.loads(done.stdout.splitlines()[-1])
    return found


def read(application: object) -> Facts:
    """Return the facts of an application that is here."""
    found = Facts(middleware=[], declared=[], templates=[], beacon=False, readable=False)
    for layer in _layers(application):
        _read_layer(layer, found)
    return found


def _layers(application: object) -> Iterator[object]:
    """Yield the application, and what it wraps, outermost first."""
    layer: object | None = application
    for _ in range(_DEEPEST):
        if layer is None:
            return
        yield layer
        layer = getattr(layer, "app", None)


def _read_layer(layer: object, found: Facts) -> None:
    if isinstance(layer, SSEObserveMiddleware):
        _ours(found, {route.label for route in layer._routes.declared})  # noqa: SLF001 - ours
        return
    # Starlette and what is built on it keep their middleware as classes with arguments.
    kept = getattr(layer, "user_middleware", None)
    for one in kept if isinstance(kept, list) else ():
        cls, given = getattr(one, "cls", None), getattr(one, "kwargs", {})
        if cls is SSEObserveMiddleware:
            _ours(found, set(given.get("routes") or ()))
        else:
            found["middleware"].append(getattr(cls, "__name__", str(cls)))
    if kept is None and hasattr(layer, "app"):
        found["middleware"].append(type(layer).__name__)
    routes = getattr(layer, "routes", None)
    if isinstance(routes, list):
        found["readable"] = True
        _read_routes(routes, found)


def _ours(found: Facts, declared: set[str]) -> None:
    found["middleware"].append(OURS)
    found["declared"] += sorted(declared)
    found["readable"] = True


def _read_routes(routes: list[object], found: Facts) -> None:
    for route in routes:
        path = getattr(route, "path", None)
        if isinstance(path, str):
            found["templates"].append(path)
        found["beacon"] = found["beacon"] or isinstance(getattr(route, "app", None), Beacon)


def _import(target: str, *, factory: bool) -> object:
    module, _, name = target.partition(":")
    application: object = importlib.import_module(module)
    for part in name.removesuffix("()").split("."):
        application = getattr(application, part)
    if (factory or name.endswith("()")) and callable(application):
        application = application()
    return application


def _main(words: list[str]) -> Mapping[str, object]:
    sys.path.insert(0, "")
    return read(_import(words[0], factory="--factory" in words))


if __name__ == "__main__":
    # Whatever the application prints when it is imported comes before the last line.
    print(json.dumps(_main(sys.argv[1:])))  # noqa: T201 - this is its answer
