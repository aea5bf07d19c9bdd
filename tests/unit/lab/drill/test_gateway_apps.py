"""Gateways with one defect while their switch is on: whole answers without it, chat chunks all."""

import asyncio
import random

import pytest

from sse_observe import SSEMetrics, SSEObserveMiddleware, observe_client
from sse_observe.asgi import App
from sse_observe.lab.chat_chunks import DONE, chunk, error
from sse_observe.lab.drill import gateway_apps
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.switch import Switch
from sse_observe.wire import encode
from tests.support.asgi import Exchange, drive, http_scope, value
from tests.support.upstreams import ends

WORD = encode(chunk({"content": "word "}))
FAULTY = (
    gateway_apps.stating_errors,
    gateway_apps.timing_out,
    gateway_apps.slow_to_begin,
    gateway_apps.empty,
    gateway_apps.limiting,
    gateway_apps.blocking,
    gateway_apps.never_asking,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every answer be the faulty one, and no pause be long."""
    monkeypatch.setattr(random, "random", lambda: 0.1)
    for name in ("_WORD_SECONDS", "_SLOW_SECONDS", "_ERROR_SECONDS", "_KEEPALIVE_SECONDS"):
        monkeypatch.setattr(gateway_apps, name, 0.001)
    for name in ("_THINKING_SECONDS", "_RENEWED_SECONDS"):
        monkeypatch.setattr(gateway_apps, name, (0.003, 0.003))
    monkeypatch.setattr(gateway_apps, "_UPSTREAM_SECONDS", 0.001)


def called(app: App) -> Exchange:
    """Return the whole exchange of one call."""
    exchange = Exchange(app, http_scope(method="POST"))
    asyncio.run(exchange.run())
    return exchange


@pytest.mark.parametrize("service", FAULTY)
def test_without_its_fault_a_gateway_answers_in_full(service) -> None:
    """Eight words, and the end of its protocol."""
    body = called(service(Switch())).body

    assert body.count(WORD) == 8
    assert body.endswith(encode(DONE))


def test_an_answer_says_that_it_failed_and_ends_as_if_whole() -> None:
    """The error stands in the middle, `[DONE]` at the end, as gateways do it."""
    body = called(gateway_apps.stating_errors(Switch(on=True))).body

    assert body.count(WORD) == 3
    assert body.endswith(encode(error("overloaded_error")) + encode(DONE))


def test_an_upstream_that_falls_silent_is_an_exception() -> None:
    """It is a TimeoutError, which is an OSError too, and none of the client's."""
    with pytest.raises(TimeoutError):
        called(gateway_apps.timing_out(Switch(on=True)))


def test_a_slow_model_sends_its_role_at_once(
    metrics: SSEMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role is no content: the first word waits."""
    monkeypatch.setattr(gateway_apps, "_SLOW_SECONDS", 0.2)
    drive(SSEObserveMiddleware(gateway_apps.slow_to_begin(Switch(on=True)), metrics=metrics))

    assert value(metrics, "sse_time_to_first_event_seconds_sum") >= 0.2


def test_an_empty_answer_has_a_role_and_an_end(metrics: SSEMetrics) -> None:
    """It completes, and counts as empty."""
    app = SSEObserveMiddleware(gateway_apps.empty(Switch(on=True)), metrics=metrics)
    drive(app, http_scope(method="POST"))

    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1
    assert value(metrics, "sse_streams_empty_total") == 1


def test_a_limit_is_no_stream() -> None:
    """Its answer is JSON with status 429."""
    exchange = called(gateway_apps.limiting(Switch(on=True)))

    assert exchange.sent[0]["status"] == 429
    assert b"rate_limit_error" in exchange.body


def test_a_blocking_handler_holds_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else runs there waits as long."""
    monkeypatch.setattr(gateway_apps, "_BLOCKED_SECONDS", 0.2)
    late: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + 0.05
        loop.call_at(due, lambda: late.append(loop.time() - due))
        exchange = Exchange(gateway_apps.blocking(Switch(on=True)), http_scope())
        await exchange.run()

    asyncio.run(run())

    assert late[0] >= 0.1


def test_an_application_that_never_asks_sends_on_until_the_repair() -> None:
    """More words than an answer has, for as long as the switch is on."""
    switch = Switch(on=True)

    exchange = Exchange(gateway_apps.never_asking(switch), http_scope())
    exchange.on_send = lambda _: switch.turn(exchange.body.count(WORD) < 20)
    asyncio.run(exchange.run())

    assert exchange.body.count(WORD) >= 20
    assert exchange.body.endswith(encode(DONE))


def test_an_answer_with_a_hole_goes_on_to_a_good_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All words arrive, and between two of them nothing for longer than the route allows."""
    assert fault_named("holes").route.goodput_limits[1] < gateway_apps._HOLE_SECONDS
    monkeypatch.setattr(gateway_apps, "_HOLE_SECONDS", 0.0)

    assert called(gateway_apps.with_holes(Switch())).body.count(WORD) == 8


def test_an_answer_is_finished_without_asking_who_reads() -> None:
    """Its reader stops after four of eight words; the rest is for nobody."""
    patience = fault_named("ignored-cancel").patience or 0

    assert called(gateway_apps.finishing(Switch())).body.count(WORD) > patience > 0


def test_a_thinking_model_keeps_the_line_warm_and_answers() -> None:
    """Comments come while it thinks, then the words."""
    body = called(gateway_apps.thinking(Switch())).body

    assert body.index(b": keepalive") < body.index(WORD)
    assert body.count(WORD) == 8


def test_an_idle_feed_has_no_event_and_ends_in_order() -> None:
    """Its server renews it; there was no news."""
    body = called(gateway_apps.idle(Switch())).body

    assert body
    assert b"data:" not in body


@pytest.mark.parametrize("on", [False, True])
def test_a_refusal_is_made_up_for_by_another_provider(metrics: SSEMetrics, on: bool) -> None:
    """Users see whole answers; the upstream alone has failed."""
    provider = gateway_apps.refusing_provider(Switch(on=on))
    gateway = gateway_apps.relaying(observe_client(provider, "p", metrics=metrics))

    body = called(SSEObserveMiddleware(gateway, metrics=metrics)).body

    assert body.count(WORD) == 9
    assert body.endswith(encode(DONE))
    assert ends(metrics, "p") == ({"refused_5xx": 1} if on else {"opened": 1, "completed": 1})


def test_a_gateway_fills_the_wait_for_a_slow_provider(
    metrics: SSEMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own first word is early, and its provider's is late."""
    monkeypatch.setattr(gateway_apps, "_SLOW_SECONDS", 0.2)
    provider = observe_client(gateway_apps.slow_provider(Switch(on=True)), "p", metrics=metrics)

    called(SSEObserveMiddleware(gateway_apps.relaying(provider), metrics=metrics))

    assert value(metrics, "sse_time_to_first_event_seconds_sum") < 0.1
    assert value(metrics, "sse_upstream_first_content_seconds_sum") >= 0.2
