"""
Public names of the code: Python's and JavaScript's with their signatures, and the command line's.

Reads modules, declarations and commands as they are; knows no other contract.
"""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from typer.main import get_command

from sse_observe.cli.app import app
from sse_observe.cli.main import ExitCode
from tests.support.paths import ROOT

MODULES = (
    "sse_observe",
    "sse_observe.consumer",
    "sse_observe.errors",
    "sse_observe.reference",
    "sse_observe.reference.durable_streams",
    "sse_observe.reference.mcp_sessions",
    "sse_observe.reference.redis",
    "sse_observe.reference.store_contract",
    "sse_observe.wire",
)
"""Modules that others may import from."""
RETURNED = (
    "sse_observe.draining.app.Drain",
    "sse_observe.middleware.current_stream.CurrentStream",
)
"""Classes that nobody imports, and whose methods everybody calls."""
SINGLE = ("sse_observe.registry.multiprocess.child_exit",)
OPAQUE = ("SSEMetrics", "SSEObserveMiddleware")
"""Classes that others make and hand on; their methods are ours."""

DECLARATIONS = ROOT / "sse_observe/client/sse-observe.d.ts"
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def python() -> Iterator[str]:
    """Yield a line for each public name, method and exception of Python."""
    for name in MODULES:
        module = import_module(name)
        for public in _public(module):
            yield from _object(f"{name}.{public}", getattr(module, public))
    for path in (*RETURNED, *SINGLE):
        module, _, name = path.rpartition(".")
        yield from _object(path, getattr(import_module(module), name))


def _public(module: ModuleType) -> list[str]:
    stated = getattr(module, "__all__", None)
    own = [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    ]
    return sorted(stated or own)


def _object(path: str, value: object) -> Iterator[str]:
    if not inspect.isclass(value):
        yield from _callable(path, value)
        return
    bases = [base.__name__ for base in value.__bases__ if issubclass(value, Exception)]
    yield f"python {path}{' is ' + ', '.join(bases) if bases else ''}"
    if _is_made_by_us(value):
        yield from (line for line in _callable(path, value) if line != f"python {path}")
    if value.__name__ in OPAQUE:
        return
    for name, member in sorted(inspect.getmembers(value)):
        owner = next((base for base in value.__mro__ if name in vars(base)), object)
        if name.startswith(("_", "test_")) or not owner.__module__.startswith("sse_observe"):
            continue
        yield from _callable(f"{path}.{name}", member)


def _is_made_by_us(value: type) -> bool:
    """Tell whether a class says itself what it is made of: an exception or a protocol does not."""
    ours = [base for base in value.__mro__ if base.__module__.startswith("sse_observe")]
    makes = any({"__init__", "__new__"} & {*vars(base)} for base in ours)
    return makes and not getattr(value, "_is_protocol", False)


def _callable(path: str, value: object) -> Iterator[str]:
    """Yield a name, and each parameter: its place if it has one, its default if it has one."""
    yield f"python {path}"
    if not callable(value):
        return
    try:
        found = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return
    for place, one in enumerate((one for one in found if one.name != "self"), 1):
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        where = f"{place}: " if one.kind is one.POSITIONAL_OR_KEYWORD else ""
        default = "" if one.default is one.empty else f"={_plain(one.default)}"
        yield f"python {path}({where}{stars}{one.name}{default})"


def _plain(default: object) -> str:
    """Write a default whose text is the same in every run."""
    plain = (str, int, float, bool, tuple, type(None))
    return repr(default) if type(default) in plain else "…"


def javascript() -> Iterator[str]:
    """Yield a line for each export of the browser client, and for each of its members."""
    text = _COMMENT.sub("", DECLARATIONS.read_text())
    for statement in _split(text):
        if not statement.startswith("export "):
            continue
        head, brace, rest = statement.removeprefix("export ").partition(" {")
        if not brace or not re.match(r"(?:class|interface) ", head):
            yield f"js {statement.removeprefix('export ')}"
            continue
        yield f"js {head}"
        name = head.split()[1]
        for member in _split(rest.rpartition("}")[0]):
            yield f"js {name}.{member}"


def _split(text: str) -> Iterator[str]:
    """Yield statements in one line each: what ends in `;` or `}` outside of all brackets."""
    depth, begun = 0, 0
    for at, char in enumerate(text):
        if char in "{(":
            depth += 1
        elif char in "})":
            depth -= 1
        if depth == 0 and (char == ";" or (char == "}" and text[at + 1 : at + 2] == "\n")):
            statement = " ".join(text[begun : at + 1].split()).rstrip(";").strip()
            begun = at + 1
            if statement:
                yield statement


def commands() -> Iterator[str]:
    """Yield a line for each command, argument and option, and for each exit code."""
    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        yield f"cli {name}"
        for one in command.params:
            shown = " ".join(sorted((*one.opts, *one.secondary_opts)))
            if one.param_type_name == "argument":
                shown = one.metavar or one.name.upper()
            flag = " (flag)" if getattr(one, "is_flag", False) else ""
            several = " (several)" if getattr(one, "multiple", False) else ""
            yield f"cli {name} {shown}{flag}{several}"
    for code in ExitCode:
        yield f"exit {code.value} {code.name.lower()}"
