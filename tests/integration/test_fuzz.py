"""Every parser of foreign input: nothing but our own errors, and nothing is kept of any input."""

import gc
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.consumer.failure import LostError
from sse_observe.lab.programs.server import quiet
from sse_observe.protocols import PROTOCOLS
from tests.support.asgi import END, Exchange, body, http_scope, start
from tests.support.mutations import mutate
from tests.support.parsers import FILES, OURS, PARSERS, STREAM
from tests.support.virtual import run


def fuzz(name: str, inputs: int, folder: Path) -> int:
    """Give a parser mutated inputs; return how many more blocks of memory Python holds."""
    parse, seed = _parser(name, folder)
    chance = random.Random(name)

    def give(some: int) -> None:
        for _ in range(some):
            raw = mutate(bytearray(seed), chance)
            try:
                parse(raw)
            except OURS:
                pass
            except Exception as error:
                error.add_note(f"{name}: {raw!r}")
                raise

    # pytest keeps every line that is logged.
    with quiet():
        # Until what is remembered on purpose is full.
        give(inputs // 4)
        gc.collect()
        before = sys.getallocatedblocks()
        give(inputs - inputs // 4)
        gc.collect()
    return sys.getallocatedblocks() - before


def _parser(name: str, folder: Path) -> tuple[Callable[[bytes], object], bytes]:
    if name in PARSERS:
        return PARSERS[name]
    read, file, seed = FILES[name]
    path = folder / file

    def parse(raw: bytes) -> object:
        path.write_bytes(raw)
        return read(path)

    return parse, seed


EVERY = (*PARSERS, *FILES)


@pytest.mark.parametrize("name", EVERY)
def test_a_seed_is_read_without_complaint(name: str, tmp_path: Path) -> None:
    """A seed that is refused would be spoilt for nothing."""
    parse, seed = _parser(name, tmp_path)

    with suppress(LostError):
        parse(seed)


@pytest.mark.parametrize("name", EVERY)
def test_a_parser_knows_its_own_errors_only(name: str, tmp_path: Path) -> None:
    """Five hundred inputs that are nearly right."""
    fuzz(name, 500, tmp_path)


@pytest.mark.prove
@pytest.mark.parametrize("name", EVERY)
def test_a_million_inputs_break_nothing_and_leave_nothing(name: str, tmp_path: Path) -> None:
    """The same, two thousand times as long, and nothing is kept of any of them."""
    assert fuzz(name, 1_000_000, tmp_path) < 2500


async def _observe(inputs: int) -> tuple[SSEMetrics, int, int]:
    """Let an application send mutated streams; return the series at first, and in the end."""
    chance = random.Random(9)
    metrics = SSEMetrics(CollectorRegistry())
    names = ("auto", "none", *PROTOCOLS)
    protocols = cycle(names)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for _ in range(100):
            await send(body(mutate(bytearray(STREAM), chance)))
        await send(END)

    routes = {
        f"/{name}": StreamRoute(protocol=name, dense_ids=True)
        for name in ("auto", "none", *PROTOCOLS)
    }
    observed = SSEObserveMiddleware(app, metrics=metrics, routes=routes, log_ends=False)
    series = []
    for round_ in range(max(2, inputs // 100)):
        await Exchange(observed, http_scope(f"/{next(protocols)}")).run()
        if round_ == 2 * len(names) or round_ == max(2, inputs // 100) - 1:
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
