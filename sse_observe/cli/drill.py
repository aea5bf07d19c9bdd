"""`sse-observe drill`: list the faults, or break streams on purpose and judge the alerts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sse_observe.cli.options import AsJSON, print_json
from sse_observe.errors import SettingsError

if TYPE_CHECKING:
    from sse_observe.lab.drill.fault import Fault
    from sse_observe.lab.drill.stack import Stack

EXTRA = "lab"


def drill(
    fault: Annotated[
        list[str] | None, typer.Argument(metavar="FAULT...", help="Names of faults.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run every fault, side by side.")] = False,
    json: AsJSON = False,
    prometheus: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Use your own Prometheus instead, in real time."),
    ] = None,
    alertmanager: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The Alertmanager that your Prometheus notifies."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where your Prometheus scrapes the drill. Default: 127.0.0.1:9470.",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'Name: value'",
            help="Sent to both of them with each request, such as a token. Repeatable.",
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The settings that your rules were rendered with."),
    ] = None,
) -> None:
    """
    Break streams on purpose and check that the right alerts fire.

    Without a fault, list all faults. The exit code is 0 if exactly the right alerts fired and
    resolved.
    """
    from sse_observe.lab.drill import view
    from sse_observe.lab.drill.external_stack import ExternalStackOptions, external_stack
    from sse_observe.lab.drill.faults import FAULTS, faults_named

    options = ExternalStackOptions(
        prometheus=prometheus,
        alertmanager=alertmanager,
        listen=listen,
        settings=settings,
        headers=tuple(header or ()),
    )
    if fault and every:
        raise SettingsError(f"{' '.join(fault)} --all: give a fault or --all, not both")
    if not fault and not every:
        if options:
            raise SettingsError("drill: give a fault or --all; without them it lists the faults")
        for line in view.listing():
            typer.echo(line)
        return
    faults = faults_named(*fault) if fault else FAULTS
    stack = external_stack(options, faults, lambda line: typer.echo(line, err=json))
    as_expected = _run_as_json(faults, stack) if json else _run(faults, stack)
    raise typer.Exit(0 if as_expected else 1)


def _run(faults: Sequence["Fault"], stack: "Stack | None") -> bool:
    """Print a drill as it goes; return whether it was as expected."""
    import asyncio

    from sse_observe.lab.drill import view
    from sse_observe.lab.drill.drill import Drill

    drill = Drill(faults, lambda event: typer.echo(view.line(event)), stack)
    typer.echo(view.opening(len(faults), drill.stack.scale, drill.healthy_seconds))
    results = asyncio.run(drill.run())
    for line in view.summary(results):
        typer.echo(line)
    return results.as_expected


def _run_as_json(faults: Sequence["Fault"], stack: "Stack | None") -> bool:
    """Print the document of a drill at its end; return whether it was as expected."""
    import asyncio

    from sse_observe.lab.drill.drill import Drill

    results = asyncio.run(Drill(faults, lambda _: None, stack).run())
    print_json(results.document())
    return results.as_expected
