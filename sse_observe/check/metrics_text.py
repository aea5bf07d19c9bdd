"""A `/metrics` somewhere, read once within bounds."""

import time

from prometheus_client.parser import text_string_to_metric_families

from sse_observe.check.asking.connection import Dialing
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.fetch import fetch
from sse_observe.check.asking.question import Question
from sse_observe.check.model import Scrape


async def scrape(question: Question, dialing: Dialing) -> Scrape:
    """Return what a `/metrics` exports; its error is one line."""
    began = time.perf_counter()
    try:
        found = await fetch(question, dialing, "text/plain")
        took = time.perf_counter() - began
        if found.status != 200:
            line = f"{question.shown}: status {found.status}; check the path"
            return Scrape(took, (), line)
        samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(found.body.decode(errors="replace"))
            for sample in family.samples
        ]
    except AskError as error:
        return Scrape(time.perf_counter() - began, (), str(error))
    except (ValueError, KeyError, IndexError):
        line = f"{question.shown}: the answer is no Prometheus text; check the path"
        return Scrape(time.perf_counter() - began, (), line)
    return Scrape(took, samples)
