"""
Whatever of ours fails while a stream is served, nobody outside sees it: no function is forgotten.

Every function of the middleware is found by looking, and one that serving a stream does not
reach has to be listed with its reason.
"""

import asyncio
import importlib
import inspect
import logging
import pkgutil
import sys
from functools import cache
from types import FunctionType, SimpleNamespace
from typing import Protocol

import pytest
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, middleware
from sse_observe.registry import counts, flush
from sse_observe.upstream import spans
from tests.support.asgi import value
from tests.support.clock import Clock
from tests.support.session import EVERYTHING, clients, everything, over_sockets
from tests.support.tracing import Traces

LINUX = sys.platform == "linux"
TRACES = Traces()


def modules():
    """Return the modules in which the message path and the tick run, by their short names."""
    beside = (counts, flush, spans)
    found = {each.__name__.removeprefix("sse_observe."): each for each in beside}
    for info in pkgutil.walk_packages(middleware.__path__, f"{middleware.__name__}."):
        short = info.name.removeprefix(f"{middleware.__name__}.")
        # The application itself calls what is in current_stream and greeting, and hears of its
        # mistakes.
        # Protocols hold their functions as data: test_reader lets one fail. Frameworks are asked
        # where there is one: test_frameworks lets one fail.
        skipped = short.startswith(("current_stream", "greeting", "protocols", "frameworks"))
        skipped = skipped or (short.startswith("tcp.") and not LINUX)
        if not info.ispkg and not skipped:
            found[short] = importlib.import_module(info.name)
    return found


GUARDS = {
    "app.SSEObserveMiddleware._failed",
    "app.SSEObserveMiddleware.__call__",
    "app.SSEObserveMiddleware._guarded",
    "app.SSEObserveMiddleware._guarded_wait",
    "app.SSEObserveMiddleware._lifespan",
    "app.SSEObserveMiddleware._handle_other",
    "app.SSEObserveMiddleware.left",
    "app.SSEObserveMiddleware._send_last",
    "stream.Stream.observed_receive",
    "tick.Tick._go_on",
    "tick.Tick._begin_round",
    "tracker.StreamTracker.observer_error",
    "send.sender",
    "send.transparent",
    "spans.Spans.failed",
    "disconnect.DisconnectWatch.receive",
}
"""They catch what the others raise, and call nothing unguarded themselves."""
BEFORE = {
    "app.SSEObserveMiddleware.__init__",
    "segments.Segments.__init__",
    "segments._check",
    "tick.Tick.__init__",
    "registry.counts.moves",
    "registry.counts._CountsType.__new__",
    "registry.counts.Fields.__init__",
    "registry.counts.Fields._free",
    "end_log.EndLog.__init__",
    "causes.Causes.__init__",
    "companions.Companions.__init__",
    "companions.Companions.add",
    "tracker.StreamTracker.__init__",
    "tracker.StreamTracker.of",
    "unread.Orphans.__init__",
    "event_counter.MessageBuffer.__init__",
    "resume_loss.Cursors.__init__",
    "headers.ResponseReader.__init__",
    "options.check_options",
    "routes.StreamRoute.__post_init__",
    "routes.StreamRoute._check_seconds",
    "routes._event_names",
    "routes._is_count",
    "routes._wrong",
    "routes.Routes.__init__",
    "routes._Table.__init__",
    "routes._Table.add",
    "inspection.Inspection.__init__",
    "route_watch.RouteWatch.__init__",
    "spans.Spans.__init__",
    "upstream.spans.ConsumedSpans.__init__",
    "event_names.EventNames.__init__",
}
BEFORE |= {"tcp.sockets.Sockets.__init__", "tcp.sockets.Sockets.of"} if LINUX else set()
"""They run when the application, or its client, is made, where a mistake must be heard."""
OUTSIDE = {
    "registry.counts.Distribution.add",
    "registry.counts.Counts.complete",
    "stream.Overrides.__init__",
    "tracker.StreamTracker.labels",
    "tracker.StreamTracker.flush_unless_held",
    "tracker.StreamTracker.tick",
    "headers.network_of",
    "route_watch._name_unused",
    "route_watch._some",
    "app.SSEObserveMiddleware.counts_of",
    "app.SSEObserveMiddleware.cursor_of",
    "app.SSEObserveMiddleware.labels_of",
}
"""A scrape, a report or the application itself asks for them, never a stream."""


