"""
Every parser of foreign input, by what it reads: what a stranger, a server, a peer or a file says.

Each has a seed that it reads without complaint, to be spoilt by `mutations`. Reports to the
beacon are spoilt on their whole way, in `tests/unit/beacon/test_app.py`, and so are answers of a
service, in `tests/integration/test_fuzz.py`.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

from sse_observe.asgi import Scope
from sse_observe.beacon.tokens import Tokens
from sse_observe.boards.choice import read_choice
from sse_observe.boards.web_pages import is_local
from sse_observe.catalog.alert_pages import read_page
from sse_observe.check.asking.question import Question
from sse_observe.check.reading.decoding import decoder as unpacker
from sse_observe.check.reading.event_log import EventLog
from sse_observe.check.reading.stamps import delays
from sse_observe.check.truth.script import read as read_script
from sse_observe.consumer.answer import check_head
from sse_observe.consumer.compression import UnreadableError, unpacked
from sse_observe.consumer.failure import LostError
from sse_observe.consumer.intake import _fields
from sse_observe.consumer.request import Request, redirected
from sse_observe.contract import parse_event_id
from sse_observe.errors import SSEObserveError
from sse_observe.exposition.rendering import format_of
from sse_observe.middleware.headers import asked
from sse_observe.probe.budget import Budgets
from sse_observe.probe.config import load as load_targets
from sse_observe.protocols import PROTOCOLS
from sse_observe.protocols.json_data import as_json
from sse_observe.protocols.meanings import Meanings
from sse_observe.protocols.recognition import recognise_event
from sse_observe.reference.asking import asks_for_contract, cursor_text
from sse_observe.reference.bounds import Bounds
from sse_observe.reference.cursor import parse_cursor
from sse_observe.reference.durable_streams.facts import Facts, pack, unpack
from sse_observe.reference.durable_streams.messages import messages_of
from sse_observe.reference.durable_streams.requests import append_of, create_of, read_of
from sse_observe.reference.params import body_params, query_params
from sse_observe.reference.redis.mirror import Mirror
from sse_observe.reference.replies import RefusedError
from sse_observe.registry.ended import to_read
from sse_observe.registry.merge import Merge
from sse_observe.registry.receipt import _number
from sse_observe.registry.value_file import _series_name
from sse_observe.render.settings_file import load_settings
from sse_observe.report.logs.entry import parse as parse_log_line
from sse_observe.report.logs.masking import masked
from sse_observe.report.query.answer import AnswerError, read_answer
from sse_observe.shown_url import shown_url
from sse_observe.wire import Scanner, WireError
from tests.support.asgi import http_scope
from tests.support.reporting import SECRET
from tests.support.value_files import whole

OURS = (SSEObserveError, RefusedError, AnswerError, LostError, UnreadableError, WireError)
"""Everything that a parser may raise."""


class Parser(NamedTuple):
    """One parser, and what it reads without complaint."""

    read: Callable[[bytes], object]
    seed: bytes


class FileParser(NamedTuple):
    """One reader of a file, the file's name, and what may stand in it."""

    read: Callable[[Path], object]
    name: str
    seed: bytes


STREAM = (
    b'event: sse.hello\nretry: 700\ndata: {"stream":"a","server_time":1,"lost":0}\n\n'
    b": ping\r\n\r\nid: 7-k3x9\ndata: one\ndata: two\n\n"
    b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
_CHUNK = (
    b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"x \\u00e4"},"n":[1,2]}'
)
_ANSWER = (
    b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"route":"/a"},'
    b'"values":[[1700000000,"1"],[1700000015.5,"NaN"],[1700000030,"+Inf"]]}]},"warnings":["w"]}'
)
_LOG = b'{"time":"2026-11-29T12:00:00.5Z","level":"error","msg":"a@b.example from 192.0.2.1: x"}'
_QUERY = b"last_event_id=7-k3x9&network_type=3g&stream_id=%61&cursor=1"
_STAMPED = b'data: {"t":1700000000.1}\n\n' * 3
_HEADERS = (
    b"content-type: application/json\nstream-ttl: 60\nstream-forked-from: a\n"
    b"stream-fork-offset: 1_2\nproducer-id: p\nproducer-epoch: 0\nproducer-seq: 1\nstream-seq: b"
)
_TOKENS = Tokens(SECRET)


