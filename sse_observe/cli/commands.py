"""The commands of `sse-observe`: read options, print lines, set exit codes."""

import signal
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sse_observe.errors import SettingsError, SSEObserveError

if TYPE_CHECKING:
    from sse_observe.lab.demo.view import Moment
    from sse_observe.lab.drill.scenario_run import Happening

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
    # A shell's background job inherits that Ctrl-C is ignored, and could not be ended at all.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A job's time limit comes as SIGTERM: like Ctrl-C, it ends what was started, in order.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
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
        from sse_observe.registry import package_version

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
    kubernetes: Annotated[
        bool,
        typer.Option("--kubernetes", help="Write kubernetes/ too: PrometheusRules, ConfigMaps."),
    ] = False,
    provisioning: Annotated[
        bool,
        typer.Option("--provisioning", help="Write provisioning/ too: a stack to `compose up`."),
    ] = False,
) -> None:
    """Write dashboards/, alerts/ and runbooks/, or check that they are up to date."""
    from sse_observe.render.bundle import render_to
    from sse_observe.render.check import check as compare

    asked = {"kubernetes": kubernetes, "provisioning": provisioning}
    targets = [name for name, wanted in asked.items() if wanted]
    if check:
        report = compare(out, settings, targets)
        _warn(report.warnings)
        typer.echo(report.diff, nl=False)
        for line in report.lines():
            typer.echo(f"sse-observe: {line}", err=True)
        raise typer.Exit(1 if report.count else 0)
    written, warnings = render_to(out, settings, targets)
    _warn(warnings)
    typer.echo(f"{len(written)} files written to {out.resolve()}")


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        typer.echo(f"sse-observe: warning: {warning}", err=True)


@app.command()
def runbook(
    alert: Annotated[str | None, typer.Argument(metavar="[ALERT]")] = None,
    settings: Settings = None,
) -> None:
    """List the runbooks, or show one."""
    from rich.console import Console
    from rich.markdown import Markdown

    from sse_observe.render.bundle import catalogue
    from sse_observe.render.runbooks import runbooks

    catalog, chosen = catalogue(settings)
    names = {page.name.lower(): page.name for page in catalog.alerts}
    if alert is None:
        for page in catalog.alerts:
            typer.echo(f"{page.name:<28}{page.severity:<10}{page.summary}")
        return
    name = names.get(alert.lower())
    if name is None:
        near = get_close_matches(alert.lower(), names, n=1, cutoff=0.4)
        remedy = f"did you mean {names[near[0]]}?" if near else "`sse-observe runbook` lists them"
        raise SettingsError(f"{alert}: no such alert; {remedy}")
    Console().print(Markdown(runbooks(catalog, chosen)[f"runbooks/{name}.md"]))


@app.command()
def report(
    *,
    prometheus: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Its API: Prometheus, Mimir, Thanos, VictoriaMetrics.",
            show_default=False,
        ),
    ],
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="A duration before now, or a time (ISO 8601).")
    ] = "24h",
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="The end of the window; else now.")
    ] = None,
    route: Annotated[str | None, typer.Option(metavar="R", help="One route alone.")] = None,
    alert: Annotated[str | None, typer.Option(metavar="NAME", help="One alert alone.")] = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A log, JSON or text; secrets are masked.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="'Name: value'", help="Sent with each query, such as a token."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The HTML file; else incident.html.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; an HTML file only with --out.")
    ] = False,
    settings: Settings = None,
) -> None:
    """Write one file about an incident: what fired, who was affected, plots, logs, runbooks."""
    from json import dumps

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
        typer.echo(dumps(json_document(found), indent=2))
    if not found.complete:
        failed = {one.name: one.reason for one in found.incident.failures}
        name, reason = next(iter(failed.items()))
        typer.echo(
            f"sse-observe: partial: {len(failed)} queries failed or returned only a part; "
            f"the first is {name}: {reason}",
            err=True,
        )
        raise typer.Exit(1)


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
    import asyncio
    from json import dumps

    from rich.console import Console
    from rich.live import Live

    from sse_observe.lab.demo.demo import Demo
    from sse_observe.lab.demo.view import frame, news

    console = Console(stderr=json)
    told: list[object] = []
    passing = json or not console.is_terminal
    with Live(console=console, auto_refresh=False, transient=passing) as live:

        def show(moment: "Moment") -> None:
            if console.is_terminal:
                live.update(frame(moment), refresh=True)
            elif not json and told[-1:] != [news(moment)]:
                # A pipe has no screen to draw over: one frame for each turn of events.
                told.append(news(moment))
                console.print(frame(moment))

        summary = asyncio.run(Demo(users, port, duration, show).run())
    if json:
        typer.echo(dumps(summary, indent=2))


@app.command()
def drill(
    fault: Annotated[str | None, typer.Argument(metavar="[FAULT]")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every fault, side by side.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document at the end, nothing else.")
    ] = False,
    prometheus: Annotated[
        str | None, typer.Option(metavar="URL", help="Let your own Prometheus watch, in real time.")
    ] = None,
    alertmanager: Annotated[
        str | None, typer.Option(metavar="URL", help="The Alertmanager that it tells.")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where it scrapes the drill [127.0.0.1:9470]."),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The settings that its rules were rendered with."),
    ] = None,
) -> None:
    """List the faults, or break a stream on purpose and see exactly the right alerts fire."""
    import asyncio
    from json import dumps

    from sse_observe.lab.drill import timeline
    from sse_observe.lab.drill.faults import FAULTS
    from sse_observe.lab.drill.faults import fault as named

    theirs = (prometheus, alertmanager, listen, settings)
    if fault is not None and every:
        raise SettingsError(f"{fault} --all: one or all; leave one of them out")
    if fault is None and not every:
        if any(theirs):
            raise SettingsError("drill: name a fault, or --all; alone it lists the faults")
        for line in timeline.listing():
            typer.echo(line)
        return
    faults = FAULTS if fault is None else (named(fault),)

    from sse_observe.lab.drill.drill import Drill
    from sse_observe.lab.drill.external_stack import their_stack

    def tell(happening: "Happening") -> None:
        if not json:
            typer.echo(timeline.line(happening))

    stack = their_stack(theirs, faults, lambda words: typer.echo(words, err=json))
    drill = Drill(faults, tell, stack)
    if not json:
        typer.echo(timeline.opening(drill))
    report = asyncio.run(drill.run())
    if json:
        typer.echo(dumps(timeline.document(report), indent=2))
    else:
        for line in timeline.verdicts(report):
            typer.echo(line)
    raise typer.Exit(0 if report.as_expected else 1)
