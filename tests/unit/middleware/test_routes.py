from types import SimpleNamespace

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.sse import EventSourceResponse
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.errors import SettingsError
from sse_observe.metrics import OTHER
from sse_observe.middleware.routes import Routes, Template
from sse_observe.middleware.templates import MOST_REMEMBERED
from tests.support.asgi import drive, http_scope, value
from tests.support.route_label import route_label as label


async def stream(request):
    """Stream one event."""

    async def events():
        yield "data: x\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def raw(scope, receive, send):
    """Stream one event without a framework."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: x\n\n"})


def starlette_app():
    """Return routes, mounts with and without parameters, and an application without routes."""
    inner = Starlette(routes=[Route("/s/{id:int}", stream), Mount("/deep", raw)])
    return Starlette(
        routes=[
            Route("/chat/{id}", stream),
            Route("/files/{path:path}", stream),
            Mount("/sub/{tenant}", inner),
            Mount("/v{version:int}/{id}", routes=[Route("/chat/{id}", stream)]),
            Mount("/raw", raw),
        ]
    )


def fastapi_app():
    """Return FastAPI with native streams, included routers and mounts."""
    app = FastAPI()
    router = APIRouter(prefix="/v1")

    @router.get("/chat/{chat_id}", response_class=EventSourceResponse)
    async def chat(chat_id: str):
        yield {"text": "x"}

    app.include_router(router, prefix="/api/{tenant}")
    sub = FastAPI()
    sub.add_api_route("/z/{q}", chat, response_class=EventSourceResponse)
    app.mount("/m", starlette_app())
    app.mount("/raw", raw)
    return app


@pytest.mark.parametrize("root", ["", "/behind/a/proxy"])
@pytest.mark.parametrize(
    ("make", "path", "template"),
    [
        (starlette_app, "/chat/alice", "/chat/{id}"),
        (starlette_app, "/files/a/b/c", "/files/{path}"),
        (starlette_app, "/sub/acme/s/7", "/sub/{tenant}/s/{id}"),
        (starlette_app, "/sub/s/s/7", "/sub/{tenant}/s/{id}"),
        (starlette_app, "/sub/acme/deep/er", "/sub/{tenant}/deep"),
        (starlette_app, "/v2/alice/chat/bob", "/v{version}/{id}/chat/{id}"),
        (starlette_app, "/raw/any/thing", "/raw"),
        (fastapi_app, "/api/acme/v1/chat/alice", "/api/{tenant}/v1/chat/{chat_id}"),
        (fastapi_app, "/m/sub/acme/s/7", "/m/sub/{tenant}/s/{id}"),
        (fastapi_app, "/raw/any/thing", "/raw"),
        (lambda: raw, "/any/thing", OTHER),
    ],
)
def test_route_is_the_frameworks_template(metrics, make, path, template, root):
    """Templates from Starlette and FastAPI, through mounts, routers and a root path."""
    assert label(metrics, make(), path, root) == template


@pytest.mark.parametrize("installed", ["outermost", "inside"])
def test_template_is_found_from_inside_the_application_too(metrics, installed):
    """`add_middleware` and wrapping see the same routes."""
    app = fastapi_app()
    if installed == "inside":
        app.add_middleware(SSEObserveMiddleware, metrics=metrics)
        drive(app, http_scope("/m/sub/acme/s/7"))
        assert value(metrics, "sse_streams_opened_total", route="/m/sub/{tenant}/s/{id}") == 1
    else:
        assert label(metrics, app, "/m/sub/acme/s/7") == "/m/sub/{tenant}/s/{id}"


@pytest.mark.parametrize("root", ["", "/behind"])
@pytest.mark.parametrize(
    ("make", "path", "template"),
    [
        (lambda: raw, "/chat/alice", "/chat/{id}"),
        (lambda: raw, "/files/a/b", "/files/{rest}"),
        (lambda: raw, "/plain", "/plain"),
        (lambda: raw, "/plain/more", OTHER),
        (lambda: raw, "/chat/a/b", OTHER),
        (lambda: raw, "/chat/", OTHER),
        (starlette_app, "/chat/alice", "/chat/{id}"),
        (starlette_app, "/raw/chat/alice", "/raw/chat/{id}"),
        (starlette_app, "/sub/acme/s/7", "/sub/{tenant}/s/{id}"),
        (fastapi_app, "/api/acme/v1/chat/alice", "/api/{t}/v1/chat/{c}"),
    ],
)
def test_declared_templates_match_paths_and_shapes(metrics, make, path, template, root):
    """A declared route is found by the framework's template under any names, else by the path."""
    declared = [
        "/chat/{id}",
        "/files/{rest:path}",
        "/plain",
        "/raw/chat/{id}",
        "/api/{t}/v1/chat/{c}",
    ]
    routes = {declared: StreamRoute() for declared in declared}

    assert label(metrics, make(), path, root, routes=routes) == template