def _scope(raw: bytes) -> Scope:
    scope = http_scope("/s")
    scope["query_string"] = raw
    scope["headers"] = [(b"last-event-id", raw), (b"ect", raw[:9]), (b"accept", raw)]
    return scope


def _query(raw: bytes) -> object:
    scope = _scope(raw)
    return (
        asked(scope, ("cursor",)),
        asks_for_contract(scope),
        cursor_text(scope),
        query_params(scope, 8192),
    )


def _headers(raw: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in raw.decode("latin-1").split("\n"))
    return {name.lower(): value for name, _, value in lines}


def _durable(raw: bytes) -> object:
    headers = _headers(raw)
    return create_of(headers, "/s"), append_of(headers)


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda raw: read(raw.decode("utf-8", "replace"))


def _now(coroutine: Any) -> object:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("it waits")


_LOOP = asyncio.new_event_loop()


def _body(raw: bytes) -> object:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    return _LOOP.run_until_complete(body_params(receive, 8192))


def _redirect(text: str) -> object:
    try:
        return redirected(Request("http://a.example/s"), 307, text)
    except ValueError as error:
        # It carries the reason.
        if not str(error).startswith("redirects "):
            raise
        return None


def _inflated(raw: bytes) -> object:
    async def chunks() -> AsyncIterator[bytes]:
        yield raw

    async def read() -> int:
        return sum([len(piece) async for piece in unpacked(chunks(), "gzip")])

    return _now(read())


def _meanings() -> list[Meanings]:
    return [Meanings(protocol) for protocol in PROTOCOLS.values()]


_EACH = _meanings()


def _checked(raw: bytes) -> object:
    log = EventLog()
    log.answered([(b"content-type", raw[:30])])
    log.feed(1.0, raw)
    log.finish()
    return delays(log.events, 1_700_000_000.0), log.retry, log.heartbeat_seconds


def _mirrored(raw: bytes) -> object:
    mirror = Mirror("s", Bounds(10, 10, 1000, 60, 60), lambda: None)
    mirror.is_filled = True
    mirror.take(raw)
    return mirror.read(-1)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


