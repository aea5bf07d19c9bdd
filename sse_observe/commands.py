"""The commands of `sse-observe`: reads options, prints lines, sets exit codes; the work is below."""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sse_observe.errors import SSEObserveError

app = typer.Typer(
    name="sse-observe",
    help="Observability and alerting for Server-Sent Events.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Settings = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="Settings; without it ./sse-observe.yaml where there is one, else the defaults.",
    ),
]


def run() -> NoReturn:
    """Run the command line; every error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except SSEObserveError as error:
        for line in str(error).splitlines():
            typer.echo(f"sse-observe: {line}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _version(wanted: bool) -> None:
    if wanted:
        from sse_observe.metrics import package_version

        typer.echo(f"sse-observe {package_version()}")
        raise typer.Exit


@app.callback()
def sse_observe(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Observability and alerting for Server-Sent Events."""


@app.command()
def render(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the three folders are written.")
    ] = Path(),
    settings: Settings = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 and a diff where the files differ."),
    ] = False,
) -> None:
    """Write dashboards/, alerts/ and runbooks/, or check that they are up to date."""
    raise NotImplementedError(out, settings, check)


@app.command()
def runbook(
    alert: Annotated[str | None, typer.Argument(metavar="[ALERT]")] = None,
    settings: Settings = None,
) -> None:
    """List the runbooks, or show one."""
    raise NotImplementedError(alert, settings)


@app.command()
def demo(
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End by itself after so long.", min=1)
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document at the end, nothing else.")
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the service; 0 takes a free one.", min=0)
    ] = 0,
    users: Annotated[int, typer.Option(metavar="N", help="Synthetic users.", min=1, max=200)] = 25,
) -> None:
    """Watch streams, their numbers and an alert, on this machine only."""
    raise NotImplementedError(duration, json, port, users)