def test_declarations_follow_the_route(metrics):
    """Each route gets its own StreamRoute, all others the default."""
    chat, default = StreamRoute(limit=7), StreamRoute(kind="continuous")
    routes = Routes({"/chat/{id}": chat}, default)

    assert routes.resolve(http_scope("/chat/1")).config is chat
    assert routes.resolve(http_scope("/x")).config is default


def test_a_function_names_what_no_framework_does(metrics):
    """Its name goes before the framework's; None leaves the route to us."""

    def name(scope):
        return "/games/{game}" if scope["path"].startswith("/games/") else None

    assert label(metrics, raw, "/games/7/feed", route=name) == "/games/{game}"
    other = SSEMetrics(CollectorRegistry())
    assert label(other, starlette_app(), "/chat/7", route=name) == "/chat/{id}"


def test_a_function_may_name_a_declared_route():
    """The declaration follows the name, under any names of its parameters, and the method."""
    chat, call = StreamRoute(limit=7), StreamRoute(kind="continuous")
    routes = {"/chat/{id}": chat, "POST /chat/{id}": call}

    def resolved(named, method="GET"):
        found = Routes(routes, StreamRoute(), name=lambda scope: named)
        return found.resolve(http_scope("/x", method=method))

    assert resolved("/chat/{any}").config is chat
    assert resolved("/chat/{id}", "POST").config is call
    assert resolved("/chat/{id}", "POST").label == "POST /chat/{id}"
    assert resolved("/else").label == "/else"


async def never(scope):
    """Name a route too late."""


def failing(scope):
    raise RuntimeError("a slip")


@pytest.mark.parametrize(
    "named",
    [failing, *(lambda scope, v=v: v for v in (7, b"/x", "", "/a\nb", "/" + "x" * 200, "\udc80"))],
)
def test_a_function_that_fails_costs_the_name_alone(metrics, caplog, named):
    """The stream is `other`, the error is counted, and one line says what was wrong."""
    assert label(metrics, raw, "/chat/7", route=named) == OTHER
    assert value(metrics, "sse_observer_faults_total", where="middleware") == 1
    assert len([line for line in caplog.records if "failed" in line.getMessage()]) == 1


def test_a_coroutine_from_a_plain_function_is_refused_without_a_warning(metrics):
    """A function that hands a coroutine on is a slip that only its first call shows."""

    def hands_on(scope):
        return never(scope)

    assert label(metrics, raw, "/chat/7", route=hands_on) == OTHER


@pytest.mark.parametrize("function", [never, "chat", 7])
def test_what_can_never_name_a_route_is_refused(function):
    """A slip in the declaration is heard when the application is made."""
    with pytest.raises(SettingsError, match="give a plain function of the scope"):
        SSEObserveMiddleware(raw, route=function)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_path_becomes_a_label(path):
    """Whatever is asked for, the label is a template that somebody wrote."""
    routes = Routes({"/chat/{id}": StreamRoute(), "/f/{p:path}": StreamRoute()}, StreamRoute())

    for asked in (path, f"/chat/{path}", f"/f/{path}"):
        assert routes.resolve(http_scope(asked)).label in ("/chat/{id}", "/f/{p}", OTHER)


