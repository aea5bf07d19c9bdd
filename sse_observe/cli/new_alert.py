"""`sse-observe new-alert`: write the page of an alert of one's own, to be filled in."""

from typing import Annotated

import typer

from sse_observe.cli.options import SettingsFile

EXTRA = "render"


def new_alert(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name: SSE, a capital, as SSEMyAlert.")
    ],
    settings: SettingsFile = None,
) -> None:
    """
    Write a page for an alert of your own, to be filled in.

    It goes into the folder that `extra_alerts` names, and renders as it is.
    """
    from sse_observe.render.new_alert import write_page
    from sse_observe.render.settings import FILE_NAME

    page = write_page(name, settings)
    typer.echo(f"{page.path} written")
    if page.missing:
        typer.echo(f"add this line to {settings or FILE_NAME}: {page.missing}")
    typer.echo("then fill it in and run: sse-observe render")
