"""
The reference of the Python names, as griffe reads them off the source.

`PUBLIC` is what we call public; a name that does not stand there may change any day.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import NamedTuple

import griffe

from tests.support.paths import ROOT

# A module whose names are not listed has an `__all__`.
PUBLIC: Mapping[str, tuple[str, ...]] = {
    "sse_observe": (),
    "sse_observe.middleware.current_stream": ("CurrentStream",),
    "sse_observe.registry.multiprocess": ("child_exit",),
    "sse_observe.draining.app": ("Drain",),
    "sse_observe.beacon": (),
    "sse_observe.exposition": (),
    "sse_observe.consumer": (),
    "sse_observe.reference": (),
    "sse_observe.reference.redis": (),
    "sse_observe.reference.durable_streams": (),
    "sse_observe.reference.mcp_sessions": ("ResumableSessionManager",),
    "sse_observe.reference.store_contract": (),
    "sse_observe.wire": ("encode", "Event", "Scanner", "WireError"),
    "sse_observe.errors": ("SSEObserveError", "SettingsError"),
}
METHODS: Mapping[str, tuple[str, ...]] = {
    "Beacon": (),
    "DurableStreamsApp": (),
    "MemoryStore": (),
    "MetricsApp": (),
    "RedisStore": ("from_url",),
    "ReferenceApp": (),
    "ResumableStreams": ("response", "resume", "stop"),
    "SSEMetrics": (),
    "SSEObserveMiddleware": (),
}
"""The methods of classes of which others are for our own use."""
GIVEN = (
    *("Beacon", "CurrentStream", "Drain", "DurableStreamsApp", "MetricsApp", "MetricsServer"),
    *("ReferenceApp", "ResumedStream"),
)
"""Classes that a function returns, and nobody else makes."""
TOOLS = ("boards", "catalog", "check", "cli", "lab", "probe", "render", "report")
"""What stands behind the commands has no public name: to read it took most of the time."""

_MEMBERS = ("attribute", "function")
_NAMED = re.compile(r"`[\w*]+`: ")


class Public(NamedTuple):
    """A public name: the module that it is imported from, and its source."""

    module: str
    name: str
    source: griffe.Object

    def members(self) -> Iterator[griffe.Object]:
        """Yield the public members of a class, in the order of the source."""
        if not self.source.is_class:
            return
        for name, member in self.source.members.items():
            if member.is_alias or member.kind.value not in _MEMBERS or name.startswith("_"):
                continue
            if name in METHODS.get(self.name, (name,)):
                yield member

    def parameters(self) -> list[griffe.Parameter]:
        """Return what it is called with; nothing for what nobody calls."""
        return [] if self.name in GIVEN else called_with(self.source)


@cache
def package() -> griffe.Object:
    """Return the package, read and not imported."""
    loader = griffe.GriffeLoader(search_paths=[ROOT], allow_inspection=False)
    found = loader.finder.submodules
    loader.finder.submodules = lambda module: [
        one for one in found(module) if one[0][0] not in TOOLS
    ]
    return loader.load("sse_observe")


def listed() -> Iterator[tuple[str, str]]:
    """Yield the first module that lists a public name, and the name; nothing is read for that."""
    seen: set[int] = set()
    for module, stated in PUBLIC.items():
        home = import_module(module)
        for name in stated or sorted(home.__all__):
            if id(getattr(home, name)) not in seen:
                seen.add(id(getattr(home, name)))
                yield module, name


def read(module: str, name: str) -> Public:
    """Return a public name as its source has it."""
    home = package()[module.partition(".")[2]] if "." in module else package()
    source = home[name]
    return Public(module, name, source.final_target if source.is_alias else source)


def public() -> Iterator[Public]:
    """Yield every public name once, at the first module that lists it."""
    return (read(module, name) for module, name in listed())


def called_with(source: griffe.Object) -> list[griffe.Parameter]:
    """Return the parameters of a function, or of a class's creation."""
    if source.is_class and "__new__" in source.members:
        source = source["__new__"]
    if source.is_class and any(str(base) == "NamedTuple" for base in source.bases):
        return [*_fields(source)]
    parameters = getattr(source, "parameters", ()) or ()
    return [each for each in parameters if each.name not in ("self", "cls")]


def _fields(source: griffe.Object) -> Iterator[griffe.Parameter]:
    """Yield the fields of a NamedTuple, as what it is called with."""
    kind = griffe.ParameterKind.positional_or_keyword
    for name, member in source.members.items():
        if member.is_attribute and "property" not in member.labels and member.annotation:
            yield griffe.Parameter(
                name, annotation=member.annotation, kind=kind, default=member.value
            )


def python_names() -> str:
    """Return every public name: how it is called, and what its docstring says."""
    lines: list[str] = []
    home = ""
    for one in public():
        if one.module != home:
            home = one.module
            lines += ["", f"## {home}"]
        lines += ["", f"### {one.name}", "", *_signature(one.name, one.source)]
        lines += ["", _words(one.source)]
        for member in one.members():
            if member.is_function:
                lines += ["", f"#### `{one.name}.{member.name}`", ""]
                lines += [*_signature(member.name, member), "", _words(member)]
            elif member.docstring and "property" in member.labels:
                lines += ["", f"`{member.name}`: {_words(member)}"]
    return "\n".join((*lines, ""))


def _words(source: griffe.Object) -> str:
    """Return a docstring; lines that begin with a name become a list."""
    text = source.docstring.value.strip() if source.docstring else ""
    lines: list[str] = []
    for line in text.splitlines():
        if _NAMED.match(line):
            if lines and lines[-1] and not lines[-1].startswith(("- ", "  ")):
                lines.append("")
            lines.append(f"- {line}")
        else:
            within = lines and lines[-1].startswith(("- ", "  ")) and line
            lines.append(f"  {line}" if within else line)
    return "\n".join(lines)


def _signature(name: str, source: griffe.Object) -> list[str]:
    """Return how it is called as a block of code; nothing for what is not called."""
    if name in GIVEN or not (source.is_function or source.is_class):
        return []
    keywords = False
    words = []
    for each in called_with(source):
        kind = each.kind.value
        if kind == "keyword-only" and not keywords:
            keywords = True
            words.append("*")
        keywords |= kind == "variadic positional"
        star = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        text = f"{star}{each.name}"
        text += f": {each.annotation}" if each.annotation is not None else ""
        text += f" = {each.default}" if each.default is not None and not star else ""
        words.append(text)
    awaited = "async " if "async" in source.labels else ""
    returned = getattr(source, "returns", None) if source.is_function else None
    result = f" -> {returned}" if returned is not None else ""
    line = f"{awaited}{name}({', '.join(words)}){result}"
    if len(line) > 90:
        line = f"{awaited}{name}(\n" + "".join(f"    {each},\n" for each in words) + f"){result}"
    return ["```python", line, "```"]