@given(st.lists(st.sampled_from(["sub", "s", "acme", "7", "007", "chat", "v1", "", "%2F", "."])))
def test_no_segment_of_a_mounts_path_becomes_a_label(parts):
    """Parameters of mounts are names too, not what was asked for."""
    app = starlette_app()
    seen = []

    async def spy(scope, receive, send):
        async def look(message):
            seen.append(routes.resolve(scope).label)
            await send(message)

        await app(scope, receive, look)

    routes = Routes(None, StreamRoute(), app)
    drive(spy, http_scope("/" + "/".join(parts)))

    known = {"/chat/{id}", "/files/{path}", "/sub/{tenant}/s/{id}", "/sub/{tenant}/deep"}
    known |= {"/v{version}/{id}/chat/{id}", "/raw", "/sub/{tenant}", "/v{version}/{id}", OTHER}
    assert set(seen) <= known


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "endless"}, "kind='endless'"),
        ({"heartbeat_seconds": 0}, "heartbeat_seconds=0"),
        ({"heartbeat_seconds": "10"}, "heartbeat_seconds='10'"),
        ({"heartbeat_seconds": float("nan")}, "heartbeat_seconds=nan"),
        ({"stall_seconds": -1}, "stall_seconds=-1"),
        ({"protocol": "openai"}, "protocol='openai' is wrong; choose of auto, none, mcp"),
        ({"error_events": "error"}, "error_events='error' is wrong; give a tuple of names"),
        ({"limit": 0}, "limit=0"),
        ({"limit": True}, "limit=True"),
        ({"limit": 1.5}, "limit=1.5"),
        ({"dense_ids": "yes"}, "dense_ids='yes'"),
        ({"watch_disconnect": 1}, "watch_disconnect=1"),
        ({"terminal_events": "done"}, r'terminal_events=\("done",\)'),
        ({"terminal_events": ("a\nb",)}, "one line"),
        ({"events": ("",)}, "one line"),
        ({"events": (7,)}, "one line"),
        ({"events": tuple(f"e{n}" for n in range(21))}, "21 names"),
    ],
)
def test_wrong_declarations_are_refused_in_one_line(options, words):
    """The first mistake is named with its value and the remedy."""
    with pytest.raises(SettingsError, match=words) as caught:
        StreamRoute(**options)

    assert str(caught.value).startswith("StreamRoute: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["chat", "", "/a/{", "/a/}", "/{a b}", "/{1}"])
def test_wrong_templates_are_refused(path):
    """A template that could never match is a mistake."""
    with pytest.raises(SettingsError, match="no path template"):
        Template(path)


def test_two_templates_for_the_same_paths_are_refused():
    """Which of the two would count is not to be guessed."""
    with pytest.raises(SettingsError, match="match the same paths"):
        Routes({"/a/{x}": StreamRoute(), "/a/{y}": StreamRoute()}, StreamRoute())


def test_event_names_may_come_in_a_list():
    """Settings from a file come as lists."""
    assert StreamRoute(events=["a", "b", "a"]).events == ("a", "b")


def matched(template, path, method="GET", **more):
    """Return the scope of a request that a framework has routed."""
    return http_scope(path, method=method, route=SimpleNamespace(path=template), **more)


def test_what_is_remembered_of_a_template_holds_for_each_request_of_it():
    """Asked again, a request gets the route that its own path and method give it."""
    by_path = StreamRoute(limit=1)
    routes = Routes({"/v1/a/{x}": by_path, "/b/{y}": StreamRoute(limit=2)}, StreamRoute())
    cases = [
        # A router hides its prefix, so the path decides: each time anew.
        (matched("/a/{id}", "/v1/a/7"), "/v1/a/{x}"),
        (matched("/a/{id}", "/v2/a/7"), "/a/{id}"),
        (matched("/b/{id}", "/b/7"), "/b/{y}"),
        (matched("/b/{id}", "/b/8"), "/b/{y}"),
    ]
    for _ in range(2):
        for scope, label_ in cases:
            assert routes.resolve(scope).label == label_


def test_a_template_that_is_declared_by_method_is_found_by_method():
    """A route that one method has found is not remembered for another."""
    posts, others = StreamRoute(limit=1), StreamRoute(limit=2)
    routes = Routes({"POST /mcp": posts, "/mcp": others}, StreamRoute())

    for method, config in (("POST", posts), ("GET", others), ("POST", posts), ("PUT", others)):
        assert routes.resolve(matched("/mcp", "/mcp", method)).config is config


def test_undeclared_templates_without_end_fill_no_memory():
    """A router that makes routes as it goes is held back."""
    routes = Routes(None, StreamRoute())
    for n in range(10 * MOST_REMEMBERED):
        assert routes.resolve(matched(f"/r{n}", f"/r{n}")).label == f"/r{n}"

    assert len(routes._by_template) == MOST_REMEMBERED
