"""
One stream at each kind of route, in each framework that leaves no trace in the scope, or its own.

`FRAMEWORK` names the application that `observed` serves; /metrics is outside of it.
"""

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from sse_observe import SSEObserveMiddleware, metrics_app
from sse_observe.metrics import OTHER
from tests.support.asgi import END, body, start
from tests.support.django_handlers import handler

TYPE = "text/event-stream"


async def events():
    """Yield one event."""
    yield b"data: x\n\n"


async def raw(scope: Any, receive: Any, send: Any) -> None:
    """Stream one event without a framework."""
    for message in (start(), body(b"data: x\n\n"), END):
        await send(message)


def litestar_app() -> Any:
    """Return routes, a router, a converter for all that follows, and a mount."""
    from litestar import Litestar, Router, asgi, get
    from litestar.response import Stream

    @get("/chat/{chat_id:int}", sync_to_thread=False)
    def chat() -> Stream:
        return Stream(events(), media_type=TYPE)

    @get("/files/{name:path}", sync_to_thread=False)
    def files() -> Stream:
        return Stream(events(), media_type=TYPE)

    @get("/", sync_to_thread=False)
    def top() -> Stream:
        return Stream(events(), media_type=TYPE)

    mounted = asgi("/raw", is_mount=True, copy_scope=True)(raw)
    return Litestar([top, chat, files, mounted, Router("/v1/{tenant:str}", route_handlers=[chat])])


def quart_app() -> Any:
    """Return routes, nested blueprints, and converters with arguments."""
    from quart import Blueprint, Quart

    app = Quart("tests.apps.framework_apps")

    async def stream(**_: object) -> Any:
        return events(), 200, {"content-type": TYPE}

    async def missing(error: object) -> Any:
        return await stream()

    app.add_url_rule("/", "top", stream)
    app.add_url_rule("/chat/<int:chat_id>", "chat", stream)
    app.add_url_rule("/files/<path:name>", "files", stream)
    app.add_url_rule('/<any("live", "test"):kind>/feed', "feed", stream)
    app.add_url_rule("/calls", "calls", stream, methods=["POST"])
    for status in (404, 405):
        app.register_error_handler(status, missing)
    outer = Blueprint("outer", "x", url_prefix="/v1/<tenant>")
    inner = Blueprint("inner", "x", url_prefix="/deep")
    inner.add_url_rule("/chat/<uuid:chat_id>", "chat", stream)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app


def blacksheep_app() -> Any:
    """Return routes in each of its notations, a router of its own, and a mounted application."""
    from blacksheep import Application, Content, Response
    from blacksheep.server.routing import Router

    async def stream() -> Response:
        return Response(200, content=Content(TYPE.encode(), b"data: x\n\n"))

    def routed(*patterns: str, **options: Any) -> Any:
        router = Router(**options)
        for pattern in patterns:
            router.add_get(pattern, stream)
        return router

    app = Application(
        router=routed(
            *("/", "/chat/{int:chat_id}", "/old/:name/feed", "/angle/<uuid:key>", "/all/*"),
            sub_routers=[routed("/sub/{tenant}/chat")],
        )
    )
    child = Application(router=routed("/chat/{chat_id}"))
    grandchild = Application(router=routed("/leaf/{leaf_id}"))
    child.mount("/mounted/deeper", grandchild)
    app.mount("/mounted/deeper", grandchild)
    app.mount("/mounted", child)
    return app


def django_app() -> Any:
    """Return paths, regular expressions, both included in one another, and patterns per request."""
    from django.http import StreamingHttpResponse
    from django.urls import include, path, re_path

    def stream(request: Any, *args: object, **kwargs: object) -> Any:
        return StreamingHttpResponse(events(), content_type=TYPE)

    urls: Any = ModuleType("framework_urls")
    urls.handler404 = stream
    urls.urlpatterns = [
        path("", stream),
        path("chat/<int:chat_id>", stream),
        path("files/<path:name>", stream),
        re_path(r"^feed/(?P<name>[a-z]+(?:-\d+)?)/(\d{4})/$", stream),
        re_path(r"^v(?P<version>\d+)/", include([path("chat/<slug:chat_id>/", stream)])),
        path("api/<tenant>/", include([re_path(r"^a\.b/(?:page-(?P<page>\d+)/)?$", stream)])),
    ]
    special: Any = ModuleType("framework_special_urls")
    special.urlpatterns = [path("special/<what>", stream)]
    sys.modules |= {"framework_urls": urls, "framework_special_urls": special}
    return handler("framework_urls", ["tests.apps.framework_apps.choosing"])


def choosing(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Choose the URL patterns of a request, as a service with many tenants does."""

    async def choose(request: Any) -> Any:
        if request.path_info.startswith("/special"):
            request.urlconf = "framework_special_urls"
        return await get_response(request)

    choose._is_coroutine = True  # type: ignore[attr-defined]
    return choose


choosing.async_capable = True  # type: ignore[attr-defined]
choosing.sync_capable = False  # type: ignore[attr-defined]

APPS = {
    "litestar": litestar_app,
    "quart": quart_app,
    "blacksheep": blacksheep_app,
    "django": django_app,
}
KEY = "0a4e3a5c-64b5-4c53-9e66-5b2a4b9a7f10"
TEMPLATES = {
    "litestar": {
        "/": "/",
        "/chat/7": "/chat/{chat_id}",
        "/chat/7/": "/chat/{chat_id}",
        "/files/a/b": "/files/{name}",
        "/v1/acme/chat/7": "/v1/{tenant}/chat/{chat_id}",
        "/raw/any/thing": "/raw",
        "/raw/a%20b": "/raw",
    },
    "quart": {
        "/": "/",
        "/chat/7": "/chat/{chat_id}",
        "/files/a/b": "/files/{name}",
        "/live/feed": "/{kind}/feed",
        f"/v1/acme/deep/chat/{KEY}": "/v1/{tenant}/deep/chat/{chat_id}",
        "/nowhere/at/all": OTHER,
        "/calls": OTHER,
    },
    "blacksheep": {
        "/": "/",
        "/chat/7": "/chat/{chat_id}",
        "/old/x/feed": "/old/{name}/feed",
        f"/angle/{KEY}": "/angle/{key}",
        "/all/that/follows": "/all/{tail}",
        "/sub/acme/chat": "/sub/{tenant}/chat",
        "/mounted/chat/7": "/mounted/chat/{chat_id}",
        "/mounted/deeper/leaf/7": "/mounted/deeper/leaf/{leaf_id}",
    },
    "django": {
        "/": "/",
        "/chat/7": "/chat/{chat_id}",
        "/files/a/b": "/files/{name}",
        "/feed/abc-1/2026/": "/feed/{name}/{part}/",
        "/v2/chat/x-y/": "/v{version}/chat/{chat_id}/",
        "/api/acme/a.b/page-3/": "/api/{tenant}/a.b/page-{page}/",
        "/special/offer": "/special/{what}",
    },
}
"""The route of each path, by framework; its parameters never appear in it."""


def observed() -> Any:
    """Return the application that FRAMEWORK names, and /metrics beside it."""
    app = SSEObserveMiddleware(APPS[os.environ["FRAMEWORK"]]())
    metrics = metrics_app()

    async def both(scope: Any, receive: Any, send: Any) -> None:
        outside = scope["type"] == "http" and scope["path"] == "/metrics"
        await (metrics if outside else app)(scope, receive, send)

    return both
