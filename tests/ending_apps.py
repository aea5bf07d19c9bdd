"""
The same endings in every framework, for servers that run in a process of their own.

`ENDING_APP` names the framework. The path names the ending: /done /done-data /plain /hold
/fail-early /fail-mid /cancel /deaf /nothing (204) /refused (404); /metrics is outside.
"""

import asyncio
import os

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app

EVENT = b"id: 1\ndata: first\n\n"
HALF = b"data: ha"
DONE = b"event: done\ndata: {}\n\n"
DONE_DATA = b"data: [DONE]\n\n"
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
ROUTES = {
    f"/{name}": StreamRoute()
    for name in (
        *("done", "done-data", "plain", "hold", "hold-half", "fail-early", "fail-mid", "cancel"),
        *("flood", "nothing", "refused", "slow-end"),
    )
}


async def bodies(ending):
    """Yield what the ending sends, and end like it."""
    if ending == "fail-early":
        raise RuntimeError("the source failed")
    yield HALF if ending == "hold-half" else EVENT
    if ending == "done":
        yield DONE
    elif ending == "done-data":
        yield DONE_DATA
    elif ending in ("hold", "hold-half"):
        await asyncio.Event().wait()
    elif ending == "slow-end":
        await asyncio.sleep(0.4)
    elif ending == "flood":
        # 40 MB: ten times what servers take before they let an application wait.
        for _ in range(100):
            yield b"data: " + b"x" * 400_000 + b"\n\n"
            await asyncio.sleep(0.01)
    elif ending == "fail-mid":
        raise RuntimeError("the source failed")
    elif ending == "cancel":
        raise asyncio.CancelledError


async def answer(scope, receive, send, ending):
    """Answer what is no stream; tell whether that was it."""
    status = {"nothing": 204, "refused": 404}.get(ending)
    if status is None:
        return False
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body"})
    return True


async def _stream(send, ending):
    source = bodies(ending)
    first = await anext(source)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for body in source:
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})


async def deaf(scope, receive, send):
    """Never ask the server whether the client is there."""
    ending = scope["path"][1:]
    if await answer(scope, receive, send, ending):
        return
    if ending in ("hold", "hold-half"):
        source = bodies(ending)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        body = await anext(source)
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(1)
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        await send({"type": "http.response.body"})
        return
    await _stream(send, ending)


async def listening(scope, receive, send):
    """Stop as soon as the server says that the client left."""
    ending = scope["path"][1:]
    if await answer(scope, receive, send, ending):
        return

    async def listen():
        while (await receive())["type"] != "http.disconnect":
            pass

    work, gone = asyncio.create_task(_stream(send, ending)), asyncio.create_task(listen())
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
        ending = request.path_params["ending"]
        if ending in ("nothing", "refused"):
            return Response(status_code=204 if ending == "nothing" else 404)
        if ending == "fail-early":
            raise RuntimeError("the source failed")
        return StreamingResponse(bodies(ending), media_type="text/event-stream")

    return Starlette(routes=[Route("/{ending}", stream)])


def sse_starlette_app():
    """Return sse-starlette's EventSourceResponse."""
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def stream(request):
        ending = request.path_params["ending"]
        if ending in ("nothing", "refused"):
            return Response(status_code=204 if ending == "nothing" else 404)
        if ending == "fail-early":
            raise RuntimeError("the source failed")
        return EventSourceResponse(bodies(ending), headers={"cache-control": "no-cache"})

    return Starlette(routes=[Route("/{ending}", stream)])


def fastapi_app():
    """Return FastAPI's native streams; they write events themselves, so halves cannot be."""
    from fastapi import FastAPI
    from fastapi.responses import Response
    from fastapi.sse import EventSourceResponse, ServerSentEvent

    app = FastAPI()
    wire = {
        EVENT: ServerSentEvent(raw_data="first", id="1"),
        DONE: ServerSentEvent(raw_data="{}", event="done"),
        DONE_DATA: ServerSentEvent(raw_data="[DONE]"),
    }

    @app.get("/nothing")
    async def nothing():
        return Response(status_code=204)

    @app.get("/refused")
    async def refused():
        return Response(status_code=404)

    @app.get("/fail-early")
    async def fail_early():
        raise RuntimeError("the source failed")

    @app.get("/{ending}", response_class=EventSourceResponse)
    async def stream(ending: str):
        async for body in bodies(ending):
            yield wire.get(body) or ServerSentEvent(raw_data=body[6:-2].decode())

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


def build(name):
    """Return one framework's application, observed, with /metrics beside it."""
    inner = {
        "deaf": lambda: deaf,
        "listening": lambda: listening,
        "starlette": starlette_app,
        "sse-starlette": sse_starlette_app,
        "fastapi": fastapi_app,
        "django": django_app,
    }[name]()

    async def pass_lifespan(scope, receive, send):
        """Let the two plain applications have a life cycle as the frameworks do."""
        if scope["type"] != "lifespan" or name not in ("deaf", "listening"):
            await inner(scope, receive, send)
            return
        for _ in range(2):
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})

    observed = SSEObserveMiddleware(pass_lifespan, routes=ROUTES)
    numbers = metrics_app()

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/metrics":
            await numbers(scope, receive, send)
        else:
            await observed(scope, receive, send)

    return app


app = build(os.environ["ENDING_APP"]) if "ENDING_APP" in os.environ else None
