"""Resumable answers in each framework, over real sockets: an answer outlives its client."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.reference import ResumableStreams
from tests.apps import resumable_apps
from tests.support.servers import RawClient, serve

pytestmark = pytest.mark.slow

RAW = "".join(resumable_apps.CHUNKS).encode()
EVENTS = 5


class Served:
    """One framework's application under a server."""

    def __init__(self, url: str, metrics: SSEMetrics, streams: ResumableStreams) -> None:
        self.url = url
        self.metrics = metrics
        self.streams = streams

    def post(self, path: str = "/v1/chat/completions", **headers: str) -> RawClient:
        return RawClient(self.url + path, method="POST", headers=_named(headers))

    def get(self, name: str, query: str = "", **headers: str) -> RawClient:
        return RawClient(f"{self.url}/v1/streams/{name}{query}", headers=_named(headers))

    def delete(self, name: str) -> None:
        with RawClient(f"{self.url}/v1/streams/{name}", method="DELETE") as client:
            assert client.status in (200, 204)

    def until(self, claim: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not claim():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture(params=["fastapi", "starlette", "litestar", "django"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    metrics = SSEMetrics(CollectorRegistry())
    streams = ResumableStreams(metrics=metrics)
    app = getattr(resumable_apps, f"{request.param}_app")(streams)
    with serve(SSEObserveMiddleware(app, metrics=metrics)) as url:
        yield Served(url, metrics, streams)


def test_who_does_not_ask_gets_what_was_yielded_byte_for_byte(served: Served) -> None:
    """An OpenAI client sees an OpenAI stream: no greeting, no id, no heartbeat, no end of ours."""
    with served.post(Accept="text/event-stream") as client:
        client.until_end()
        assert client.status == 200
        assert client.headers["content-type"] == "text/event-stream"
        assert client.headers["cache-control"] == "no-cache, no-transform"
        assert client.headers["x-accel-buffering"] == "no"
        assert "content-length" not in client.headers
        assert client.body == RAW


@pytest.mark.parametrize(
    "asking", [{"SSE_Resumable": "1"}, {"Accept": "text/event-stream;resumable=1"}]
)
def test_who_asks_gets_the_contract_around_the_same_events(
    served: Served, asking: dict[str, str]
) -> None:
    """Hello names the stream, each event has an id, and the end is said."""
    with served.post(**asking) as client:
        client.until_end()
        assert client.hello["stream"]
        assert client.events[-1].type == "done"
        assert client.payloads == [
            '{"choices":[{"delta":{"content":"a"}}]}',
            '{"choices":[{"delta":{"content":"b"}}]}',
            '{"choices":[{"delta":{"content":"c"}}]}',
            "[DONE]",
        ]
        seqs = [i.partition("-")[0] for i in client.ids]
        # The comment has a number of its own.
        assert seqs == ["0", "1", "2", "4"]
    with served.get(client.hello["stream"]) as again:
        again.until_end()
        assert again.body == RAW


def test_an_answer_outlives_its_client_and_is_resumed(served: Served) -> None:
    """The client comes back with its last id, gets what follows, and then is told to stay away."""
    with served.post("/slow", SSE_Resumable="1") as first:
        first.until(lambda c: len(c.ids) > 20)
    name = first.hello["stream"]
    with served.get(name, Last_Event_ID=first.ids[-1]) as second:
        second.until(lambda c: len(c.ids) > 20)
        assert second.hello["resumed_from"] == first.ids[-1]
    with served.get(name, f"?last_event_id={second.ids[-1]}") as third:
        third.until_end()
    words = [*first.payloads, *second.payloads, *third.payloads]
    assert words == [str(n) for n in range(200)]
    with served.get(name, Last_Event_ID=third.ids[-1]) as fourth:
        assert fourth.status == 204
    with served.get("unknown") as unknown:
        assert unknown.until_end().status == 404


def test_a_stream_is_stopped_by_its_user(served: Served) -> None:
    """DELETE ends the producer and every response, and the end counts as the user's."""
    with served.post("/slow", SSE_Resumable="1") as client:
        client.until(lambda c: len(c.ids) > 5)
        served.delete(client.hello["stream"])
        client.until_end()
        assert client.events[-1].type == "done"
    served.until(lambda: len(served.streams.producers) == 0)
    served.until(lambda: _reasons(served.metrics) == {"cancelled"})


def _reasons(metrics: SSEMetrics) -> set[str]:
    return {
        sample.labels["reason"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_streams_closed_total" and sample.value
    }


def test_clients_that_leave_leave_no_response_open(served: Served) -> None:
    """Whatever the framework makes of a lost client, the reader ends and the producer goes on."""
    clients = [served.post("/slow", SSE_Resumable="1") for _ in range(5)]
    for client in clients:
        client.until(lambda c: len(c.ids) > 2)
        client.reset()
    served.until(lambda: not served.streams.readers)
    assert len(served.streams.producers) == 5
    for client in clients:
        served.delete(client.hello["stream"])


def test_django_without_its_request_is_told_so() -> None:
    """The likely mistake has one line that shows the right call."""
    streams = ResumableStreams()

    async def main() -> Any:
        return await streams.response(resumable_apps.answer())

    import asyncio

    with pytest.raises(TypeError, match=r"await streams.response\(frames, request\)"):
        asyncio.run(main())
