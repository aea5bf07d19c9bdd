"""`sse-observe render`: write the bundle, or compare it with the files that are there."""

from pathlib import Path
from typing import Annotated

import typer

from sse_observe.cli.options import SettingsFile, warn

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
    kubernetes: Annotated[
        bool,
        typer.Option("--kubernetes", help="Also write kubernetes/: PrometheusRules, ConfigMaps."),
    ] = False,
    provisioning: Annotated[
        bool,
        typer.Option("--provisioning", help="Also write provisioning/: a Docker Compose stack."),
    ] = False,
) -> None:
    """
    Write dashboards/, alerts/ and runbooks/.

    With --check, compare the files that are there with what would be written.
    """
    from sse_observe.render.bundle import render_to
    from sse_observe.render.check import check as compare

    asked = {"kubernetes": kubernetes, "provisioning": provisioning}
    targets = [name for name, wanted in asked.items() if wanted]
    if check:
        differences = compare(out, settings, targets)
        warn(differences.warnings)
        typer.echo(differences.diff, nl=False)
        for line in differences.lines():
            typer.echo(f"sse-observe: {line}", err=True)
        raise typer.Exit(1 if differences.count else 0)
    written, warnings = render_to(out, settings, targets)
    warn(warnings)
    typer.echo(f"{len(written)} files written to {out.resolve()}")
