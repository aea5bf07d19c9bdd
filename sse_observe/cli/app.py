"""The typer application: every command of this package, and `--version`."""

from importlib import import_module
from typing import Annotated

import typer

from sse_observe.cli.extras import commands

app = typer.Typer(
    name="sse-observe",
    help="Observability and alerting for Server-Sent Events.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for _name in commands():
    app.command()(getattr(import_module(f"sse_observe.cli.{_name}"), _name))


def _version(wanted: bool) -> None:
    if wanted:
        # Imported here because only this option needs prometheus_client.
        from sse_observe.registry import package_version

        typer.echo(f"sse-observe {package_version()}")
        raise typer.Exit


@app.callback()
def sse_observe(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Observability and alerting for Server-Sent Events."""
