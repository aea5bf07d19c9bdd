"""
Healthy streams of every kind: plain, the frameworks', the reference endpoint, LLM protocols.

Served by path: `/plain` and its variants, `/fastapi`, `/sse-starlette`, `/django`, `/reference`,
`/llm/<protocol>`. Each sends an event every tenth of a second, for four seconds.
"""

import asyncio
import json
import zlib

from sse_observe.contract import parse_event_id
from sse_observe.reference import reference_app
from tests.support.django_handlers import handler

PAUSE = 0.1
EVENTS = 40
EPOCH = "plainplain12"
WORDS = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
]
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
]


def text(number, size=180):
    """Return words that compress as language does, and never twice the same."""
    words = [
        f"{WORDS[(number * 7 + n * n) % len(WORDS)]}{number * n % 97}" for n in range(size // 7)
    ]
    return " ".join(words)[:size]


def events(first=0, count=EVENTS):
    """Return the events of the plain stream, from one on."""
    for number in range(first, count):
        yield f"id: {number}-{EPOCH}\ndata: {json.dumps({'c': text(number)})}\n\n".encode()


async def stream(send, bodies, headers=HEADERS, *, pause=PAUSE, last=b"event: done\ndata: {}\n\n"):
    """Send bodies one by one."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for body in bodies:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": last})


async def plain(scope, receive, send):
    """Stream the plain events; resume after a cursor; say 204 after the end."""
    if scope["method"] == "HEAD":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body"})
        return
    headers = dict(scope["headers"])
    cursor = parse_event_id(headers.get(b"last-event-id", b"").decode("latin-1"))
    first = cursor.seq + 1 if cursor and cursor.epoch == EPOCH else 0
    variant = scope["path"].removeprefix("/plain").strip("/")
    if variant == "silent":
        # Five events, then longer silence than the proxies of the tests allow.
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        for body in list(events())[:5]:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(5)
        await send({"type": "http.response.body"})
    elif variant == "cacheable":
        await stream(send, list(events())[:20], HEADERS[:1])
    elif variant == "small":
        await stream(send, (b"id: %d\ndata: w%d\n\n" % (n, n) for n in range(EVENTS)))
    elif variant == "brisk":
        await stream(send, events(count=4 * EVENTS), pause=PAUSE / 4)
    elif variant == "bulky":
        await stream(
            send, (b"data: %d %b\n\n" % (n, text(n, 3900).encode()) for n in range(EVENTS))
        )
    elif first >= EVENTS:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
    else:
        await stream(send, events(first))


def fastapi_app():
    """Return FastAPI's native event stream."""
    from fastapi import FastAPI
    from fastapi.sse import EventSourceResponse, ServerSentEvent

    app = FastAPI()

    @app.get("/fastapi", response_class=EventSourceResponse)
    async def words():
        for number in range(EVENTS):
            yield ServerSentEvent(data=text(number), id=str(number))
            await asyncio.sleep(PAUSE)
        yield ServerSentEvent(event="done", data="")

    return app


def sse_starlette_app():
    """Return sse-starlette's event stream."""
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def bodies():
        for number in range(EVENTS):
            yield {"data": text(number), "id": str(number)}
            await asyncio.sleep(PAUSE)
        yield {"data": "", "event": "done"}

    async def words(request):
        # It sends `Connection: keep-alive`, which is a fault of its own; taken away here.
        response = EventSourceResponse(bodies())
        del response.headers["connection"]
        return response

    return Starlette(routes=[Route("/sse-starlette", words)])


def django_app():
    """Return Django's asynchronous StreamingHttpResponse."""
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import path

    async def bodies():
        for body in events():
            yield body
            await asyncio.sleep(PAUSE)
        yield b"event: done\ndata: {}\n\n"

    async def words(request):
        if request.method == "HEAD":
            # Else Django runs the stream all the same, and a proxy that reuses the connection
            # lets its next request wait for the end.
            return HttpResponse(content_type="text/event-stream")
        response = StreamingHttpResponse(bodies(), content_type="text/event-stream")
        response["Cache-Control"] = "no-cache, no-transform"
        return response

    class Urls:
        urlpatterns = [path("django", words)]  # noqa: RUF012

    return handler(Urls)


def data(value, event=None):
    """Return one event of a protocol."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()


def chat(part):
    """Return a chunk of an OpenAI chat completion."""
    return data({"object": "chat.completion.chunk", "choices": [{"delta": part}]})


def llm(name):
    """Return an answer of one protocol: prelude, content, and what stands at its end."""
    words = [f"{text(number, 30)} " for number in range(EVENTS)]
    if name == "openai-chat":
        return [chat({"role": "assistant"}), *(chat({"content": w}) for w in words)], (
            data({"choices": [{"delta": {}, "finish_reason": "stop"}]}) + data("[DONE]")
        )
    if name == "anthropic":
        prelude = data({"type": "message_start"}, "message_start") + data(
            {"type": "content_block_start", "content_block": {"type": "text"}},
            "content_block_start",
        )
        parts = (data({"delta": {"text": w}}, "content_block_delta") for w in words)
        return [prelude, *parts], data({}, "message_delta") + data({}, "message_stop")
    if name == "openai-responses":
        parts = (data({"delta": w}, "response.output_text.delta") for w in words)
        return [data({}, "response.created"), *parts], data({}, "response.completed")
    if name == "ai-sdk":
        parts = (data({"type": "text-delta", "id": "1", "delta": w}) for w in words)
        return [data({"type": "start"}), *parts], data({"type": "finish"}) + data("[DONE]")
    if name == "ag-ui":
        parts = (data({"type": "TEXT_MESSAGE_CONTENT", "delta": w}) for w in words)
        return [data({"type": "RUN_STARTED"}), *parts], data({"type": "RUN_FINISHED"})
    if name == "gemini":
        parts = [data({"candidates": [{"content": {"parts": [{"text": w}]}}]}) for w in words]
        return parts, data({"candidates": [{"content": {}, "finishReason": "STOP"}]})
    raise AssertionError(name)


LLM = ("openai-chat", "anthropic", "openai-responses", "ai-sdk", "ag-ui", "gemini")
APPS = (
    *("plain", "fastapi", "sse-starlette", "django", "reference"),
    *(f"llm/{name}" for name in LLM),
)
"""The paths of the healthy streams."""


def application():
    """Return all applications behind one address."""
    framework = {
        "fastapi": fastapi_app(),
        "sse-starlette": sse_starlette_app(),
        "django": django_app(),
    }
    reference = reference_app()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        name = scope["path"].strip("/").split("/")[0]
        if name in framework:
            await framework[name](scope, receive, send)
        elif name == "reference":
            await reference({**scope, "path": "/api/v1/stream"}, receive, send)
        elif name == "llm":
            if scope["method"] == "HEAD":
                await plain(scope, receive, send)
                return
            bodies, last = llm(scope["path"].rpartition("/")[2])
            await stream(send, bodies, last=last)
        else:
            await plain(scope, receive, send)

    return app


def compressor(inner):
    """Return an application behind a compressor like Next.js': it never flushes."""

    async def app(scope, receive, send):
        squeeze = zlib.compressobj(wbits=31)
        accepts = b"gzip" in dict(scope.get("headers", ())).get(b"accept-encoding", b"")

        async def compressed(message):
            if message["type"] == "http.response.start":
                more = [(b"x-powered-by", b"Next.js")]
                more += [(b"content-encoding", b"gzip")] if accepts else []
                message = {**message, "headers": [*message["headers"], *more]}
            elif accepts:
                body = squeeze.compress(message.get("body", b""))
                if not message.get("more_body"):
                    body += squeeze.flush()
                message = {**message, "body": body}
            await send(message)

        await inner(scope, receive, compressed)

    return app
