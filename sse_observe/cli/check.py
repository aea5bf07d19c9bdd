"""`sse-observe check`: is this event stream all right, and which hop is it?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sse_observe.cli.options import AsJSON, SettingsFile, print_json
from sse_observe.errors import SSEObserveError

if TYPE_CHECKING:
    from sse_observe.check.output.document import Document
    from sse_observe.check.production.run import Surroundings
    from sse_observe.check.request import CheckRequest

EXTRA = "check"

_FAILED = 2


class Files(NamedTuple):
    """The files that a check writes, where they are asked for."""

    junit: Path | None
    html: Path | None
    summary: Path | None

    def named(self) -> Iterator[tuple[str, Path]]:
        """Yield each with its option."""
        options = ("--junit", self.junit), ("--html", self.html), ("--summary", self.summary)
        return ((option, path) for option, path in options if path is not None)


_LONG_SECONDS = 330.0


def check(
    url: Annotated[str, typer.Argument(metavar="URL", help="The event stream to check.")],
    *,
    method: Annotated[
        str | None, typer.Option(metavar="METHOD", help="GET; POST where --data is given.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="@FILE", help="The body, or @ and the file that holds it.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="'Name: value'", help="Sent with each request. Repeatable."),
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The environment variable that holds a bearer token."),
    ] = None,
    via: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="The same behind a hop; repeatable, outermost first."),
    ] = None,
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="auto, none, or a protocol such as openai-chat.")
    ] = "auto",
    terminal: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENT", help="An event that ends the stream. Repeatable."),
    ] = None,
    heartbeat: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="The heartbeat interval.", min=0.1)
    ] = None,
    resume: Annotated[bool, typer.Option(help="Also resume the stream.")] = False,
    hostile_cursors: Annotated[
        bool, typer.Option(help="Also resume with six bad cursors.")
    ] = False,
    parallel: Annotated[bool, typer.Option(help="Also open seven streams at once.")] = False,
    slow_reader: Annotated[bool, typer.Option(help="Also read nothing for five seconds.")] = False,
    hold: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Hold the stream open.", min=1)
    ] = None,
    long: Annotated[bool, typer.Option(help="Hold the stream open for 330 seconds.")] = False,
    origin: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask as a page of this origin does.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the service exports its metrics.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All of the above that need no value.")
    ] = False,
    repeat: Annotated[bool, typer.Option(help="Allow a POST to be sent more than once.")] = False,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to watch the stream.", min=0.5)
    ] = 3.0,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for anything.", min=1)
    ] = 15.0,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A certificate authority to trust too.")
    ] = None,
    insecure: Annotated[bool, typer.Option(help="Trust any certificate.")] = False,
    production: Annotated[
        bool, typer.Option(help="Also go through the fifteen points of the production checklist.")
    ] = False,
    prometheus: Annotated[
        str | None, typer.Option(metavar="URL", help="The Prometheus that has the rules.")
    ] = None,
    grafana: Annotated[
        str | None, typer.Option(metavar="URL", help="The Grafana that has the boards.")
    ] = None,
    grafana_token_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable that holds its token.")
    ] = None,
    users: Annotated[
        int, typer.Option(metavar="N", help="Open so many streams at once, for ten seconds.")
    ] = 0,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the checklist as Markdown.")
    ] = None,
    settings: SettingsFile = None,
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE:APP", help="Run this ASGI application; URL is then a path."),
    ] = None,
    factory: Annotated[bool, typer.Option(help="APP is a function that makes it.")] = False,
    workers: Annotated[
        int, typer.Option(envvar="WEB_CONCURRENCY", help="Workers in production.", min=1)
    ] = 1,
    upstream_script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Serve these answers behind the gateway, and compare."),
    ] = None,
    upstream_listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the gateway finds them.")
    ] = "127.0.0.1:9480",
    json: AsJSON = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one HTML page for a ticket.")
    ] = None,
) -> None:
    """
    Check an event stream, on anybody's server.

    The exit code is 0 where all is well, 1 for a warning, 2 for a failure or a wrong call.
    """
    from sse_observe.check.request import CheckRequest

    try:
        request = CheckRequest(
            url=url,
            method=method,
            data=data,
            headers=tuple(header or ()),
            token_env=token_env,
            via=tuple(via or ()),
            protocol=protocol,
            terminal_events=tuple(terminal or ()),
            heartbeat_seconds=heartbeat,
            resume=resume or every,
            hostile_cursors=hostile_cursors or every,
            parallel=parallel or every,
            slow_reader=slow_reader or every,
            hold_seconds=_LONG_SECONDS if long else hold,
            origin=origin,
            metrics=metrics,
            repeat=repeat,
            watch_seconds=seconds,
            timeout_seconds=timeout,
            authority=ca,
            insecure=insecure,
            production=production or summary is not None,
            prometheus=prometheus,
            grafana=grafana,
            grafana_token_env=grafana_token_env,
            users=users,
            app=app,
            factory=factory,
            workers=workers,
            upstream_script=upstream_script,
            upstream_listen=upstream_listen,
        )
        files = Files(junit=junit, html=html, summary=summary)
        code = _run(request, files, settings, json=json)
    except SSEObserveError as error:
        # 1 would be a warning about the stream; this is a call that could not be made.
        for line in str(error).splitlines():
            typer.echo(f"sse-observe: {line}", err=True)
        code = _FAILED
    raise typer.Exit(code)


def _run(request: "CheckRequest", files: Files, settings: Path | None, *, json: bool) -> int:
    """Examine, show and write; return the exit code."""
    import asyncio

    from sse_observe.check.output import terminal
    from sse_observe.check.output.document import document
    from sse_observe.check.production.run import assess, summary
    from sse_observe.report.output.file import check_path

    for option, path in files.named():
        check_path(path, option)
    surroundings = _surroundings(request, settings) if request.production else None
    with request.placed() as placed:
        setup = placed.setup()
        doctor = placed.doctor()
        stage = placed.stage()
        for line in terminal.plan_lines(doctor.plan()):
            typer.echo(line, err=True)
        if stage is not None:
            typer.echo(stage.plan(doctor.question, placed.options.hold_seconds), err=True)
        for line in surroundings.plan(doctor.question) if surroundings else ():
            typer.echo(line, err=True)
        with terminal.screen(silent=json) as screen:
            examining = (
                doctor.run(screen.changed)
                if stage is None
                else stage.compared(doctor, placed.asking, placed.options, screen.changed)
            )
            examination = asyncio.run(examining).beside(setup)
            points = (
                asyncio.run(
                    assess(
                        examination,
                        surroundings,
                        placed.asking,
                        repeat=placed.repeat,
                        begun=screen.begun,
                    )
                )
                if surroundings
                else []
            )
        found = document(examination, placed.secrets, points)
    if json:
        print_json(found)
    else:
        terminal.show(found, examination)
    _write(files, found, summary(found["points"], found["url"], found["began"]))
    return found["exit_code"]


def _surroundings(request: "CheckRequest", settings: Path | None) -> "Surroundings":
    # Imported here because only the checklist needs what renders rules.
    from sse_observe.render.bundle import catalogue

    catalog, _ = catalogue(settings)
    return request.surroundings(catalog)


def _write(files: Files, found: "Document", checklist: str) -> None:
    from sse_observe.check.output.html_page import html_page
    from sse_observe.check.output.junit import junit
    from sse_observe.report.output.file import write

    if files.junit is not None:
        write(files.junit, junit(found), "--junit")
    if files.html is not None:
        write(files.html, html_page(found), "--html")
    if files.summary is not None:
        write(files.summary, checklist, "--summary")
