"""A `/metrics` somewhere, read once within bounds."""

import asyncio
import time

from prometheus_client.parser import text_string_to_metric_families

from sse_observe.check.asking.connection import Connection, Dialing, connect
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.http1 import Ended, Head, Piece, converse
from sse_observe.check.asking.question import Question
from sse_observe.check.model import Scrape

MOST_SECONDS = 10.0
MOST_BYTES = 32 << 20


async def scrape(question: Question, dialing: Dialing) -> Scrape:
    """Return what a `/metrics` exports; its error is one line."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(MOST_SECONDS):
            text = await _text(question, dialing)
        took = time.perf_counter() - began
        samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]
    except TimeoutError:
        return Scrape(MOST_SECONDS, (), f"{question.shown}: no answer within {MOST_SECONDS:g} s")
    except AskError as error:
        return Scrape(time.perf_counter() - began, (), str(error))
    except (ValueError, KeyError, IndexError):
        line = f"{question.shown}: the answer is no Prometheus text; check the path"
        return Scrape(time.perf_counter() - began, (), line)
    return Scrape(took, samples)


async def _text(question: Question, dialing: Dialing) -> str:
    http1 = Dialing(dialing.seconds, dialing.judge, dialing.trust, alpn=("http/1.1",))
    connection: Connection = await connect(question.origin, http1, lambda _: None)
    body = bytearray()
    try:
        asked = [("Accept", "text/plain"), ("Accept-Encoding", "identity"), *question.sent_headers]
        async for part in converse(connection, question, asked):
            match part:
                case Head(status=status) if status != 200:
                    raise AskError("url", f"{question.shown}: status {status}; check the path")
                case Piece(data=data):
                    body += data
                    if len(body) > MOST_BYTES:
                        raise AskError("url", f"{question.shown}: over {MOST_BYTES >> 20} MB")
                case Ended():
                    break
    finally:
        connection.close()
    return body.decode(errors="replace")
