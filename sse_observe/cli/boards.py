"""`sse-observe boards`: the three boards of a Prometheus, live in the browser, without Grafana."""

from typing import Annotated

import typer

from sse_observe.cli.options import SettingsFile

EXTRA = "report"


def boards(
    *,
    prometheus: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="A Prometheus API: Prometheus, Mimir, Thanos or VictoriaMetrics.",
            show_default=False,
        ),
    ],
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'Name: value'", help="Sent with each query, such as a token. Repeatable."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port on 127.0.0.1; 0 takes a free one.", min=0)
    ] = 0,
    settings: SettingsFile = None,
) -> None:
    """
    Show the boards in the browser, live, without Grafana.

    Asks a Prometheus and changes nothing there. Serves this machine alone, until Ctrl-C.
    """
    from sse_observe.boards.app import BoardsApp
    from sse_observe.boards.reader import TIMEOUT_SECONDS, BoardReader
    from sse_observe.boards.server import listen, serve
    from sse_observe.render.bundle import catalogue
    from sse_observe.report.query.source import Source

    catalog, tuned = catalogue(settings)
    source = Source(prometheus, header or (), timeout=TIMEOUT_SECONDS)
    reader = BoardReader(source, catalog, tuned)
    listener = listen(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    typer.echo(f"Boards of {source.url}: {address}  (Ctrl-C ends)")
    serve(BoardsApp(catalog, tuned, lambda: reader), listener)
