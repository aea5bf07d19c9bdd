"""
What the kernel knows of the sockets under open streams, read in turns and summed up by route.

Knows the tracker's lock, its tick and prometheus_client; how a socket is found and read is the
probe's business.
"""

import sys
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice
from weakref import ref

from sse_observe.metrics import METRICS
from sse_observe.middleware.stream import Stream
from sse_observe.middleware.tcp.probe import (
    Address,
    Descriptor,
    Diagnosis,
    Facts,
    Probe,
    Scope,
    descriptor_under,
    ends_of,
)
from sse_observe.middleware.tracker import LOGGER, StreamTracker

_RTT_BOUNDS = METRICS["sse_tcp_rtt_seconds"].buckets
# The kernel counts segments in 32 bits.
_UINT = 0xFFFFFFFF
# 100 sockets take 0.4 ms, by address 0.8; on a busy machine twice that.
_SLICE = 100
# More take turns: totals lose nothing by it, and 2,000 a second cost about 1 % of a core.
_MOST_PER_TICK = 2000


class RouteSums:
    """What was read on one route since it was written down last."""

    __slots__ = ("retransmitted", "rtt_sum", "rtts", "sent", "shown", "unsent")

    def __init__(self) -> None:
        self.unsent = self.shown = 0
        self.clear()

    def clear(self) -> None:
        """Forget what is written down; the gauge stays."""
        self.sent: dict[str, int] = {}
        self.retransmitted: dict[str, int] = {}
        self.rtts = [0] * (len(_RTT_BOUNDS) + 1)
        self.rtt_sum = 0.0


class Watched:
    """One socket and the streams over it; HTTP/2 sends many. The first is charged for all."""

    __slots__ = ("network", "probe", "retransmitted", "sent", "streams", "sums", "unsent")

    def __init__(self, probe: Probe, now: Facts, stream: Stream, sums: RouteSums) -> None:
        self.probe = probe
        *_, self.retransmitted, _, self.sent = now
        self.unsent = 0
        self.streams = [stream]
        self.charge(stream, sums)

    def charge(self, stream: Stream, sums: RouteSums) -> None:
        """Count what comes for this stream, on its route."""
        self.network = stream.labels[1]
        self.sums = sums
        sums.unsent += self.unsent