def is_protocol(cls):
    return Protocol in cls.__bases__


def functions():
    """Yield every function of these modules: its name, where it hangs, its last name."""
    for short, module in modules().items():
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if isinstance(thing, FunctionType) or hasattr(thing, "cache_info"):
                yield f"{short}.{name}", module, name
            elif inspect.isclass(thing) and not is_protocol(thing):
                for member, found in vars(thing).items():
                    code = getattr(getattr(found, "__func__", found), "__code__", None)
                    # What a dataclass writes itself is no code of ours.
                    if code is not None and code.co_filename == module.__file__:
                        yield f"{short}.{name}.{member}", thing, member


EVERY = {name: (owner, last) for name, owner, last in functions()}


def test_lists_name_what_exists():
    """A function that was renamed is not excused by its old name."""
    assert set(EVERY) >= GUARDS | BEFORE | OUTSIDE


class OurFaultError(Exception):
    """Raised by the patched function; nobody outside may see it."""


def needs_sockets(name):
    """Whether only a stream over a real socket comes by a function."""
    return name.startswith("tcp.") or name == "registry.counts.Distribution.add"


async def served(sockets, wrap, clock, metrics, observed):
    """Serve streams, over sockets or without; return what the outside saw."""
    if sockets:
        return await over_sockets(wrap)
    return await everything(wrap, clock, metrics, observed)


@cache
def plain(sockets):
    """Return what the outside sees of the bare applications."""
    metrics = SSEMetrics(CollectorRegistry())
    return asyncio.run(served(sockets, lambda app: app, Clock(), metrics, clients(metrics)))


class Mounting:
    """An application that mounts another, as far as it is looked at; never called."""

    routes = (SimpleNamespace(path="/api", routes=[]),)

    def __call__(self):
        """Look like an application."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EVERY) - GUARDS - BEFORE - OUTSIDE))
def test_nobody_sees_it_fail(metrics, clock, monkeypatch, caplog, name):
    """Bytes and exceptions are those of the bare application; the fault is counted, logged once."""
    monkeypatch.setattr("sse_observe.middleware.tick.TICK_SECONDS", 0.01)
    monkeypatch.setattr("sse_observe.middleware.end_log.LINES_PER_SECOND", 1000)
    calls = []

    def fail(*args, **kwargs):
        calls.append(name)
        raise OurFaultError

    observed = SSEObserveMiddleware(
        Mounting(),
        metrics=metrics,
        clock=clock,
        routes={
            "/s": EVERYTHING,
            "/t/{id}": StreamRoute(dense_ids=True),
            "/v1/u/{n}": StreamRoute(terminal_events=("over",)),
            "/watch_disconnect": StreamRoute(watch_disconnect=True),
        },
        route=lambda scope: scope.get("name"),
        segments=("a",),
        segment=lambda scope: "a",
        # A stream whose socket is read is closed at once, any other with some more.
        tcp_info=LINUX and needs_sockets(name),
        spans=True,
    )
    consumers = clients(metrics)
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

    monkeypatch.setattr(trace, "get_tracer", TRACES.tracer)
    with (
        caplog.at_level(logging.INFO, "sse_observe"),
        trace.get_tracer("theirs").start_as_current_span("all requests"),
    ):
        seen = asyncio.run(served(needs_sockets(name), wrap, clock, metrics, consumers))
    monkeypatch.undo()

    assert calls, "serving a stream does not come by here: reach it, or say why not"
    assert seen == plain(needs_sockets(name))
    assert value(metrics, "sse_observer_faults_total") > 0
    logged = [r.args for r in caplog.records if r.msg.startswith("sse-observe failed")]
    assert len(logged) == len(set(logged)) > 0
    assert not [record for record in caplog.records if record.name == "asyncio"]
