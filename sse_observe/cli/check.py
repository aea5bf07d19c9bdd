"""`sse-observe check`: is this event stream all right, and which hop is it?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sse_observe.cli.options import AsJSON, print_json
from sse_observe.errors import SSEObserveError

if TYPE_CHECKING:
    from sse_observe.check.request import CheckRequest

EXTRA = "check"

_FAILED = 2
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
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE:APP", help="Run this ASGI application; URL is then a path."),
    ] = None,
    factory: Annotated[bool, typer.Option(help="APP is a function that makes it.")] = False,
    workers: Annotated[
        int, typer.Option(envvar="WEB_CONCURRENCY", help="Workers in production.", min=1)
    ] = 1,
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
        app=app,
        factory=factory,
        workers=workers,
    )
    try:
        code = _run(request, json=json, junit=junit, html=html)
    except SSEObserveError as error:
        # 1 would be a warning about the stream; this is a call that could not be made.
        for line in str(error).splitlines():
            typer.echo(f"sse-observe: {line}", err=True)
        code = _FAILED
    raise typer.Exit(code)


def _run(request: "CheckRequest", *, json: bool, junit: Path | None, html: Path | None) -> int:
    """Examine, show and write; return the exit code."""
    import asyncio

    from rich.console import Console

    from sse_observe.check.output import html_page, terminal
    from sse_observe.check.output.document import document
    from sse_observe.check.output.junit import junit as junit_xml
    from sse_observe.report.output.file import check_path, write

    for option, path in (("--junit", junit), ("--html", html)):
        if path is not None:
            check_path(path, option)
    with request.placed() as placed:
        setup = placed.setup()
        doctor = placed.doctor()
        for line in terminal.plan_lines(doctor.plan()):
            typer.echo(line, err=True)
        with terminal.screen(silent=json) as screen:
            examination = asyncio.run(doctor.run(screen.changed)).beside(setup)
        found = document(examination, placed.secrets)
    if json:
        print_json(found)
    else:
        terminal.table(found, examination, Console())
    if junit is not None:
        write(junit, junit_xml(found), "--junit")
    if html is not None:
        write(html, html_page.html_page(found), "--html")
    return examination.exit_code
