"""Starlette's and FastAPI's routes, and mounts that cannot be read."""

import logging
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

from sse_observe.middleware.frameworks import starlette
from tests.apps.framework_apps import blacksheep_app, django_app, litestar_app, quart_app
from tests.support.asgi import http_scope, value
from tests.support.route_label import route_label


async def stream(request):
    return StreamingResponse(iter(["data: x\n\n"]), media_type="text/event-stream")


def test_a_mount_with_a_converter_of_the_applications_own(metrics):
    """Its name may hold what Starlette allows; it costs nobody his streams."""
    register_url_convertor("iso_date2", StringConvertor())
    app = Starlette(
        routes=[
            Mount("/{day:iso_date2}/x", routes=[Route("/s", stream)]),
            Mount("/ok", routes=[Route("/s", stream)]),
        ]
    )

    assert route_label(metrics, app, "/2026-11-29/x/s") == "/{day}/x/s"


def test_a_mount_that_cannot_be_read_hides_no_other(metrics, caplog):
    """Whatever stands in a mount's path, the streams of its neighbours keep their names."""
    strange = SimpleNamespace(path="/{", routes=[], app=None)
    app = Starlette(routes=[Mount("/ok", routes=[Route("/s", stream)])])
    app.router.routes.append(strange)

    async def wrapped(scope, receive, send):
        await app(scope, receive, send)

    wrapped.routes = app.routes
    with caplog.at_level(logging.WARNING):
        assert route_label(metrics, wrapped, "/ok/s") == "/ok/s"
    assert value(metrics, "sse_observer_faults_total") == 0


@pytest.mark.parametrize(
    ("make", "path", "template"),
    [
        (quart_app, "/chat/7", "/sub/{tenant}/chat/{chat_id}"),
        (litestar_app, "/chat/7", "/sub/{tenant}/chat/{chat_id}"),
        (blacksheep_app, "/chat/7", "/sub/{tenant}/chat/{chat_id}"),
        (django_app, "/chat/7", "/sub/{tenant}/chat/{chat_id}"),
    ],
)
def test_other_frameworks_may_be_mounted(metrics, make, path, template):
    """An application moves from one framework to another route by route."""
    app = Starlette(routes=[Mount("/sub/{tenant}", make())])

    assert route_label(metrics, app, f"/sub/acme{path}") == template


@pytest.mark.parametrize("route", [None, object(), SimpleNamespace(path=7)])
def test_what_is_no_route_is_no_template(route):
    """A scope that somebody else wrote does no harm."""
    assert starlette.template(http_scope("/x", route=route)) is None