class Sockets:
    """
    The sockets under the open streams of one tracker.

    Read in turns by the tracker's tick, and once more when a stream ends. What is sent between
    the last reading and a server that has already closed is not seen.
    """

    def __init__(self, tracker: StreamTracker) -> None:
        self._metrics = tracker.metrics
        self._tracker = tracker
        # In the order in which they are read next.
        self._sockets: OrderedDict[bytes, Watched] = OrderedDict()
        self._of: dict[Stream, Watched] = {}
        self._routes: dict[str, RouteSums] = {}
        self._diagnosis: Callable[[], Diagnosis | None] = lambda: None
        self._explained = False

    @classmethod
    def of(cls, tracker: StreamTracker) -> "Sockets | None":
        """Return the sockets of a tracker; None, with a line in the log, without Linux."""
        if not sys.platform.startswith("linux"):
            LOGGER.warning("tcp_info=True does nothing here: only Linux tells")
            return None
        if tracker.sockets is None:
            tracker.sockets = cls(tracker)
        found: Sockets = tracker.sockets
        return found

    def sums(self, route: str) -> RouteSums:
        """Return the sums of a route; its series exist from then on."""
        found = self._routes.get(route)
        if found is None:
            self._metrics.zero(route, "tcp")
            found = self._routes[route] = RouteSums()
        return found

    # All of these are called in the course of a stream or a tick: none may raise.

    def watch(self, stream: Stream) -> None:
        """Look for the socket under a stream, once; without one the stream goes unwatched."""
        try:
            with self._tracker.lock:
                if stream.live and stream not in self._of:
                    self._watch(stream)
        except OSError:
            # No TCP, or it is gone already, or the kernel does not answer.
            self._explain(stream)
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._tracker.fault("tcp")

    def _watch(self, stream: Stream) -> None:
        sums = self.sums(stream.counts.label)
        fd = descriptor_under(stream.receive, stream.inner)
        found = Descriptor.find(fd) if fd is not None else self._by_address(stream.scope)
        if found is None:
            self._explain(stream)
            return
        probe, now = found
        watched = self._sockets.get(probe.cookie)
        if watched is None:
            watched = Watched(probe, now, stream, sums)
            self._sockets[probe.cookie] = watched
        elif fd is None and stream.scope.get("http_version", "1.1")[:1] == "1":
            # HTTP/1 answers one request at a time: one of the two addresses is not true.
            return
        else:
            watched.streams.append(stream)
        self._of[stream] = watched
        self._explained = True

    def _by_address(self, scope: Scope) -> tuple[Probe, Facts] | None:
        ends = ends_of(scope)
        if ends is None:
            return None
        diagnosis = self._diagnosis()
        if diagnosis is None:
            diagnosis = Diagnosis()
            self._diagnosis = ref(diagnosis)
        return Address.find(diagnosis, *ends)

    def _explain(self, stream: Stream) -> None:
        # Where the first one is found, those without are the exception: clients that left.
        if not self._explained:
            self._explained = True
            text = "tcp_info: no socket is to be found under streams of %s; they go unwatched"
            LOGGER.warning(text, stream.counts.label)

    def close(self, stream: Stream) -> None:
        """Read a last time and let go of the socket; the caller holds the tracker's lock."""
        try:
            watched = self._of.get(stream)
            if watched is None:
                return
            charged = watched.streams[0] is stream
            if charged and not self._look(watched):
                return
            del self._of[stream]
            watched.streams.remove(stream)
            if not watched.streams:
                self._drop(watched)
            elif charged:
                watched.sums.unsent -= watched.unsent
                heir = watched.streams[0]
                watched.charge(heir, self.sums(heir.counts.label))
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._tracker.fault("tcp")

    def rounds(self) -> Iterator[None]:
        """Read the sockets whose turn it is in slices, and write the sums down."""
        with self._tracker.lock:
            turn = iter(list(islice(self._sockets.values(), _MOST_PER_TICK)))
        while some := list(islice(turn, _SLICE)):
            with self._tracker.lock:
                for watched in some:
                    try:
                        if watched.streams and self._look(watched):
                            self._sockets.move_to_end(watched.probe.cookie)
                    except Exception:  # noqa: BLE001 - the next socket is still to be read
                        self._tracker.fault("tcp")
            yield
        if not self._tracker.held:
            self.write()

    def _look(self, watched: Watched) -> bool:
        """Read a socket, and let go of it once it cannot be read."""
        try:
            self._read(watched)
        except OSError:
            self._drop(watched)
            return False
        except Exception:  # noqa: BLE001 - or it would fail once a second
            self._tracker.fault("tcp")
            self._drop(watched)
            return False
        return True

    @staticmethod
    def _read(watched: Watched) -> None:
        """Add up what is new on a socket."""
        _, _, rtt, retransmitted, unsent, sent = watched.probe.read()
        sums, network = watched.sums, watched.network
        if new := sent - watched.sent & _UINT:
            sums.sent[network] = sums.sent.get(network, 0) + new
        if new := retransmitted - watched.retransmitted & _UINT:
            sums.retransmitted[network] = sums.retransmitted.get(network, 0) + new
        sums.unsent += unsent - watched.unsent
        watched.sent, watched.retransmitted, watched.unsent = sent, retransmitted, unsent
        if rtt:
            seconds = rtt / 1e6
            sums.rtts[bisect_left(_RTT_BOUNDS, seconds)] += 1
            sums.rtt_sum += seconds

    def _drop(self, watched: Watched) -> None:
        self._sockets.pop(watched.probe.cookie, None)
        for stream in watched.streams:
            self._of.pop(stream, None)
        watched.streams.clear()
        watched.sums.unsent -= watched.unsent
        watched.unsent = 0

    def write(self) -> None:
        """Write down what was read."""
        try:
            with self._tracker.lock:
                for route, sums in self._routes.items():
                    self._write(route, sums)
        except Exception:  # noqa: BLE001 - the next tick tries again
            self._tracker.fault("tcp")

    def _write(self, route: str, sums: RouteSums) -> None:
        if sums.unsent != sums.shown:
            self._metrics.gauge("sse_tcp_unsent_bytes").labels(route).inc(sums.unsent - sums.shown)
            sums.shown = sums.unsent
        if not (sums.sent or sums.retransmitted or sums.rtt_sum):
            return
        for name, counts in (("sent", sums.sent), ("retransmitted", sums.retransmitted)):
            counter = self._metrics.counter(f"sse_tcp_{name}_segments_total")
            for network, count in counts.items():
                counter.labels(route, network).inc(count)
        self._metrics.histogram("sse_tcp_rtt_seconds").labels(route).add(sums.rtts, sums.rtt_sum)
        sums.clear()
