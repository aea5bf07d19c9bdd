"""
Sockets under open streams: what the kernel knows of each, read in turns and counted by route.

Knows the tracker's lock and its tick; how a socket is found and read is the
probe's business.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice
from weakref import ref

from sse_observe.asgi import Scope
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.stream import Stream
from sse_observe.middleware.tcp.probe import (
    Address,
    Descriptor,
    Diagnosis,
    Facts,
    Probe,
    descriptor_under,
    ends_of,
)
from sse_observe.middleware.tracker import StreamTracker

# The kernel counts segments in 32 bits.
_UINT = 0xFFFFFFFF
# 100 sockets take 0.4 ms, by address 0.8; on a busy machine twice that.
_SLICE = 100
# More take turns: totals lose nothing by it, and 2,000 a second cost about 1 % of a core.
_MOST_PER_TICK = 2000


class Watched:
    """One socket and the streams over it; HTTP/2 sends many. The first is charged for all."""

    __slots__ = ("counts", "network", "probe", "retransmitted", "sent", "streams", "unsent")

    def __init__(self, probe: Probe, now: Facts, stream: Stream) -> None:
        self.probe = probe
        *_, self.retransmitted, _, self.sent = now
        self.unsent = 0
        self.streams = [stream]
        self.charge(stream)

    def charge(self, stream: Stream) -> None:
        """Count what comes for this stream, on its route."""
        self.network = stream.labels[1]
        self.counts = stream.counts
        self.counts.unsent_bytes += self.unsent


class Sockets:
    """
    The sockets under the open streams of one tracker.

    Read in turns by the tracker's tick, and once more when a stream ends. What is sent between
    the last reading and a server that has already closed is not seen.
    """

    def __init__(self, tracker: StreamTracker) -> None:
        self._tracker = tracker
        # In the order in which they are read next.
        self._sockets: OrderedDict[bytes, Watched] = OrderedDict()
        self._of: dict[Stream, Watched] = {}
        self._diagnosis: Callable[[], Diagnosis | None] = lambda: None
        self._explained = False

    @classmethod
    def of(cls, tracker: StreamTracker) -> "Sockets | None":
        """Return the sockets of a tracker; None, with a line in the log, without Linux."""
        if not sys.platform.startswith("linux"):
            LOGGER.warning("tcp_info=True does nothing here: only Linux tells")
            return None
        sockets: Sockets = tracker.metrics.attach(cls, lambda: cls(tracker))
        tracker.sockets = sockets
        return sockets

    # A stream or the tick calls all of these: none may raise.

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
            self._tracker.observer_error("tcp")

    def _watch(self, stream: Stream) -> None:
        fd = descriptor_under(stream.receive, stream.inner)
        found = Descriptor.find(fd) if fd is not None else self._by_address(stream.scope)
        if found is None:
            self._explain(stream)
            return
        probe, now = found
        watched = self._sockets.get(probe.cookie)
        if watched is None:
            watched = Watched(probe, now, stream)
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
                watched.counts.unsent_bytes -= watched.unsent
                new_owner = watched.streams[0]
                watched.charge(new_owner)
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._tracker.observer_error("tcp")

    def rounds(self) -> Iterator[None]:
        """Read the sockets whose turn it is, in slices."""
        with self._tracker.lock:
            turn = iter(list(islice(self._sockets.values(), _MOST_PER_TICK)))
        while some := list(islice(turn, _SLICE)):
            with self._tracker.lock:
                for watched in some:
                    try:
                        if watched.streams and self._look(watched):
                            self._sockets.move_to_end(watched.probe.cookie)
                    except Exception:  # noqa: BLE001 - the next socket is still to be read
                        self._tracker.observer_error("tcp")
            yield

    def _look(self, watched: Watched) -> bool:
        """Read a socket, and let go of it once it cannot be read."""
        try:
            self._read(watched)
        except OSError:
            self._drop(watched)
            return False
        except Exception:  # noqa: BLE001 - or it would fail once a second
            self._tracker.observer_error("tcp")
            self._drop(watched)
            return False
        return True

    @staticmethod
    def _read(watched: Watched) -> None:
        """Add up what is new on a socket."""
        _, _, rtt, retransmitted, unsent, sent = watched.probe.read()
        counts, network = watched.counts, watched.network
        if new := sent - watched.sent & _UINT:
            counts.sent_segments[network,] += new
        if new := retransmitted - watched.retransmitted & _UINT:
            counts.retransmitted_segments[network,] += new
        counts.unsent_bytes += unsent - watched.unsent
        watched.sent, watched.retransmitted, watched.unsent = sent, retransmitted, unsent
        if rtt:
            counts.rtts.add(rtt / 1e6)

    def _drop(self, watched: Watched) -> None:
        self._sockets.pop(watched.probe.cookie, None)
        for stream in watched.streams:
            self._of.pop(stream, None)
        watched.streams.clear()
        watched.counts.unsent_bytes -= watched.unsent
        watched.unsent = 0
