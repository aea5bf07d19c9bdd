"""`sse-observe runbook`: list the alerts, or show one alert's runbook in the terminal."""

from difflib import get_close_matches
from typing import Annotated

import typer

from sse_observe.cli.options import SettingsFile
from sse_observe.errors import SettingsError

EXTRA = "render"


def runbook(
    alert: Annotated[
        str | None, typer.Argument(metavar="ALERT", help="Name of an alert, in any case.")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """List all alerts, or show the runbook of one."""
    from rich.console import Console
    from rich.markdown import Markdown

    from sse_observe.render.bundle import catalogue
    from sse_observe.render.runbooks import runbooks

    catalog, chosen = catalogue(settings)
    if alert is None:
        for page in catalog.alerts:
            typer.echo(f"{page.name:<28}{page.severity:<10}{page.summary}")
        return
    name = _named(alert, [page.name for page in catalog.alerts])
    Console().print(Markdown(runbooks(catalog, chosen)[f"runbooks/{name}.md"]))


def _named(wanted: str, names: list[str]) -> str:
    """Return the alert that is meant, in any case of letters; SettingsError names the nearest."""
    known = {name.lower(): name for name in names}
    if wanted.lower() in known:
        return known[wanted.lower()]
    near = get_close_matches(wanted.lower(), known, n=1, cutoff=0.4)
    remedy = f"did you mean {known[near[0]]}?" if near else "`sse-observe runbook` lists them"
    raise SettingsError(f"{wanted}: no such alert; {remedy}")
