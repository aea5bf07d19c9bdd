"""`sse-observe report`: one file about an incident."""

from pathlib import Path
from typing import Annotated

import typer

from sse_observe.cli.options import SettingsFile, print_json

EXTRA = "report"


def report(
    *,
    prometheus: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="A Prometheus API: Prometheus, Mimir, Thanos or VictoriaMetrics.",
            show_default=False,
        ),
    ],
    since: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="Start: a duration before now, such as 6h, or an ISO 8601 time."
        ),
    ] = "24h",
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="End, written like --since. Default: now.")
    ] = None,
    route: Annotated[
        str | None, typer.Option(metavar="ROUTE", help="Report on this route only.")
    ] = None,
    alert: Annotated[
        str | None, typer.Option(metavar="NAME", help="Report on this alert only.")
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A log file, JSON or text. Secrets in it are masked."),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'Name: value'", help="Sent with each query, such as a token. Repeatable."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The HTML file to write. Default: incident.html."),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON document. Write HTML only with --out."),
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """
    Write one HTML file about an incident.

    It shows which alerts fired, who was affected, plots, log lines and runbooks.
    """
    from sse_observe.report.output.file import check_path, write
    from sse_observe.report.output.json_document import json_document
    from sse_observe.report.output.progress import progress_bar
    from sse_observe.report.run import ReportRequest, run_report

    path = out or (None if json else Path("incident.html"))
    if path is not None:
        check_path(path)
    request = ReportRequest(
        prometheus=prometheus,
        since=since,
        until=until,
        route=route,
        alert=alert,
        logs=logs,
        headers=tuple(header or ()),
        settings=settings,
    )
    with progress_bar() as on_progress:
        found = run_report(request, on_progress)
    if path is not None:
        from sse_observe.report.output.html_file import html_file

        write(path, html_file(found))
        typer.echo(f"{path} written", err=json)
    if json:
        print_json(json_document(found))
    if not found.complete:
        failed = {one.name: one.reason for one in found.incident.failures}
        name, reason = next(iter(failed.items()))
        typer.echo(
            f"sse-observe: partial: {len(failed)} queries failed or returned only a part; "
            f"the first is {name}: {reason}",
            err=True,
        )
        raise typer.Exit(1)
