"""A drained application: readiness, renewed feeds, finished answers, and what is cut at the end."""

import asyncio
import json
import os
from itertools import pairwise

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute, current_stream, drain
from sse_observe.errors import SettingsError
from tests.support.asgi import END, body, start, value
from tests.support.streaming import ends
from tests.support.virtual import Visit, now, run
from tests.unit.draining.conftest import SECONDS, ticking


def test_feeds_come_back_one_after_the_other(drained, metrics):
    """Their returns are spread over the deadline, and each is told another time to wait."""

    async def main():
        app = drained()
        visits = [Visit(app, "/feed") for _ in range(60)]
        await asyncio.sleep(3)
        began = now()
        app.begin()
        await asyncio.gather(*(visit.ended() for visit in visits))

        assert all(visit.complete for visit in visits)
        closed = sorted(visit.times[-1] - began for visit in visits)
        assert 0 <= closed[0] < 1
        assert SECONDS * 0.8 < closed[-1] < SECONDS
        assert max(after - before for before, after in pairwise(closed)) < 2 * SECONDS / 60
        waits = {int(visit.body.rpartition(b"retry: ")[2]) for visit in visits}
        assert len(waits) > 30
        assert all(1000 <= wait <= 3000 for wait in waits)

    run(main())

    assert ends(metrics) == {"rotated": 60}
    assert value(metrics, "sse_streams_failed_total") == 0


def test_answers_finish_and_the_rest_is_told(drained, metrics):
    """Until the deadline nobody interrupts an answer; then its client learns why it ends."""

    async def main():
        app = drained()
        short, long = Visit(app, "/short"), Visit(app, "/long")
        await asyncio.sleep(3)
        began = now()
        app.begin()
        await asyncio.gather(short.ended(), long.ended())

        assert len(short.payloads) == 10
        assert short.events[-1].type == "message"
        assert b"retry" not in short.body
        assert long.times[-1] - began == pytest.approx(SECONDS)
        assert long.complete
        assert long.events[-1].type == "error"
        assert json.loads(long.events[-1].data)["error"]["type"] == "shutdown"

    run(main())

    assert ends(metrics) == {"completed": 1, "shutdown": 1}
    assert value(metrics, "sse_streams_failed_total", cause="deploy") == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_readiness_says_no_from_the_first_second(drained, method):
    """A balancer sends nobody here any more, while streams go on."""

    async def main():
        app = drained()
        before = await Visit(app, "/ready", method=method).ended()
        app.begin()
        after = await Visit(app, "/ready", method=method).ended()
        elsewhere = await Visit(app, "/short").ended()

        assert (before.status, after.status, elsewhere.status) == (200, 503, 200)
        assert (before.body, after.body) == (
            (b"ready\n", b"draining\n") if method == "GET" else (b"", b"")
        )

    run(main())


def test_a_path_of_the_applications_own_is_left_to_it(drained):
    """An application with a readiness of its own keeps it."""

    async def main():
        app = drained(readiness=None)
        visit = await Visit(app, "/ready").until(lambda visit: visit.messages)
        assert visit.headers["content-type"] == "text/event-stream"
        await visit.left()

    run(main())


@pytest.mark.parametrize("order", ["outside", "inside"])
def test_whoever_comes_meanwhile_is_sent_on_too(metrics, order):
    """The balancer needs a moment to hear of it."""

    async def main():
        routes = {"/feed": StreamRoute(kind="continuous")}
        if order == "outside":
            observed = SSEObserveMiddleware(ticking, routes=routes, metrics=metrics)
            app = drain(observed, seconds=SECONDS)
            app.begin()
        else:
            inner = drain(ticking, seconds=SECONDS)
            app = SSEObserveMiddleware(inner, routes=routes, metrics=metrics)
            inner.begin()
        began = now()
        await asyncio.sleep(SECONDS / 2)
        visit = await Visit(app, "/feed").ended()
        assert now() - began < SECONDS
        late = await Visit(app, "/long").ended()
        assert now() - began == pytest.approx(SECONDS)
        assert visit.complete
        assert late.complete
        after = await Visit(app, "/long").ended()
        assert after.events[-1].type == "error"
        assert now() - began < SECONDS + 2

    run(main())

    assert ends(metrics) == {"rotated": 1, "shutdown": 2}


