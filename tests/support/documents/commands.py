"""The reference of the command line, as its commands state it."""

from collections.abc import Iterator

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from sse_observe.cli.app import app
from sse_observe.cli.extras import commands as extras
from tests.support.documents.tables import cell, table


def group() -> TyperGroup:
    """Return all commands."""
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def commands() -> str:
    """Return each command: its extra, its help, its arguments and its options."""
    found = group().commands
    return "\n".join(line for name in found for line in _command(name, found[name]))


def _command(name: str, command: TyperCommand) -> Iterator[str]:
    context = command.context_class(command, info_name=f"sse-observe {name}")
    yield from ("", f"## sse-observe {name}", "", "```text", command.get_usage(context), "```", "")
    yield from ((command.help or "").strip(), "")
    yield from (f"Needs `pip install 'sse-observe[{extras()[name.replace('-', '_')]}]'`.", "")
    rows = [_row(parameter) for parameter in command.params]
    yield from (table(("Argument or option", "Default", "Meaning"), rows), "")


def _row(parameter: TyperArgument | TyperOption) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if isinstance(parameter, TyperArgument):
        names = f"`{parameter.metavar}`"
    elif parameter.metavar:
        names += f" {parameter.metavar}"
    # A default that is a function depends on the machine.
    none = callable(parameter.default) or parameter.default in (None, False, (), [], "")
    return names, "–" if none else f"`{parameter.default}`", cell(parameter.help or "")
