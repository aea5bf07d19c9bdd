"""Every parser of foreign input: nothing but our own errors, and nothing is kept of any input."""

import gc
import random
import sys
from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.beacon.tokens import Tokens
from sse_observe.consumer.answer import check_head
from sse_observe.consumer.failure import LostError
from sse_observe.consumer.intake import _fields
from sse_observe.contract import parse_event_id
from sse_observe.errors import SSEObserveError
from sse_observe.middleware.headers import asked
from sse_observe.protocols.json_data import as_json
from sse_observe.protocols.recognition import recognise_event
from sse_observe.reference.cursor import parse_cursor
from sse_observe.reference.params import query_params
from sse_observe.reference.replies import RefusedError
from sse_observe.registry.receipt import _number
from sse_observe.report.logs.entry import parse as parse_log_line
from sse_observe.report.logs.masking import masked
from sse_observe.report.query.answer import AnswerError, read_answer
from sse_observe.wire import Scanner
from tests.support.asgi import END, Exchange, body, http_scope, start
from tests.support.mutations import mutate
from tests.support.reporting import SECRET
from tests.support.virtual import run

_TOKENS = Tokens(SECRET)
_OURS = (SSEObserveError, RefusedError, AnswerError, LostError)
Parser = Callable[[bytes], object]

STREAM = (
    b'event: sse.hello\nretry: 700\ndata: {"stream":"a","server_time":1,"lost":0}\n\n'
    b": ping\r\n\r\nid: 7-k3x9\ndata: one\ndata: two\n\n"
    b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
CHUNK = b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"x \\u00e4"},"n":[1,2]}'
ANSWER = (
    b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"route":"/a"},'
    b'"values":[[1700000000,"1"],[1700000015.5,"NaN"],[1700000030,"+Inf"]]}]},"warnings":["w"]}'
)
LOG = b'{"time":"2026-11-29T12:00:00.5Z","level":"error","msg":"a@b.example from 192.0.2.1: x"}'


def _query(raw: bytes) -> object:
    scope = http_scope("/s")
    scope["query_string"] = raw
    scope["headers"] = [(b"last-event-id", raw), (b"ect", raw[:9])]
    return asked(scope, ("cursor",)), query_params(scope, 8192)


def _text(read: Callable[[str], object]) -> Parser:
    return lambda raw: read(raw.decode("utf-8", "replace"))


PARSERS: dict[str, tuple[Parser, bytes]] = {
    "events of a stream": (lambda raw: Scanner(limit=4096).feed(raw), STREAM),
    "data of an event": (as_json, CHUNK),
    "protocol of an event": (lambda raw: recognise_event(raw[:20], raw), CHUNK),
    "hello": (_text(_fields), b'{"stream":"a","heartbeat_seconds":10,"server_time":1,"lost":2}'),
    "id of an event": (_text(parse_event_id), b"7-k3x9"),
    "cursor of a client": (_text(parse_cursor), b"7-k3x9"),
    "number of an id": (_number, b"id: 7-k3x9"),
    "query and headers": (_query, b"last_event_id=7-k3x9&network_type=3g&stream_id=%61&cursor=1"),
    "token": (_text(_TOKENS.read), _TOKENS.issue("/chat/{id}", "all", "4g").encode()),
    "Retry-After": (
        _text(lambda text: check_head("x", 503, {"retry-after": text})),
        b"Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    "answer of Prometheus": (read_answer, ANSWER),
    "log line": (_text(lambda text: parse_log_line(text, 1.8e9)), LOG),
    "masking": (_text(masked), LOG),
}


def fuzz(name: str, inputs: int) -> int:
    """Give a parser mutated inputs; return how many more blocks of memory Python holds."""
    parse, seed = PARSERS[name]
    chance = random.Random(name)

    def give(some: int) -> None:
        for _ in range(some):
            raw = mutate(bytearray(seed), chance)
            try:
                parse(raw)
            except _OURS:
                pass
            except Exception as error:
                error.add_note(f"{name}: {raw!r}")
                raise

    # Until what is remembered on purpose is full.
    give(inputs // 4)
    gc.collect()
    before = sys.getallocatedblocks()
    give(inputs - inputs // 4)
    gc.collect()
    return sys.getallocatedblocks() - before


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_knows_its_own_errors_only(name: str) -> None:
    """Two thousand inputs that are nearly right."""
    fuzz(name, 2000)


@pytest.mark.prove
@pytest.mark.parametrize("name", PARSERS)
def test_a_million_inputs_break_nothing_and_leave_nothing(name: str) -> None:
    """The same, five hundred times as long, and nothing is kept of any of them."""
    assert fuzz(name, 1_000_000) < 2500


async def _observe(inputs: int) -> tuple[SSEMetrics, int, int]:
    """Let an application send mutated streams; return the series at first, and in the end."""
    chance = random.Random(9)
    metrics = SSEMetrics(CollectorRegistry())
    protocols = cycle(("auto", "none", "openai-chat", "anthropic"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for _ in range(100):
            await send(body(mutate(bytearray(STREAM), chance)))
        await send(END)

    routes = {f"/{name}": StreamRoute(protocol=name, dense_ids=True) for name in ("auto", "none")}
    observed = SSEObserveMiddleware(app, metrics=metrics, routes=routes, log_ends=False)
    series = []
    for round_ in range(max(2, inputs // 100)):
        await Exchange(observed, http_scope(f"/{next(protocols)}")).run()
        if round_ == 8 or round_ == max(2, inputs // 100) - 1:
            series.append(sum(len(list(f.samples)) for f in metrics.registry.collect()))
    return metrics, series[0], series[-1]


def _check_observed(inputs: int) -> None:
    metrics, before, after = run(_observe(inputs))
    faults = {
        sample.labels["where"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_observer_faults_total" and sample.value
    }
    assert faults == {}
    assert after == before


def test_whatever_an_application_sends_is_counted() -> None:
    """Mutated events through the middleware: no error of ours, no new series."""
    _check_observed(3000)


@pytest.mark.prove
def test_a_million_messages_of_any_form_are_counted() -> None:
    """The same, three hundred times as long."""
    _check_observed(1_000_000)
