"""The examples of docs/examples run as they stand, and are right whichever end breaks."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from sse_observe import SSEMetrics
from sse_observe.consumer import Event, StreamFailedError, resume_stream
from tests.apps import upstream_llm
from tests.support.paths import ROOT
from tests.support.servers import RawClient, ServerProcess, serve, serve_process

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "docs" / "examples"
SECONDS = 60


class Relay(NamedTuple):
    """One example under uvicorn, in front of a scripted provider."""

    name: str
    process: ServerProcess
    upstream: upstream_llm.Upstream

    def url(self, model: str) -> str:
        """Return the URL that asks for an answer of a model."""
        asks_by_query = f"/chat?question=why&model={model}"
        path = asks_by_query if self.name == "relay_sdk" else "/v1/chat/completions"
        return f"{self.process.url}{path}"

    def ask(self, model: str) -> RawClient:
        body = b"" if self.name == "relay_sdk" else json.dumps({"model": model}).encode()
        return RawClient(self.url(model), method="POST", body=body)

    def counted(self) -> dict[str, float]:
        """Return how answers ended and how many were refused: reason or status -> count."""
        text = requests.get(f"{self.process.url}/metrics", timeout=SECONDS).text
        return {
            sample.labels.get("reason", sample.labels.get("status", "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name in ("sse_streams_closed_total", "sse_open_rejected_total")
            if sample.value and sample.labels["route"].startswith("POST /")
        }

    def newly_counted(self, before: dict[str, float]) -> str:
        """Return the one reason or status that was counted since, once it is."""
        deadline = time.monotonic() + SECONDS
        while (now := self.counted()) == before:
            assert time.monotonic() < deadline, "it was never counted"
            time.sleep(0.02)
        (found,) = {name for name, count in now.items() if count != before.get(name, 0)}
        assert now[found] == before.get(found, 0) + 1
        return found


@pytest.fixture(scope="module", params=["relay", "relay_sdk"])
def relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    """Serve an example as its first lines say."""
    upstream = upstream_llm.Upstream()
    with serve(upstream) as url:
        env = {"UPSTREAM": url, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"}
        options = ("--app-dir", str(EXAMPLES))
        with serve_process(f"{request.param}:app", *options, env=env) as process:
            yield Relay(request.param, process, upstream)


@pytest.mark.parametrize(
    ("model", "counted", "whole"),
    [
        ("good", "completed", True),
        ("dies", "server_error", False),
        ("stops", "server_error", True),
        ("fails", "error_event", True),
        ("refuses", "429", True),
    ],
)
def test_each_end_of_the_upstream_is_counted_for_what_it_is(
    relay: Relay, model: str, counted: str, whole: bool
) -> None:
    """And the reader can tell a whole answer from a broken one too."""
    before = relay.counted()

    with relay.ask(model) as client:
        client.until_end()

    assert client.complete is whole
    assert client.status == (429 if model == "refuses" else 200)
    assert relay.newly_counted(before) == counted


def test_what_the_upstream_says_reaches_the_reader(relay: Relay) -> None:
    """Each word, and the word that ends it."""
    with relay.ask("good") as client:
        client.until_end()

    *chunks, last = client.payloads
    deltas = [choice["delta"] for c in map(json.loads, chunks) for choice in c["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == "abc"
    assert last == "[DONE]"
    if relay.name == "relay":
        sent = [*upstream_llm.WORDS, upstream_llm.STOP, upstream_llm.USAGE, upstream_llm.DONE]
        assert client.body == b"".join(sent)


def test_a_reader_who_leaves_ends_the_upstreams_work(relay: Relay) -> None:
    """Tokens for nobody are paid for all the same."""
    before = relay.counted()
    relay.upstream.left.clear()

    with relay.ask("endless") as client:
        client.until(lambda c: len(c.events) >= len(upstream_llm.WORDS))

    assert relay.upstream.left.wait(SECONDS)
    assert relay.newly_counted(before) == "client_disconnected"


def test_a_model_that_thinks_is_seen_to_think(relay: Relay) -> None:
    """The chunk with the role comes at once, and nobody waits for that."""
    with relay.ask("thinks") as client:
        client.until_end()
    text = requests.get(f"{relay.process.url}/metrics", timeout=SECONDS).text
    name = "sse_time_to_first_event_seconds_sum"

    found = re.search(rf'^{name}{{route="POST [^"]*"}} (\S+)$', text, re.MULTILINE)
    assert found is not None
    assert float(found[1]) >= upstream_llm.LATE_SECONDS


def test_an_upstream_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    """Before anything was answered there is no stream that could break."""
    env = {"UPSTREAM": "http://127.0.0.1:9", "OPENAI_BASE_URL": "http://127.0.0.1:9"}
    for name in ("relay", "relay_sdk"):
        options = ("--app-dir", str(EXAMPLES))
        more = {**env, "OPENAI_API_KEY": "k"}
        with serve_process(f"{name}:app", *options, env=more) as process:
            relay = Relay(name, process, upstream_llm.Upstream())
            before = relay.counted()
            with relay.ask("good") as client:
                client.until_end()

            assert client.status == 502
            assert relay.newly_counted(before) == "5xx"


@pytest.mark.parametrize(
    ("model", "reason"),
    [("good", None), ("dies", "interrupted"), ("fails", "error_event"), ("refuses", "refused")],
)
def test_our_own_client_is_told_the_same(relay: Relay, model: str, reason: str | None) -> None:
    """One request each, and the provider's words where it said any."""
    asked = len(relay.upstream.asked)
    items: list[str] = []

    async def main() -> None:
        stream = resume_stream(
            relay.url(model), json={"model": model}, metrics=SSEMetrics(CollectorRegistry())
        )
        async with asyncio.timeout(SECONDS), stream:
            items.extend([item.data async for item in stream if isinstance(item, Event)])

    if reason is None:
        asyncio.run(main())
        assert len(items) == len(upstream_llm.WORDS) + 2
    else:
        with pytest.raises(StreamFailedError) as failure:
            asyncio.run(main())
        assert failure.value.reason == reason
        assert ("Try again later." in failure.value.message) is (reason != "interrupted")
    assert len(relay.upstream.asked) == asked + 1
