"""
The same endings in every framework, for servers that run in a process of their own.

`ENDING_APP` names the framework, the path the ending, as in `outcomes`. /metrics is outside, and
so is /lost/PORT: it lets TCP give up on that client within a second, and says whether it has.
"""

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path

import aiohttp

from sse_observe import SSEObserveMiddleware, StreamRoute, current_stream, metrics_app
from tests.support.outcomes import ENDINGS, LEAVING

EVENT = b"id: 1\ndata: first\n\n"
HALF = b"data: ha"
DONE = b"event: done\ndata: {}\n\n"
DONE_DATA = b"data: [DONE]\n\n"
ERROR = b"event: error\ndata: upstream\n\n"
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
PATHS = [f"/{ending}" for ending in (*ENDINGS, "resumed")]


def released(ending):
    """Whether the test lets this stream end by itself now."""
    return (Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]) / f"released-{ending}").exists()


async def until_released(ending):
    """Wait for that; it comes from another process, and may overtake the FIN."""
    while not released(ending):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)


async def fail(kind):
    """Fail as an application's upstream does, in the class of a client that left: OSError."""
    if kind == "timeout":
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    elif kind == "refused":
        await asyncio.open_connection("127.0.0.1", 1)
    elif kind == "client":
        async with aiohttp.ClientSession() as session:
            await session.get("http://127.0.0.1:1/")
    elif kind == "reset":
        raise ConnectionResetError("upstream reset the connection")
    elif kind == "file":
        raise FileNotFoundError(2, "No such file or directory", "prompt.txt")
    else:
        raise RuntimeError("the source failed")


async def bodies(ending, *, ends=False):
    """Yield what the ending sends, and end like it; `ends`: by itself after the client left."""
    if ending == "fail-early":
        raise RuntimeError("the source failed")
    yield HALF if ending == "close-half" else EVENT
    if ending == "done":
        yield DONE
    elif ending == "done-data":
        yield DONE_DATA
    elif ending == "unread":
        # 12 MB: twice what servers take before they let an application wait.
        for _ in range(30):
            yield b"data: " + b"x" * 400_000 + b"\n\n"
            await asyncio.sleep(0.01)
        await until_released(ending)
        # A send-only application sends it to nobody.
        yield EVENT
    elif ending in LEAVING:
        if ending == "error-hangup":
            yield ERROR
        while not (ends and released(ending)):
            if ending == "vanish":
                yield EVENT
            await asyncio.sleep(0.05)
        # The release may have come faster than the FIN.
        await asyncio.sleep(0.3)
        if ending != "error-hangup":
            yield EVENT
    elif ending.startswith("fail-"):
        await fail(ending.removeprefix("fail-"))
    elif ending == "error-event":
        yield ERROR
    elif ending == "stopped":
        current_stream().end_reason("cancelled")
    elif ending == "cancel":
        raise asyncio.CancelledError
    elif ending == "sigterm-within":
        await until_released(ending)
    elif ending == "sigterm-past":
        await asyncio.Event().wait()


async def answer(scope, receive, send, ending):
    """Answer what is no stream; tell whether that was it."""
    status = {"nothing": 204, "refused": 404}.get(ending)
    if status is None:
        return False
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body"})
    return True


async def _stream(send, source):
    first = await anext(source)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for body in source:
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})


async def send_only(scope, receive, send):
    """Never ask the server whether the client is there, and go on sending when it is not."""
    ending = scope["path"][1:]
    if not await answer(scope, receive, send, ending):
        await _stream(send, bodies(ending, ends=True))


async def listening(scope, receive, send):
    """Stop as soon as the server says that the client left."""
    ending = scope["path"][1:]
    if await answer(scope, receive, send, ending):
        return

    async def listen():
        while (await receive())["type"] != "http.disconnect":
            pass

    work, gone = asyncio.create_task(_stream(send, bodies(ending))), asyncio.create_task(listen())
    await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if work.done():
        work.result()
    else:
        work.cancel()


