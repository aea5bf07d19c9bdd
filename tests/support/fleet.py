"""
A simulated fleet: the streams of its users, and the series that Prometheus would have scraped.

The truth is counted per stream, the scraped counters per instance; neither knows the other.
"""

import math
import random
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from sse_observe.metrics import CUT_LIMITS, JUDGEMENTS, METRICS, REASONS
from sse_observe.middleware.cuts import limit_of
from tests.support.history import STALE, Points

SCRAPE = 15.0
INSTANCES = 4
# The longest raw range that a rule reads.
LOOKBACK = 900.0
HOUR = 3600.0
# Share of users, and seconds between two cuts of their network.
NETWORKS = {"4g": (0.7, 500.0), "3g": (0.2, 180.0), "2g": (0.1, 70.0)}
POLL_SECONDS = 5.0
# From SIGTERM to the end: a quarter of the processes are scraped once more in between.
STOP_SECONDS = 4.0
# Delivery of the reports as browsers manage it: the tab is closed while it is sent.
REPORTED = {"completed": 0.98, "stopped": 0.985, "left": 0.94, "failed": 0.9}

# What healthy days bring besides: shares of requests, resumptions and reports that go wrong.
CRAWLERS = 0.01
SLOW = 0.01
SWEPT = 0.002
STALE_TOKENS = 0.02
# Shares of open streams at any instant.
THINKING = 0.01
QUIET = 0.005

# Of those whose stream is late.
IMPATIENT = 0.25
# What a server judges of a stream that broke no limit.
_WORDS = {"completed": "good", "server_error": "server_error", "shutdown": "lost"}

Key = tuple[str, tuple[tuple[str, str], ...]]
Labelled = tuple[Mapping[str, str], Points]


@dataclass
class Instance:
    """One process: alive from `started` to `stopped`, scraped at its own phase."""

    name: str
    started: float
    stopped: float = math.inf
    counted: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    """The instants at which a counter grew by one."""

    @property
    def stops(self) -> float:
        """When it gets SIGTERM: it takes no stream any more and closes those it has."""
        return self.stopped - STOP_SECONDS

    def count(self, at: float, metric: str, **labels: str) -> None:
        """Count one; what a dead process would have counted is never known."""
        if at < self.stopped:
            self.counted[metric, tuple(sorted(labels.items()))].append(at)


