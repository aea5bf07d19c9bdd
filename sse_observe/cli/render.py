"""`sse-observe render`: write the bundle, or compare it with the files that are there."""

from pathlib import Path
from typing import Annotated

import typer

from sse_observe.cli.options import SettingsFile, warn
from sse_observe.render.targets import names

EXTRA = "render"


def render(
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")
    ] = Path(),
    settings: SettingsFile = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing. Print a diff and exit 1 if files differ."),
    ] = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help=f"Also write the bundle as another system takes it: {', '.join(names())}. "
            "May be given several times.",
        ),
    ] = None,
    print_settings: Annotated[
        bool,
        typer.Option(
            "--print-settings",
            help="Write nothing. Print a settings file with every key, commented.",
        ),
    ] = False,
) -> None:
    """
    Write dashboards/, alerts/ and runbooks/.

    With --check, compare the files that are there with what would be written.
    """
    from sse_observe.render.bundle import catalogue, render_to
    from sse_observe.render.check import check as compare
    from sse_observe.render.settings_example import settings_example

    if print_settings:
        catalog, tuned = catalogue(settings)
        typer.echo(settings_example(tuned, catalog), nl=False)
        return
    targets = target or []
    if check:
        differences = compare(out, settings, targets)
        warn(differences.warnings)
        typer.echo(differences.diff, nl=False)
        for line in differences.lines():
            typer.echo(f"sse-observe: {line}", err=True)
        raise typer.Exit(1 if differences.count else 0)
    written = render_to(out, settings, targets)
    warn(written.warnings)
    for line in written.changes:
        typer.echo(line)
    typer.echo(f"{len(written.files)} files written to {out.resolve()}")
