"""
The prober's file: read, converted, and held to what could never be right.

Every mistake is one line: the file, the key, what is wrong, the remedy.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.question import Header, Question, header
from sse_observe.check.checks import every
from sse_observe.check.reading.dialect import Speech
from sse_observe.errors import CheckError, SSEObserveError
from sse_observe.probe.module import Config, Module, Secret, Target
from sse_observe.shown_url import shown_url

MOST_BYTES = 4 << 20
MOST_TARGETS = 2000
MOST_NAME = 120
_LEAST_INTERVAL, _MOST_INTERVAL = 5.0, 86_400.0
_MOST_SECRET_BYTES = 16 << 10
_SECONDS = ("seconds", "timeout_seconds", "heartbeat_seconds")
_MOST_SECONDS = 600.0
_NEED_A_VALUE = ("hold", "origin", "metrics")
"""Flags of checks that a module cannot give."""


@dataclass(frozen=True)
class Watched:
    """A target with its module: everything that is needed to ask."""

    name: str
    target: Target
    module_name: str
    module: Module


@dataclass(frozen=True)
class Loaded:
    """A file that was read: its targets by name, and the bodies of its modules."""

    config: Config
    targets: Mapping[str, Watched]
    bodies: Mapping[str, bytes]

    def find(self, text: str, module: str | None) -> Watched | None:
        """Return the target of a name or URL; of this module, where one is named."""
        for watched in self.targets.values():
            if text in (watched.name, watched.target.url) and module in (None, watched.module_name):
                return watched
        return None

    def question(self, url: str, module_name: str) -> Question:
        """Return the question that is put; AskError where a credential cannot be read."""
        module = self.config.modules[module_name]
        return Question(
            url=url,
            method=module.method,
            headers=tuple(_headers(module)),
            body=self.bodies.get(module_name, b""),
        )


def load(path: Path) -> Loaded:
    """Return what a file says; CheckError with a line for each mistake."""
    config = _converted(path, _yaml(path))
    mistakes = [f"{path}: {mistake}" for mistake in _mistakes(config)]
    if mistakes:
        raise CheckError("\n".join(mistakes))
    targets = [
        Watched(_name(each), each, each.module, config.modules[each.module])
        for each in config.targets
    ]
    bodies = {name: _body(path, name, module) for name, module in config.modules.items()}
    return Loaded(config, {each.name: each for each in targets}, bodies)


def _yaml(path: Path) -> object:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckError(f"{path}: is over {MOST_BYTES >> 20} MB")
        found: object = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CheckError(f"{path}: {reason}; name a file with modules and targets") from None
    # Also a ValueError: a date such as 2026-99-99, or what is no UTF-8.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CheckError(f"{path}: is no YAML: {' '.join(str(error).split())[:160]}") from None
    return found


T = TypeVar("T")


def _converted(path: Path, given: object) -> Config:
    """Return the file as its types say; each part by itself, so that a mistake has its place."""
    modules = given.get("modules") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(modules, dict) or not modules:
        raise CheckError(f"{path}: modules: give at least one, by its name")
    targets = given.get("targets") or []
    if not isinstance(targets, list):
        raise CheckError(f"{path}: targets: is no list")
    rest = {key: value for key, value in given.items() if key not in ("modules", "targets")}
    whole = _convert(path, "", {**rest, "modules": {}}, Config)
    return msgspec.structs.replace(
        whole,
        modules={
            str(name): _convert(path, f"modules.{name}", module or {}, Module)
            for name, module in modules.items()
        },
        targets=tuple(
            _convert(path, f"targets[{number}]", target, Target)
            for number, target in enumerate(targets)
        ),
    )


def _convert(path: Path, where: str, given: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `$")
        place = f"{where}{at.rstrip('`')}".lstrip(".")
        raise CheckError(f"{path}: {place + ': ' if place else ''}{what}; correct it") from None


def _name(target: Target) -> str:
    return target.name or shown_url(target.url).partition("?")[0]


def _mistakes(config: Config) -> Iterator[str]:
    if not 1 <= config.concurrency <= 500:
        yield f"concurrency: {config.concurrency} is outside 1 to 500"
    if len(config.targets) > MOST_TARGETS:
        yield f"targets: over {MOST_TARGETS}; start a second prober"
    for name, module in config.modules.items():
        yield from (f"modules.{name}: {mistake}" for mistake in _module_mistakes(module))
        if module.budget is not None and config.state_file is None:
            yield f"modules.{name}: budget: needs state_file, or a restart spends it again"
    seen: set[str] = set()
    for number, target in enumerate(config.targets):
        yield from (f"targets[{number}]: {line}" for line in _target_mistakes(config, target))
        if _name(target) in seen:
            yield f"targets[{number}]: {_name(target)} stands twice; give each a name of its own"
        seen.add(_name(target))


def _module_mistakes(module: Module) -> Iterator[str]:
    try:
        Speech(protocol=module.protocol, terminal_events=module.terminal_events)
    except SSEObserveError:
        yield f"protocol: {module.protocol!r} is not known, or a terminal event has no name"
    for field in _SECONDS:
        value = getattr(module, field)
        if value is not None and not 0 < value <= _MOST_SECONDS:
            yield f"{field}: {value:g} is outside 0 to {_MOST_SECONDS:g}"
    if module.asks and module.budget is None:
        yield f"method: a {module.method} needs a budget: a prober asks it for ever"
    if module.asks and module.resume:
        yield f"resume: a {module.method} is never sent twice"
    if module.body is not None and module.body_file is not None:
        yield "body: give it, or body_file, not both"
    known = {check.name for check in every() if check.flag not in _NEED_A_VALUE}
    for name in module.must.checks:
        if name not in known:
            words = ", ".join(sorted(known))
            yield f"must.checks: {name!r} is no check for a prober; choose of {words}"
    budget = module.budget
    if budget and (budget.requests_per_day < 1 or (budget.tokens_per_day or 1) < 1):
        yield "budget: give at least 1 a day"
    yield from _header_mistakes(module)


def _header_mistakes(module: Module) -> Iterator[str]:
    for name, value in module.headers.items():
        try:
            header(f"{name}: {value if isinstance(value, str) else 'x'}")
        except AskError:
            yield f"headers.{name}: is no header"
        if isinstance(value, Secret) and (value.env is None) == (value.file is None):
            yield f"headers.{name}: give env or file, one of them"
        elif isinstance(value, Secret) and value.env and not os.environ.get(value.env):
            yield f"headers.{name}: the variable {value.env} is not set; export it first"


def _target_mistakes(config: Config, target: Target) -> Iterator[str]:
    try:
        Question(url=target.url)
    except AskError as error:
        yield f"url: {error}"
    if target.module not in config.modules:
        known = ", ".join(config.modules)
        yield f"module: {target.module!r} is not among the modules ({known})"
    if target.interval is not None and not _LEAST_INTERVAL <= target.interval <= _MOST_INTERVAL:
        yield f"interval: {target.interval:g} is outside {_LEAST_INTERVAL:g} to {_MOST_INTERVAL:g}"
    if not 0 < len(_name(target)) <= MOST_NAME:
        yield f"name: give one of at most {MOST_NAME} characters"


def _body(path: Path, name: str, module: Module) -> bytes:
    if module.body_file is None:
        return (module.body or "").encode()
    where = f"{path}: modules.{name}: body_file: {module.body_file}"
    file = path.parent / module.body_file
    try:
        if file.stat().st_size > MOST_BYTES:
            raise CheckError(f"{where}: is over {MOST_BYTES >> 20} MB")
        return file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CheckError(f"{where}: {reason}") from None


def _headers(module: Module) -> Iterator[Header]:
    for name, value in module.headers.items():
        yield header(f"{name}: {value if isinstance(value, str) else _secret(name, value)}")


def _secret(name: str, secret: Secret) -> str:
    if secret.env is not None:
        return f"{secret.prefix}{os.environ.get(secret.env, '').strip()}"
    try:
        with Path(str(secret.file)).open("rb") as file:
            text = file.read(_MOST_SECRET_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        raise AskError("credentials", f"header {name}: {secret.file} cannot be read") from None
    return f"{secret.prefix}{text}"
