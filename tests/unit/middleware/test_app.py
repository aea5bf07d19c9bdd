"""The middleware around an application: what it counts, what it passes through."""

import asyncio

import pytest

from sse_observe import StreamRoute
from sse_observe.errors import SettingsError
from tests.support.asgi import END, Exchange, drive, http_scope, samples, start, value
from tests.support.streaming import EVENT, app_of, ends, streaming

DJANGO = [(b"Content-Type", b"text/event-stream")]


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), asyncio.CancelledError(), KeyboardInterrupt()]
)
@pytest.mark.parametrize("bodies", [(), (EVENT,)])
def test_exceptions_pass_unchanged(observe, error, bodies):
    """The object that the application raised is the object that the server gets."""

    async def run():
        with pytest.raises(type(error)) as caught:
            await Exchange(observe(streaming(*bodies, end=False, fails=error)), http_scope()).run()
        return caught.value

    assert asyncio.run(run()) is error


@pytest.mark.parametrize(
    ("scope", "app"),
    [
        (http_scope(method="HEAD"), streaming(EVENT)),
        (http_scope(), app_of(start(204), END)),
        (http_scope(), app_of(start(headers=[(b"content-type", b"text/plain")]), END)),
        (http_scope(), app_of(start(headers=[(b"content-type", b"text/event-streams")]), END)),
        (http_scope(), app_of(start(headers=[]), END)),
        (http_scope(), app_of(start(404), END)),
        (http_scope(), app_of(END)),
    ],
)
def test_what_is_no_stream_is_not_counted(observe, metrics, scope, app):
    """HEAD, 204, other types and errors leave every number at 0."""
    before = samples(metrics)

    drive(observe(app), scope)

    assert samples(metrics) == before


@pytest.mark.parametrize(
    "content_type",
    [b"text/event-stream", b"Text/Event-Stream; charset=utf-8", b"text/event-stream ;x"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_stream_is_known_by_its_response_type(observe, metrics, content_type, method):
    """Any method, any case, any parameters."""
    headers = [(b"Content-Type", content_type)]

    drive(observe(app_of(start(headers=headers), END)), http_scope(method=method))

    assert ends(metrics) == {"completed": 1}


def test_a_post_that_made_something_may_stream_it(observe, metrics):
    """201 with an event stream is a stream, as for all our clients."""
    headers = [(b"content-type", b"text/event-stream")]

    drive(observe(app_of(start(201, headers), END)), http_scope(method="POST"))

    assert ends(metrics) == {"completed": 1}


@pytest.mark.parametrize(
    ("status", "shown"), [(302, "3xx"), (404, "4xx"), (503, "5xx"), (204, None), (200, None)]
)
def test_refused_stream_is_counted_for_who_asked_for_one(observe, metrics, status, shown):
    """A 404 to an image is nobody's stream; 204 is the orderly end."""
    app = observe(app_of(start(status, [(b"content-type", b"text/html")]), END))
    drive(app, http_scope(headers={"accept": "text/html"}))
    drive(app, http_scope(headers={"accept": "application/json, text/event-stream"}))

    expected = {f"sse_open_rejected_total{{route=other,status={shown}}}": 1} if shown else {}
    assert samples(metrics, "sse_open_rejected") == expected


@pytest.mark.parametrize("answers", [[], [start(500, []), END]])
def test_failure_before_the_first_byte_is_a_refused_stream(observe, metrics, answers):
    """Somebody further out or further in answers 500; the user got no stream, once."""
    with pytest.raises(RuntimeError):
        drive(
            observe(app_of(*answers, fails=RuntimeError())),
            http_scope(headers={"accept": "text/event-stream"}),
        )

    assert samples(metrics, "sse_open_rejected") == {
        "sse_open_rejected_total{route=other,status=5xx}": 1
    }
    assert ends(metrics) == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"segments": ("a",)}, "belong together"),
        ({"segment": lambda scope: "a"}, "belong together"),
        ({"segments": "free", "segment": lambda scope: "a"}, "tuple of names"),
        ({"segments": tuple("abcdefghijklmnopqrstuvw"), "segment": len}, "20 are the most"),
        ({"routes": {"chat": StreamRoute()}}, "no path template"),
        ({"routes": {"/chat": {"kind": "finite"}}}, r"give it StreamRoute"),
        ({"default": None}, r"give it StreamRoute"),
    ],
)
def test_wrong_options_are_refused_in_one_line(observe, options, words):
    """A mistake is told at start, not found in the numbers."""
    with pytest.raises(SettingsError, match=words) as caught:
        observe(streaming(), **options)

    assert "\n" not in str(caught.value)


def test_response_faults_are_counted_at_the_first_byte(observe, metrics):
    """A stream that never ends has its fault counted too."""
    seen = {}

    async def app(scope, receive, send):
        await send(start(headers=DJANGO))
        seen.update(samples(metrics, "sse_response_faults"))
        await send(END)

    drive(observe(app))

    assert seen == {
        "sse_response_faults_total{fault=buffering_allowed,route=other}": 1,
        "sse_response_faults_total{fault=cacheable,route=other}": 1,
    }


@pytest.mark.parametrize("read", [iter, tuple])
def test_headers_may_be_any_iterable(observe, metrics, read):
    """The server gets all headers of an iterator that we have read before it."""
    app = observe(app_of(start(headers=read(DJANGO)), END))

    sent = drive(app)

    assert list(sent[0]["headers"]) == DJANGO
    assert ends(metrics) == {"completed": 1}


def test_a_start_may_have_no_headers(observe, metrics):
    """They are optional; such an answer is no stream, and no fault of ours."""
    drive(observe(app_of({"type": "http.response.start", "status": 200}, END)))

    assert ends(metrics) == {}
    assert value(metrics, "sse_observer_faults_total") == 0


def test_two_middlewares_count_once(observe, metrics, caplog):
    """One installed by mistake within the other is told, and silent."""
    app = observe(observe(streaming(EVENT)))
    for _ in range(3):
        drive(app)

    assert ends(metrics) == {"completed": 3}
    assert [r.getMessage() for r in caplog.records].count(caplog.records[0].getMessage()) == 1
    assert "installed twice" in caplog.text


def test_requests_in_one_context_are_not_taken_for_stacked(observe, metrics):
    """Requests served one after the other by one task are two streams."""
    scope = http_scope()

    async def run():
        for _ in range(2):
            await Exchange(app, scope).run()

    app = observe(streaming())
    asyncio.run(run())

    assert ends(metrics) == {"completed": 2}