def test_a_feed_ends_between_two_events(drained, metrics):
    """Half an event is dropped by its client, and would be lost."""

    async def halves(scope, receive, send):
        await send(start())
        while True:
            await send(body(b"data: x\n"))
            await asyncio.sleep(5)
            await send(body(b"\n"))
            await asyncio.sleep(0.5)

    async def main():
        app = drained(halves)
        visits = [Visit(app, "/feed") for _ in range(20)]
        await asyncio.sleep(3)
        app.begin()
        await asyncio.gather(*(visit.ended() for visit in visits))
        whole = [visit for visit in visits if b"data: x\n\nretry: " in visit.body]
        # Whose turn is last may have no time left for that.
        assert len(whole) >= 18
        assert all(b"x\nretry" not in visit.body for visit in visits)

    run(main())

    assert ends(metrics) == {"rotated": 20}


def test_a_file_that_is_touched_begins_it(drained, tmp_path):
    """An older one is of an earlier life of the container."""
    file = tmp_path / "stop"
    file.touch()

    async def main():
        os.utime(file, (1, 1))
        app = drained(file=file)
        visit = Visit(app, "/feed")
        await asyncio.sleep(5)
        assert not app.is_draining
        file.touch()
        os.utime(file, (2**31, 2**31))
        await visit.ended()
        assert app.is_draining
        assert visit.complete

    run(main())


def test_inside_of_the_observer_it_counts_the_same(metrics):
    """Whichever of the two was added last."""

    async def main():
        routes = {"/feed": StreamRoute(kind="continuous")}
        inner = drain(ticking, seconds=SECONDS)
        app = SSEObserveMiddleware(inner, routes=routes, metrics=metrics)
        feed, long = Visit(app, "/feed"), Visit(app, "/long")
        await asyncio.sleep(3)
        inner.begin()
        await asyncio.gather(feed.ended(), long.ended())
        assert feed.complete
        assert long.events[-1].type == "error"

    run(main())

    assert ends(metrics) == {"rotated": 1, "shutdown": 1}


def test_without_an_observer_every_stream_may_finish():
    """Nobody has declared a feed."""

    async def main():
        app = drain(ticking, seconds=SECONDS)
        short, feed = Visit(app, "/short"), Visit(app, "/feed")
        await asyncio.sleep(3)
        began = now()
        app.begin()
        await asyncio.gather(short.ended(), feed.ended())
        assert len(short.payloads) == 10
        assert feed.times[-1] - began == pytest.approx(SECONDS)

    run(main())


def test_somebody_elses_cancellation_goes_through(drained, metrics):
    """A server that waits no longer cancels; that is none of ours to hide."""

    async def main():
        app = drained()
        visit = Visit(app, "/long")
        await asyncio.sleep(3)
        app.begin()
        await asyncio.sleep(1)
        visit.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit.task
        assert not visit.complete

    run(main())


def test_an_application_that_cleans_up_may_take_its_time(drained, metrics):
    """Its streams are closed properly; the client is told once it has returned."""

    async def careful(scope, receive, send):
        await send(start())
        await send(body(b"data: x\n\n"))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)
            current_stream().lost(1)

    async def main():
        app = drained(careful)
        visit = Visit(app, "/feed")
        await asyncio.sleep(1)
        app.begin()
        await visit.ended()
        assert visit.body.startswith(b"data: x\n\nretry: ")

    run(main())

    assert ends(metrics) == {"rotated": 1}
    assert value(metrics, "sse_message_loss_total") == 1


def test_what_is_no_stream_passes_untouched(drained):
    """Ordinary answers, also those that fail."""

    async def plain(scope, receive, send):
        if scope["path"] == "/fail":
            raise ValueError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({**END, "body": b"hi"})

    async def main():
        app = drained(plain)
        app.begin()
        assert (await Visit(app, "/x").ended()).body == b"hi"
        with pytest.raises(ValueError, match=r"^$"):
            await Visit(app, "/fail").ended()

    run(main())


def test_a_second_begin_changes_nothing(drained):
    """The deadline stays where it was."""

    async def main():
        app = drained()
        visit = Visit(app, "/long")
        await asyncio.sleep(1)
        began = now()
        app.begin()
        await asyncio.sleep(SECONDS / 2)
        app.begin()
        await visit.ended()
        assert now() - began == pytest.approx(SECONDS)

    run(main())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"seconds": 0}, r"drain: seconds=0 is wrong; give seconds above 0"),
        ({"seconds": True}, r"drain: seconds=True is wrong"),
        ({"seconds": float("inf")}, r"drain: seconds=inf is wrong"),
        ({"readiness": "ready"}, r"drain: readiness='ready' is wrong; give a path"),
    ],
)
def test_what_can_never_be_right_is_refused(options, line):
    """One line says what is wrong and the remedy."""
    with pytest.raises(SettingsError, match=line):
        drain(ticking, **options)
