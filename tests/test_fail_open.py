"""
Whatever of ours fails while a stream is served, nobody outside sees it: no function is forgotten.

Every function of the modules in ROOMS is found by looking, and one that serving a stream does not
reach has to be listed with its reason.
"""

import asyncio
import importlib
import inspect
import logging
import sys
from functools import cache
from types import FunctionType, SimpleNamespace

import pytest
from asgi import value
from conftest import Clock
from prometheus_client import CollectorRegistry
from session import EVERYTHING, everything, over_sockets

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe import ledger as ledger_module

# Where the message path and the tick run.
ROOMS = (
    "middleware",
    "ledger",
    "tally",
    "sender",
    "stream",
    "flush",
    "cursors",
    "headers",
    "server",
)
ROOMS += ("routes", "families", "traces", "watcher")
LINUX = sys.platform == "linux"
if LINUX:
    ROOMS += ("tcp.probe", "tcp.sockets")
GUARDS = {
    "middleware.SSEObserveMiddleware.__call__",
    "middleware.SSEObserveMiddleware._guarded",
    "middleware.SSEObserveMiddleware._guarded_wait",
    "middleware.SSEObserveMiddleware._lifespan",
    "middleware.SSEObserveMiddleware._odd",
    "middleware.SSEObserveMiddleware.left",
    "middleware.SSEObserveMiddleware._send_last",
    "stream.Stream.observed_receive",
    "ledger.Ledger._go_on",
    "ledger.Ledger.fault",
    "sender.sender",
    "sender.transparent",
    "watcher.Watcher.receive",
}
"""They catch what the others raise, and call nothing unguarded themselves."""
BEFORE = {
    "middleware.SSEObserveMiddleware.__init__",
    "middleware._declared_segments",
    "ledger.Ledger.__init__",
    "ledger.Ledger.of",
    "tally.Notes.__init__",
    "cursors.Cursors.__init__",
    "headers.ResponseFaults.__init__",
    "routes.StreamRoute.__post_init__",
    "routes._event_names",
    "routes._is_count",
    "routes._wrong",
    "routes.Routes.__init__",
    "routes.Routes._declare",
}
BEFORE |= {"tcp.sockets.Sockets.__init__", "tcp.sockets.Sockets.of"} if LINUX else set()
"""They run when the application is made, where a mistake must be heard."""
OUTSIDE = {
    "ledger.Ledger.labels",
    "ledger.Ledger.flush_unless_held",
    "ledger.Ledger.tick",
    "families.LazySamples.__init__",
    "families.LazySamples.__iter__",
    "families._Lean.collect",
    "families._Lean._child_samples",
    "families.BeforeScrape.__init__",
    "families.BeforeScrape.describe",
    "families.BeforeScrape.collect",
    "headers.network_of",
    "middleware.SSEObserveMiddleware.route_of",
    "middleware.SSEObserveMiddleware.labels_of",
}
OUTSIDE |= {"tcp.probe.Probe.read"} if LINUX else set()
"""A scrape, a report or the application itself asks for them, never a stream."""


def functions():
    """Yield every function of the rooms: its name, where it hangs, its last name."""
    for room in ROOMS:
        module = importlib.import_module(f"sse_observe.{room}")
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if isinstance(thing, FunctionType) or hasattr(thing, "cache_info"):
                yield f"{room}.{name}", module, name
            elif inspect.isclass(thing):
                for member, found in vars(thing).items():
                    code = getattr(getattr(found, "__func__", found), "__code__", None)
                    # What a dataclass writes itself is no code of ours.
                    if code is not None and code.co_filename == module.__file__:
                        yield f"{room}.{name}.{member}", thing, member


EVERY = {name: (owner, last) for name, owner, last in functions()}


def test_lists_name_what_exists():
    """A function that was renamed is not excused by its old name."""
    assert set(EVERY) >= GUARDS | BEFORE | OUTSIDE


class OurFaultError(Exception):
    """What the patched function raises; nobody outside may see it."""


async def served(name, wrap, clock, metrics):
    """Serve what a function has to do with; return what the outside saw."""
    if name.startswith("tcp."):
        return await over_sockets(wrap)
    return await everything(wrap, clock, metrics)


@cache
def plain(name):
    """Return what the outside sees of the bare applications."""
    return asyncio.run(served(name, lambda app: app, Clock(), SSEMetrics(CollectorRegistry())))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EVERY) - GUARDS - BEFORE - OUTSIDE))
def test_nobody_sees_it_fail(metrics, clock, monkeypatch, caplog, name):
    """Bytes and exceptions are those of the bare application; the fault is counted, logged once."""
    monkeypatch.setattr(ledger_module, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(ledger_module, "_LOG_LINES_PER_SECOND", 1000)
    calls = []

    def fail(*args, **kwargs):
        calls.append(name)
        raise OurFaultError

    observed = SSEObserveMiddleware(
        SimpleNamespace(routes=[SimpleNamespace(path="/api", routes=[])]),
        metrics=metrics,
        clock=clock,
        routes={
            "/s": EVERYTHING,
            "/t/{id}": StreamRoute(dense_ids=True),
            "/v1/u/{n}": StreamRoute(),
            "/deaf": StreamRoute(deaf=True),
        },
        segments=("a",),
        segment=lambda scope: "a",
        tcp_info=LINUX,
    )
    owner, last = EVERY[name]
    original = getattr(owner, last)
    homes = [owner]
    if not inspect.isclass(owner):
        ours = [module for key, module in sys.modules.items() if key.startswith("sse_observe.")]
        homes = [module for module in ours if vars(module).get(last) is original]
    for home in homes:
        monkeypatch.setattr(home, last, fail)

    def wrap(app):
        observed.app = app
        return observed

    span = SimpleNamespace(is_valid=True, trace_flags=SimpleNamespace(sampled=True), trace_id=7)
    tracer = SimpleNamespace(get_span_context=lambda: span)
    theirs = SimpleNamespace(get_current_span=lambda: tracer)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", theirs)
    with caplog.at_level(logging.INFO, "sse_observe"):
        seen = asyncio.run(served(name, wrap, clock, metrics))
    monkeypatch.undo()

    assert calls, "serving a stream does not come by here: reach it, or say why not"
    assert seen == plain(name.partition(".")[0] + ".")
    assert value(metrics, "sse_observer_faults_total") > 0
    told = [r.args for r in caplog.records if r.msg.startswith("sse-observe failed")]
    assert len(told) == len(set(told)) > 0
    assert not [record for record in caplog.records if record.name == "asyncio"]
