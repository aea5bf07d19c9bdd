"""The vendors' own SDKs as clients of a small service, and what is counted of each answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from tests.apps.model_apis import THINKING_SECONDS, WORDS, model_apis
from tests.support.route_totals import RouteTotals
from tests.support.servers import serve
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

TEXT = "".join(WORDS)


class Saw(NamedTuple):
    """An answer as the user of an SDK saw it: text, first word, error."""

    text: str
    first_seconds: float | None
    error: str = ""


Ask = Callable[[str, str, int], Iterator[str]]
"""Ask at a URL for an answer; yield its words. The number is how often a refusal is asked again."""


def chat(url: str, answer: str, retries: int) -> Iterator[str]:
    """Ask by `openai`, as for a chat completion."""
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=retries)
    with (
        client,
        client.chat.completions.create(model=answer, messages=[], stream=True) as stream,
    ):
        for chunk in stream:
            yield from (choice.delta.content or "" for choice in chunk.choices)


def responses(url: str, answer: str, retries: int) -> Iterator[str]:
    """Ask by `openai`, as for a response; a failure is an event among others there."""
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=retries)
    with client, client.responses.create(model=answer, input="?", stream=True) as stream:
        for event in stream:
            if event.type == "response.failed":
                raise LookupError(event.response.error)
            yield event.delta if event.type == "response.output_text.delta" else ""


def messages(url: str, answer: str, retries: int) -> Iterator[str]:
    """Ask by `anthropic`, by its helper that puts a message together."""
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key="k", max_retries=retries)
    question = {"model": answer, "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
    with client, client.messages.stream(**question) as stream:
        yield from stream.text_stream


ROUTES: dict[Ask, str] = {
    chat: "/v1/chat/completions",
    responses: "/v1/responses",
    messages: "/v1/messages",
}


def ask(vendor: Ask, url: str, answer: str, *, stop_after: int = 0, retries: int = 0) -> Saw:
    """Read an answer to its end, or stop after so many words as a user does."""
    began, first, words = time.monotonic(), None, []
    spoken = vendor(url, answer, retries)
    try:
        for word in filter(None, spoken):
            first = first or time.monotonic() - began
            words.append(word)
            if len(words) == stop_after:
                break
    except Exception as error:  # noqa: BLE001 - whatever an SDK makes of it
        return Saw("".join(words), first, type(error).__name__)
    finally:
        spoken.close()
    return Saw("".join(words), first)


class Service(NamedTuple):
    """The service while it runs, and what is counted of one of its APIs."""

    url: str
    totals: RouteTotals


@contextmanager
def serving(vendor: Ask) -> Iterator[Service]:
    """Serve all three APIs, observed, with nothing declared."""
    metrics = SSEMetrics(CollectorRegistry())
    app: Any = SSEObserveMiddleware(model_apis(), metrics=metrics)
    with serve(app) as url:
        yield Service(url, RouteTotals(metrics, ROUTES[vendor]))


each_vendor = pytest.mark.parametrize("vendor", ROUTES, ids=lambda vendor: vendor.__name__)
STATED = {chat: "APIError", responses: "LookupError", messages: "APIStatusError"}


@each_vendor
@pytest.mark.parametrize(
    ("answer", "text", "reason", "more"),
    [
        ("whole", TEXT, "completed", {"first content": 1}),
        ("slow", TEXT, "completed", {"first content": 1}),
        ("empty", "", "completed", {"empty": 1}),
        ("fails", WORDS[0], "error_event", {"first content": 1}),
        ("fails-on", WORDS[0], "error_event", {"first content": 1}),
        ("refused-inside", "", "error_event", {}),
        ("cut", WORDS[0], "server_error", {"first content": 1}),
        ("times-out", WORDS[0], "server_error", {"first content": 1}),
    ],
)
def test_an_answer_is_counted_as_its_user_saw_it(
    vendor: Ask, answer: str, text: str, reason: str, more: dict[str, int]
) -> None:
    """One answer alone: its end, its first content, its emptiness."""
    expected = {"opened fresh": 1, f"closed {reason}": 1, **more}
    with serving(vendor) as service:
        saw = ask(vendor, service.url, answer)
        counted = service.totals.settled(expected)

        assert saw.text == text
        assert bool(saw.error) == (reason != "completed"), saw
        if reason == "error_event":
            assert saw.error == STATED[vendor]
        assert counted == expected
        # The server's clock begins after the client's, and ends before it.
        least, most = THINKING_SECONDS.get(answer, 0), saw.first_seconds or 0
        assert least <= service.totals.first_seconds <= most


@each_vendor
def test_a_user_who_stops_is_no_failure(vendor: Ask) -> None:
    """The SDK hangs up in the middle, and the server notices at once."""
    expected = {"opened fresh": 1, "closed client_disconnected": 1, "first content": 1}
    with serving(vendor) as service:
        saw = ask(vendor, service.url, "endless", stop_after=5)

        assert saw.text.startswith(TEXT)
        assert service.totals.settled(expected) == expected


@each_vendor
def test_an_answer_without_its_end_is_a_failure_once_an_end_has_been_seen(vendor: Ask) -> None:
    """Nothing is declared: the route itself shows that its answers have an end."""
    expected = {
        "opened fresh": 2,
        "closed completed": 1,
        "closed server_error": 1,
        "first content": 2,
    }
    with serving(vendor) as service:
        ask(vendor, service.url, "whole")
        wait_until(lambda: service.totals.now()["closed completed"], "the first one's end")
        ask(vendor, service.url, "unfinished")

        assert service.totals.settled(expected) == expected


@each_vendor
@pytest.mark.parametrize(
    ("answer", "status", "raised"), [("busy", "429", "RateLimitError"), ("down", "5xx", "Internal")]
)
def test_refusals_are_counted_as_often_as_the_sdk_asks(
    vendor: Ask, answer: str, status: str, raised: str
) -> None:
    """It has asked for JSON, and asks again by itself: three answers that were no stream."""
    expected = {
        "opened fresh": 1,
        "closed completed": 1,
        "first content": 1,
        f"rejected {status}": 3,
    }
    with serving(vendor) as service:
        ask(vendor, service.url, "whole")
        saw = ask(vendor, service.url, answer, retries=2)

        assert saw.error.startswith(raised)
        assert service.totals.settled(expected) == expected
