"""`sse-observe demo`: watch streams, their numbers and an alert in the terminal."""

from typing import Annotated

import typer

from sse_observe.cli.options import AsJSON, print_json

EXTRA = "lab"


def demo(
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop after so many seconds.", min=1)
    ] = None,
    json: AsJSON = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the service; 0 takes a free one.", min=0)
    ] = 0,
    users: Annotated[
        int, typer.Option(metavar="N", help="Number of synthetic users.", min=1, max=200)
    ] = 25,
) -> None:
    """Watch streams, their numbers and an alert, all on this machine."""
    import asyncio

    from sse_observe.lab.demo.demo import Demo
    from sse_observe.lab.demo.view import Screen

    with Screen(document=json) as screen:
        summary = asyncio.run(Demo(users, port, duration, screen.show).run())
    if json:
        print_json(summary)