def starlette_app():
    """Return Starlette's StreamingResponse."""
    from starlette.applications import Starlette
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    async def stream(request):
        ending = request.url.path[1:]
        if ending in ("nothing", "refused"):
            return Response(status_code=204 if ending == "nothing" else 404)
        if ending == "fail-early":
            raise RuntimeError("the source failed")
        return StreamingResponse(bodies(ending), media_type="text/event-stream")

    return Starlette(routes=[Route(path, stream) for path in PATHS])


def sse_starlette_app():
    """Return sse-starlette's EventSourceResponse."""
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def stream(request):
        ending = request.url.path[1:]
        if ending in ("nothing", "refused"):
            return Response(status_code=204 if ending == "nothing" else 404)
        if ending == "fail-early":
            raise RuntimeError("the source failed")
        return EventSourceResponse(bodies(ending), headers={"cache-control": "no-cache"})

    return Starlette(routes=[Route(path, stream) for path in PATHS])


def fastapi_app():
    """Return FastAPI's native streams; they write events themselves, so halves cannot be."""
    from fastapi import FastAPI, Request
    from fastapi.responses import Response
    from fastapi.sse import EventSourceResponse, ServerSentEvent

    app = FastAPI()
    wire = {
        EVENT: ServerSentEvent(raw_data="first", id="1"),
        DONE: ServerSentEvent(raw_data="{}", event="done"),
        DONE_DATA: ServerSentEvent(raw_data="[DONE]"),
        ERROR: ServerSentEvent(raw_data="upstream", event="error"),
    }

    async def stream(request: Request):
        async for body in bodies(request.url.path[1:]):
            yield wire.get(body) or ServerSentEvent(raw_data=body[6:-2].decode())

    async def refuse(request: Request):
        if request.url.path == "/fail-early":
            raise RuntimeError("the source failed")
        return Response(status_code=204 if request.url.path == "/nothing" else 404)

    for path in PATHS:
        if path in ("/nothing", "/refused", "/fail-early"):
            app.get(path)(refuse)
        else:
            app.get(path, response_class=EventSourceResponse)(stream)
    return app


def django_app():
    """Return Django's asynchronous StreamingHttpResponse."""
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import path

    async def stream(request, ending):
        if ending in ("nothing", "refused"):
            return HttpResponse(status=204 if ending == "nothing" else 404)
        if ending == "fail-early":
            raise RuntimeError("the source failed")
        return StreamingHttpResponse(bodies(ending), content_type="text/event-stream")

    class Urls:
        urlpatterns = [path("<str:ending>", stream)]  # noqa: RUF012

    settings.configure(
        DEBUG=False,
        SECRET_KEY="x",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=Urls,
        LOGGING_CONFIG=None,
        USE_TZ=True,
    )
    django.setup()
    return get_asgi_application()


def given_up(port):
    """Let TCP give up on a client within a second of its silence; tell whether it has."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not str(link.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(link.name))) as one:
                if one.family == socket.AF_INET and one.getpeername()[1] == port:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000)
                    return False
    return True


def build(name):
    """Return one framework's application, observed, with /metrics beside it."""
    inner = {
        "send-only": lambda: send_only,
        "watched": lambda: send_only,
        "listening": lambda: listening,
        "starlette": starlette_app,
        "sse-starlette": sse_starlette_app,
        "fastapi": fastapi_app,
        "django": django_app,
    }[name]()

    async def pass_lifespan(scope, receive, send):
        """Let the two plain applications have a life cycle as the frameworks do."""
        if scope["type"] != "lifespan" or name not in ("send-only", "watched", "listening"):
            await inner(scope, receive, send)
            return
        for _ in range(2):
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})

    routes = {path: StreamRoute(watch_disconnect=name == "watched") for path in PATHS}
    observed = SSEObserveMiddleware(pass_lifespan, routes=routes)
    numbers = metrics_app()

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/metrics":
            await numbers(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/lost/"):
            gone = given_up(int(scope["path"].rpartition("/")[2]))
            status = 200 if gone else 202
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body"})
        else:
            await observed(scope, receive, send)

    return app


app = build(os.environ["ENDING_APP"]) if "ENDING_APP" in os.environ else None
