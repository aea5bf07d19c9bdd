"""The reference endpoint: its paths, its methods, its options and its life."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.errors import SettingsError
from sse_observe.reference import MemoryStore, reference_app
from tests.support.scripted_endpoint import (
    CREATE,
    closed_by_reason,
    created,
    endpoint,
    kinds,
    words,
)
from tests.support.virtual import Visit, now, run


def test_a_full_store_answers_503_with_a_delay() -> None:
    """No more are read at once than it holds, and a client knows when to come again."""

    async def main() -> None:
        app = endpoint(words(9), store=MemoryStore(max_streams=2, clock=now))
        for _ in range(2):
            query = await created(app)
            await Visit(app, query=query).until(lambda v: bool(v.payloads))
        refused = await Visit(app, CREATE, method="POST").ended()
        also = await Visit(app).ended()

        assert (refused.status, also.status) == (503, 503)
        assert refused.headers["retry-after"] == "5"
        assert refused.headers["cache-control"] == "no-store"
        await app.aclose()

    run(main())


def test_connections_are_bounded() -> None:
    """One more than allowed has to come later; the others go on."""

    async def main() -> None:
        app = endpoint(words(9), max_connections=1)
        query = await created(app)
        first = await Visit(app, query=query).until(lambda v: bool(v.payloads))

        assert (await Visit(app, query=query).ended()).status == 503
        assert (await first.ended()).complete
        assert (await Visit(app, query=query).ended()).status == 200

    run(main())


def test_the_servers_end_ends_everything_in_order() -> None:
    """At lifespan shutdown responses are completed, producers cancelled, tasks gone."""

    async def main() -> None:
        script = words(100)
        app = endpoint(script)
        inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        life = asyncio.ensure_future(app({"type": "lifespan"}, inbox.get, outbox.put))
        await inbox.put({"type": "lifespan.startup"})
        assert await outbox.get() == {"type": "lifespan.startup.complete"}
        visit = await Visit(app).until(lambda v: bool(v.payloads))
        await inbox.put({"type": "lifespan.shutdown"})
        assert await outbox.get() == {"type": "lifespan.shutdown.complete"}
        await life
        await visit.ended()

        assert visit.complete
        assert "done" not in kinds(visit)
        assert script.closed == 1
        assert (await Visit(app).ended()).status == 503
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_polling_gives_the_whole_answer_piece_by_piece() -> None:
    """Each poll is a closed answer with a length; the last one says `done`, then 204."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = SSEObserveMiddleware(endpoint(words(6)), metrics=metrics)
        query, got, statuses, answers = "mode=poll", [], [], []
        for _ in range(12):
            visit = await Visit(app, query=query).ended()
            statuses.append(visit.status)
            if visit.status == 204:
                break
            assert visit.headers["content-length"] == str(len(visit.body))
            assert visit.headers["content-type"] == "text/event-stream"
            assert visit.complete
            answers.append(visit)
            got += visit.payloads
            query = f"mode=poll&stream_id={visit.hello['stream']}"
            if visit.ids:
                cursor = visit.ids[-1]
            if got:
                query += f"&last_event_id={cursor}"
            await asyncio.sleep(1.6)

        assert got == [f"w{i}" for i in range(6)]
        assert kinds(answers[-1])[-1] == "done"
        assert statuses[-1] == 204
        closed = closed_by_reason(metrics)
        assert closed == {"polled": len(answers) - 1, "completed": 1}
        opened = {
            (sample.labels["start"]): sample.value
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == "sse_streams_opened_total" and sample.value
        }
        assert opened == {"resumed": len(answers)}
        faults = metrics.registry.get_sample_value(
            "sse_response_faults_total", {"route": "other", "fault": "content_length"}
        )
        assert not faults

    run(main())