class Fleet:
    """
    A fleet that started long ago, with streams that start at random over some hours.

    `lost` is the share of streams that fail their user; `deploys` are instants at which the
    instances are replaced one after the other. `late` is the share of streams that break a limit
    of goodput somewhere in their life; a quarter of their users leaves then.
    """

    def __init__(
        self,
        *,
        streams: int,
        hours: float,
        lost: float,
        seed: int,
        deploys: tuple[float, ...] = (),
        polling: float = 0,
        late: float = 0,
    ) -> None:
        self._chance = random.Random(seed)
        # Its own: which streams are late changes nothing else of a fleet.
        self._holes = random.Random(seed)
        self._late = late
        self.end = hours * HOUR
        self._lost = lost
        self._polling = polling
        self.ended: dict[str, list[float]] = {"completed": [], "lost": [], "good": [], "bad": []}
        self.instances: list[Instance] = []
        self._deploy(deploys)
        # The first hour of the day is over when the history begins: nothing starts empty.
        every = round(streams * (hours + 1) / hours)
        for start in sorted(self._chance.uniform(-HOUR, self.end) for _ in range(every)):
            self._live(start)
        for ends in self.ended.values():
            ends.sort()

    def completion(self, at: float, window: float) -> tuple[float, int]:
        """Return the true share of streams completed in a window, and how many ended."""
        return self._share("completed", "lost", at, window)

    def goodput(self, at: float, window: float) -> tuple[float, int]:
        """Return the true share of good streams in a window, and how many were good or bad."""
        return self._share("good", "bad", at, window)

    def _share(self, well: str, ill: str, at: float, window: float) -> tuple[float, int]:
        good, bad = (
            bisect_right(ends, at) - bisect_right(ends, at - window)
            for ends in (self.ended[well], self.ended[ill])
        )
        return good / max(good + bad, 1), good + bad

    def scraped(self, job: str, start: float) -> Iterator[Labelled]:
        """Return every series as scraped; `start` is the history's own, for instants."""
        for instance in self.instances:
            phase = self._chance.uniform(0, SCRAPE)
            since = max(instance.started, -LOOKBACK)
            first = math.ceil((since - phase) / SCRAPE) * SCRAPE + phase
            last = min(instance.stopped, self.end)
            times = [first + i * SCRAPE for i in range(int((last - first) // SCRAPE) + 1)]
            for (name, labels), values in _series(instance, times, start, self._chance).items():
                points = list(zip(times, values, strict=True))
                if instance.stopped < self.end:
                    points.append((times[-1] + SCRAPE, STALE))
                own = {"__name__": name, "job": job, "instance": instance.name}
                yield {**own, **dict(labels)}, points

    def _deploy(self, deploys: tuple[float, ...]) -> None:
        now = [Instance(f"0-{i}", -2 * HOUR) for i in range(INSTANCES)]
        self.instances += now
        for round_, at in enumerate(deploys, 1):
            fresh = []
            for i, old in enumerate(now):
                # The next is up before the last goes, a minute for each.
                old.stopped = at + 60 * i
                fresh.append(Instance(f"{round_}-{i}", old.stopped - 20))
            self.instances += fresh
            now = fresh

    def _place(self, at: float) -> Instance:
        return self._chance.choice([i for i in self.instances if i.started <= at < i.stops])

    def _report(self, at: float, how: str, outcome: str, stream: Mapping[str, str]) -> None:
        if self._chance.random() < REPORTED[how]:
            at += self._chance.uniform(0, 2)
            place = self._place(at)
            place.count(at, "sse_client_streams_total", route="r", outcome=outcome, **stream)
            result = "bad_token" if self._chance.random() < STALE_TOKENS else "accepted"
            place.count(at, "sse_client_reports_total", result=result)

    def _live(self, begin: float) -> None:
        """Let one stream live: cuts, resumptions, restarts, and its end."""
        chance = self._chance
        network = chance.choices([*NETWORKS], [share for share, _ in NETWORKS.values()])[0]
        stream = {"user_segment": "all", "network_type": network}
        polls = chance.random() < self._polling
        ending = chance.choices(
            ["stopped", "left", "lost", "completed"],
            [0.12, 0.05, self._lost, 0.83 - self._lost],
        )[0]
        left = chance.uniform(5, 120) * (1 if ending == "completed" else chance.random())
        # The seconds of its life after which it breaks a limit.
        hole = math.inf
        if self._holes.random() < self._late:
            hole = left * self._holes.random()
            if self._holes.random() < IMPATIENT:
                ending, left = "left", hole + self._holes.uniform(0, left - hole)
        ever_late = hole < left
        now, start = begin, "fresh"
        while True:
            place = self._place(now)
            opened = now
            place.count(now, "sse_streams_opened_total", route="r", start=start, **stream)
            if start == "resumed":
                outcome = "unknown_stream" if chance.random() < SWEPT else "full"
                place.count(now, "sse_resumes_total", route="r", outcome=outcome)
            if chance.random() < CRAWLERS:
                place.count(now, "sse_open_rejected_total", route="r", status="4xx")
            waited = 6.0 if chance.random() < SLOW else chance.lognormvariate(-1.2, 0.6)
            _observe(place, now, "sse_time_to_first_event_seconds", waited)
            # Behind a proxy that buffers: a stream that never arrives, then polls.
            patience = 10.0 if polls and start == "fresh" else 0.0 if polls else math.inf
            cut = min(chance.expovariate(1 / NETWORKS[network][1]), patience)
            lived = min(left, cut, max(place.stops - now, 0))
            is_late, hole = 0 <= hole < lived, hole - lived
            now, left = now + lived, left - lived
            if left <= 0:
                self._end(place, opened, now, ending, stream, is_late=is_late)
                self._judge(now, ending, ever_late=ever_late)
                return
            if now >= place.stops:
                now += chance.uniform(0, STOP_SECONDS / 2)
                _close(place, opened, now, "shutdown", stream, is_late=is_late)
            elif polls and start == "resumed":
                _close(place, opened, now, "polled", stream, is_late=False)
                now, left = now + POLL_SECONDS, left - POLL_SECONDS
                continue
            else:
                late = chance.uniform(5, 60) if chance.random() < 0.15 else 0.0
                gone = min(now + late, place.stops)
                _close(place, opened, gone, "client_disconnected", stream, is_late=is_late)
            start = "resumed"
            away = min(0.5 + chance.expovariate(1 / 1.1), 20.0)
            now += away
            _observe(
                self._place(now), now, "sse_reconnect_time_seconds", away, network_type=network
            )

    def _judge(self, at: float, ending: str, *, ever_late: bool) -> None:
        """Judge a stream as its user would: who left before it was late is outside."""
        if ever_late or ending == "lost":
            self.ended["bad"].append(at)
        elif ending == "completed":
            self.ended["good"].append(at)

    def _end(
        self,
        place: Instance,
        opened: float,
        at: float,
        ending: str,
        stream: Mapping[str, str],
        *,
        is_late: bool,
    ) -> None:
        if ending == "completed":
            self.ended["completed"].append(at)
            _close(place, opened, at, "completed", stream, is_late=is_late)
            self._report(at, "completed", "completed", stream)
        elif ending == "lost":
            self.ended["lost"].append(at)
            # Half by the server's own fault, half by a network that never comes back.
            reason = self._chance.choice(["server_error", "client_disconnected"])
            _close(place, opened, at, reason, stream, is_late=is_late)
            self._report(at, "failed", "failed", stream)
        else:
            _close(place, opened, at, "client_disconnected", stream, is_late=is_late)
            self._report(at, ending, "cancelled", stream)


def _close(
    place: Instance,
    opened: float,
    at: float,
    reason: str,
    stream: Mapping[str, str],
    *,
    is_late: bool,
) -> None:
    place.count(at, "sse_streams_closed_total", route="r", reason=reason, **stream)
    word = "gap" if is_late else _WORDS.get(reason)
    if word is not None:
        place.count(at, "sse_streams_judged_total", route="r", verdict=word, **stream)
    _observe(place, at, "sse_stream_duration_seconds", at - opened)
    if reason == "client_disconnected":
        limit = limit_of(at - opened)
        place.count(at, "sse_cuts_total", route="r", since="open", limit=limit)
        place.count(at, "sse_cuts_total", route="r", since="write", limit="other")


def _observe(place: Instance, at: float, metric: str, value: float, **labels: str) -> None:
    bounds = METRICS[metric].buckets
    bound = bisect_left(bounds, value)
    for le in (*(f"{float(b)}" for b in bounds[bound:]), "+Inf"):
        place.count(at, f"{metric}_bucket", route="r", le=le, **labels)
    place.count(at, f"{metric}_count", route="r", **labels)


def _series(
    instance: Instance, times: list[float], start: float, chance: random.Random
) -> dict[Key, list[float]]:
    """Return the values of every series at the instants of scraping."""

    def grown(instants: list[float]) -> list[float]:
        ordered = sorted(instants)
        return [float(bisect_right(ordered, at)) for at in times]

    found = {key: grown(instants) for key, instants in instance.counted.items()}
    nothing = [0.0] * len(times)
    for labels in _known():
        found.setdefault(labels, nothing)

    def total(name: str) -> list[float]:
        series = [values for (metric, _), values in found.items() if metric == name]
        return [sum(column) for column in zip(*series, strict=True)]

    opened, closed = total("sse_streams_opened_total"), total("sse_streams_closed_total")
    now = [float(a - b) for a, b in zip(opened, closed, strict=True)]

    def flow(per_second: float, bad: float = 0) -> list[float]:
        """Return a total over the open streams; of all, or of a share that comes in bursts."""
        sums = [0.0]
        for streams in now[1:]:
            share = min(chance.expovariate(1 / bad), 1) if bad else 1
            sums.append(sums[-1] + streams * SCRAPE * per_second * share)
        return sums

    def some(share: float) -> list[float]:
        """Return how many of the open streams are in a state that some are always in."""
        return [float(sum(chance.random() < share for _ in range(int(n)))) for n in now]

    late, large = flow(5, bad=0.02), flow(5, bad=0.03)
    events = flow(5)
    for name, labels, values in (
        ("sse_concurrent_streams", {}, now),
        ("sse_stream_seconds_total", {"state": "flowing"}, flow(0.999)),
        ("sse_stream_seconds_total", {"state": "stalled"}, flow(0.001)),
        ("sse_events_sent_total", {"event": "message"}, events),
        ("sse_sent_bytes_total", {}, flow(600)),
        ("sse_send_blocked_seconds_total", {}, flow(1, bad=0.02)),
        ("sse_client_events_received_total", {"network_type": "4g"}, flow(4.9)),
        ("sse_duplicate_events_total", {"seen_by": "client"}, flow(4.9, bad=0.002)),
        ("sse_tcp_sent_segments_total", {"network_type": "4g"}, flow(5.2)),
        ("sse_tcp_retransmitted_segments_total", {"network_type": "4g"}, flow(5.2, bad=0.015)),
        ("sse_event_size_bytes_bucket", {"le": "1024.0"}, _less(events, large)),
        ("sse_event_size_bytes_bucket", {"le": "+Inf"}, events),
        ("sse_event_delay_seconds_bucket", {"le": "1.0"}, _less(events, late)),
        ("sse_event_delay_seconds_bucket", {"le": "+Inf"}, events),
        ("sse_silent_streams", {}, some(QUIET)),
        ("sse_stalled_streams", {}, some(THINKING)),
        ("sse_orphaned_streams", {}, some(THINKING)),
        ("sse_unconfirmed_streams", {}, some(THINKING)),
        ("sse_late_streams", {}, some(QUIET)),
    ):
        found[name, tuple(sorted({"route": "r", **labels}.items()))] = values
    limit = max(20.0, 2 * fmean(now))
    for name, labels, value in (
        ("sse_stream_limit", {"route": "r"}, limit),
        ("sse_heartbeat_interval_seconds", {"route": "r"}, 10.0),
        ("sse_goodput_limit_seconds", {"route": "r", "limit": "gap"}, 10.0),
        ("sse_route_info", {"route": "r", "kind": "finite"}, 1.0),
        ("sse_build_info", {"version": "1"}, 1.0),
        ("sse_start_time_seconds", {}, start + instance.started),
        ("sse_observer_faults_total", {"where": "tick"}, 0.0),
        ("sse_response_faults_total", {"route": "r", "fault": "compressed"}, 0.0),
        ("sse_message_loss_total", {"route": "r", "seen_by": "server"}, 0.0),
        ("sse_message_loss_total", {"route": "r", "seen_by": "client"}, 0.0),
        ("up", {}, 1.0),
    ):
        found[name, tuple(sorted(labels.items()))] = [value] * len(times)
    return found


def _less(whole: list[float], part: list[float]) -> list[float]:
    return [a - b for a, b in zip(whole, part, strict=True)]


def _known() -> Iterator[Key]:
    """Yield the counters that exist at 0 from the start."""
    for network in NETWORKS:
        stream = {"route": "r", "user_segment": "all", "network_type": network}
        for name, label, values in (
            ("sse_streams_opened_total", "start", ("fresh", "resumed")),
            ("sse_streams_closed_total", "reason", REASONS),
            ("sse_streams_judged_total", "verdict", JUDGEMENTS),
            ("sse_client_streams_total", "outcome", ("completed", "cancelled", "failed")),
        ):
            for value in values:
                yield name, tuple(sorted({**stream, label: value}.items()))
        yield from _histogram("sse_reconnect_time_seconds", network_type=network)
    yield from _histogram("sse_time_to_first_event_seconds")
    yield from _histogram("sse_stream_duration_seconds")
    for since in ("open", "write"):
        for limit in CUT_LIMITS:
            labels = {"route": "r", "since": since, "limit": limit}
            yield "sse_cuts_total", tuple(sorted(labels.items()))
    for outcome in ("full", "gap", "unknown_stream"):
        yield "sse_resumes_total", (("outcome", outcome), ("route", "r"))
    for result in ("accepted", "bad_token"):
        yield "sse_client_reports_total", (("result", result),)
    for status in ("4xx", "5xx"):
        yield "sse_open_rejected_total", (("route", "r"), ("status", status))


def _histogram(metric: str, **labels: str) -> Iterator[Key]:
    own = {"route": "r", **labels}
    yield f"{metric}_count", tuple(sorted(own.items()))
    for le in (*(f"{float(bound)}" for bound in METRICS[metric].buckets), "+Inf"):
        yield f"{metric}_bucket", tuple(sorted({**own, "le": le}.items()))