PARSERS: dict[str, Parser] = {
    "events of a stream": Parser(lambda raw: Scanner(limit=4096).feed(raw), STREAM),
    "data of an event": Parser(as_json, _CHUNK),
    "protocol of an event": Parser(lambda raw: recognise_event(raw[:20], raw), _CHUNK),
    "event of each upstream": Parser(
        lambda raw: [one.meaning(raw[:12], raw) for one in _EACH], _CHUNK
    ),
    "hello": Parser(
        _text(_fields), b'{"stream":"a","heartbeat_seconds":10,"server_time":1,"lost":2}'
    ),
    "id of an event": Parser(_text(parse_event_id), b"7-k3x9"),
    "cursor of a client": Parser(_text(parse_cursor), b"7-k3x9"),
    "number of an id": Parser(_number, b"id: 7-k3x9"),
    "query and headers": Parser(_query, _QUERY),
    "parameters of a body": Parser(_body, b'{"prompt":"x","n":1}'),
    "token": Parser(_text(_TOKENS.read), _TOKENS.issue("/chat/{id}", "all", "4g").encode()),
    "Retry-After": Parser(
        _text(lambda text: check_head("x", 503, {"retry-after": text})),
        b"Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    "redirect": Parser(
        _text(_redirect),
        b"//user:pass@b.example:8080/s?x=%61#y",
    ),
    "redirect of a check": Parser(
        _text(lambda text: Question(url="http://a.example/s").redirected(302, text)),
        b"//user:pass@b.example:8080/s?x=%61#y",
    ),
    "compressed body": Parser(_inflated, _gzip(STREAM * 9)),
    "compressed answer of a check": Parser(
        lambda raw: unpacker("gzip")(raw),  # type: ignore[misc]  # noqa: PLW0108 - a new one each
        _gzip(STREAM * 9),
    ),
    "checked stream": Parser(_checked, STREAM[:80] + _STAMPED),
    "answer of Prometheus": Parser(read_answer, _ANSWER),
    "log line": Parser(_text(lambda text: parse_log_line(text, 1.8e9)), _LOG),
    "masking": Parser(_text(masked), _LOG),
    "URL that is shown": Parser(_text(shown_url), b"https://user:pass@a.example:8080/s?x=1#y"),
    "Accept of a scrape": Parser(
        _text(format_of), b"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1"
    ),
    "address of a board": Parser(
        read_choice, b"from=now-1h&to=1700000000000&var-route=%2Fa&refresh=5s&open=a"
    ),
    "host of a request": Parser(
        lambda raw: is_local({**http_scope("/"), "headers": [(b"host", raw)]}), b"[::1]:8000"
    ),
    "durable stream's headers": Parser(_durable, _HEADERS),
    "durable stream's query": Parser(
        lambda raw: read_of(_scope(raw)), b"offset=1_2&live=sse&cursor=7"
    ),
    "durable stream's messages": Parser(
        lambda raw: messages_of(Facts("application/json", 1), raw), b'[{"a":[1,2]},"\\u00e4",3.5]'
    ),
    "durable stream's facts": Parser(
        unpack, pack(Facts("text/plain", 7, closed_by=("p", 1, 2), forks=["a"], ttl=9))
    ),
    "news in Redis": Parser(_mirrored, b"e 0 o 3,4\nabcdefg"),
}
"""By what each reads."""

_PAGE = b"""---
when: route:a:b > 0.05
and: [route:c:d >= 5]
for: 5m
severity: critical
dashboard: d
summary: s
description: t
---
# A
"""
_HISTOGRAM = whole(
    ("a", "a_bucket", {"le": "1.0"}, 3.0),
    ("a", "a_bucket", {"le": "+Inf"}, 1.0),
    ("a", "a_sum", {}, 4.5),
)


def _merged(path: Path) -> object:
    merge = Merge()
    # What is remembered of names is bounded, and a million inputs with a name now and then fill it
    # all the way: it would pass for growth.
    _series_name.cache_clear()
    families = merge.families(to_read(path.parent, frozenset()))
    return ["".join(family.text(exemplars=False)) for family in families]  # type: ignore[attr-defined]


FILES: dict[str, FileParser] = {
    "settings": FileParser(
        load_settings,
        "sse-observe.yaml",
        b"labels: {a: b}\nalerts: {A: {for: 5m}}\ntime_scale: 2\n",
    ),
    "alert page": FileParser(lambda path: read_page(path, "here"), "SSEOurs.md", _PAGE),
    "targets of a prober": FileParser(
        load_targets,
        "probe.yaml",
        b"modules: {m: {seconds: 3}}\ntargets: [{url: 'http://a/s', module: m}]\n",
    ),
    "budget of a prober": FileParser(Budgets, "state.json", b'{"day": 1, "spent": {"a": [1, 2]}}'),
    "upstream script": FileParser(
        read_script,
        "script.yaml",
        b"protocol: none\nruns: {a: [{tokens: 3, every: 0.1}, end]}\n",
    ),
    "numbers of a worker": FileParser(_merged, "histogram_7.db", _HISTOGRAM),
    "plan of a scrape": FileParser(
        lambda path: to_read(path.parent, frozenset()),
        "sse-observe.plan",
        b'{"new":["counter_ended.db"],"old":["counter_7.db"]}',
    ),
}
"""Readers of files that others may have written."""