def test_post_creates_a_stream_and_says_where() -> None:
    """The URL carries the mount's prefix, so that it can be asked as it stands."""

    async def main() -> None:
        app = endpoint()
        visit = await Visit(app, CREATE, method="POST", root_path="/live").ended()
        answer = json.loads(visit.body)
        url = f"/live/api/v1/stream?stream_id={answer['stream_id']}"

        assert visit.status == 201
        assert answer["url"] == url
        assert visit.headers["location"] == url
        assert visit.headers["content-type"].startswith("application/json")
        assert len(answer["stream_id"]) >= 22
        again = await Visit(app, root_path="/live", query=url.partition("?")[2]).ended()
        assert again.hello["stream"] == answer["stream_id"]

    run(main())


def test_a_prefix_cannot_write_headers() -> None:
    """A mount's path parameter is the client's text; what it says is quoted."""

    async def main() -> None:
        app = endpoint()
        visit = await Visit(
            app, CREATE, method="POST", root_path="/a\r\nSet-Cookie: x\u00e9"
        ).ended()

        assert visit.status == 201
        assert visit.headers["location"].startswith("/a%0D%0ASet-Cookie%3A%20x%C3%A9/api/v1/")
        await app.aclose()

    run(main())


def test_a_websocket_is_closed_and_an_unfinished_body_refused() -> None:
    """A protocol that it does not speak ends at once, without an exception in the server."""

    async def main() -> None:
        app = endpoint()
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def hang_up() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        await app({"type": "websocket", "path": "/api/v1/stream"}, hang_up, send)
        post = {"type": "http", "method": "POST", "path": CREATE, "headers": []}
        await app(post, hang_up, send)

        assert sent[0] == {"type": "websocket.close", "code": 1000}
        assert sent[1]["status"] == 400

    run(main())


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "allow"),
    [
        ("HEAD", "/api/v1/stream", "", 200, None),
        ("HEAD", "/api/v1/stream", "stream_id=nope", 404, None),
        ("OPTIONS", "/api/v1/stream", "", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS", CREATE, "", 204, "POST, OPTIONS"),
        ("PUT", "/api/v1/stream", "", 405, "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/stream", "", 405, "GET, HEAD, OPTIONS"),
        ("GET", CREATE, "", 405, "POST, OPTIONS"),
        ("GET", "/", "", 404, None),
        ("GET", "/api/v1/stream/", "", 404, None),
        ("GET", "/api/v1/stream", "a=1&" * 60, 400, None),
        ("GET", "/api/v1/stream", "a=" + "x" * 9000, 413, None),
    ],
)
def test_other_requests_get_a_quick_plain_answer(
    method: str, path: str, query: str, status: int, allow: str | None
) -> None:
    """Load balancers and strangers hold no stream open and start no producer."""

    async def main() -> None:
        script = words(1)
        visit = await Visit(endpoint(script), path, method=method, query=query).ended()

        assert visit.status == status
        assert visit.headers.get("allow") == allow
        assert visit.complete
        assert script.calls == []
        if method == "HEAD" and status == 200:
            assert visit.headers["content-type"] == "text/event-stream"
            assert visit.body == b""

    run(main())


@pytest.mark.parametrize(
    "options",
    [
        {"heartbeat_seconds": 0},
        {"send_timeout_seconds": -1},
        {"drain_seconds": -1},
        {"max_connections": 0},
        {"max_params_bytes": 0},
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_by_its_name(options: dict[str, Any]) -> None:
    """One line at start, not a stream that never beats."""
    with pytest.raises(SettingsError, match=next(iter(options))):
        reference_app(**options)


async def coroutine(stream_id: str, params: Mapping[str, Any]) -> str:
    return "text"


@pytest.mark.parametrize("produce", ["text", coroutine])
def test_a_producer_of_the_wrong_kind_is_refused_at_once(produce: Any) -> None:
    """A coroutine that returns is the likely mistake; the message shows what is wanted."""
    with pytest.raises(SettingsError, match="yield text"):
        reference_app(produce=produce)
