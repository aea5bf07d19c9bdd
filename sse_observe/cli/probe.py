"""`sse-observe probe`: event streams asked for ever, and exported to Prometheus."""

from pathlib import Path
from typing import Annotated

import typer

EXTRA = "check"


def probe(
    *,
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="The file with the modules and targets.")
    ],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where Prometheus finds this prober.")
    ] = "127.0.0.1:9470",
    open_targets: Annotated[
        bool,
        typer.Option(help="Ask whatever public address a request names, by GET alone."),
    ] = False,
    check_config: Annotated[
        bool, typer.Option(help="Read the file, say what is wrong with it, and end.")
    ] = False,
) -> None:
    """
    Ask event streams for ever and export what users see.

    SIGHUP, or a POST to /-/reload, reads the file again.
    """
    import asyncio
    import logging

    from sse_observe.probe import server
    from sse_observe.probe.config import load

    loaded = load(config)
    if check_config:
        count = len(loaded.targets)
        typer.echo(f"{config}: {len(loaded.config.modules)} modules, {count} targets")
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with server.listen(listen) as listener:
        typer.echo(f"Probing; metrics at http://{listen}/metrics", err=True)
        asyncio.run(server.run(config, listener, open_targets=open_targets))
