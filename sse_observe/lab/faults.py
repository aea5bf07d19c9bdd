"""
The table of faults: how each is caused, and exactly which alerts it must raise, how soon.

Knows no clock: how long a minute of the rules takes is the drill's to say.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches

from sse_observe import StreamRoute
from sse_observe.errors import LabError
from sse_observe.lab import broken
from sse_observe.lab.broken import App, Switch
from sse_observe.reference.app import STREAM_PATH

JOB = "drill"
_FEED = StreamRoute(kind="continuous", dense_ids=True)
_ANSWER = StreamRoute(terminal_events=("done",), dense_ids=True)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    One fault on a route of its own.

    `service` builds the application behind the route. While the fault is on, connections are cut
    after `life` seconds and readers wait `pause` seconds before they come back; `patience` ends
    their reading after so many events. `retries` is how often they come back at all.
    `read_timeout` puts an nginx with that limit in between. A fault of the `exporter` has a job
    and a `/metrics` of its own, which stops answering.
    `within` is how soon the alerts must fire, in minutes of the rules; `scale` is the most that
    time may be sped up: a rate grows with it, and one machine can do only so much.
    """

    name: str
    text: str
    alerts: tuple[str, ...]
    within: float
    service: Callable[[Switch], App] = broken.steady
    route: StreamRoute = field(default_factory=lambda: _FEED)
    users: int = 12
    life: float | None = None
    pause: float = 0.2
    patience: int | None = None
    retries: int | None = None
    read_timeout: str | None = None
    exporter: bool = False
    scale: float = 60

    @property
    def path(self) -> str:
        """The route's path, which is its label too."""
        return f"/{self.name}{STREAM_PATH}"

    def raises(self, labels: dict[str, str]) -> bool:
        """Whether an alert with these labels is this fault's doing."""
        if self.exporter:
            return labels.get("job") == self.job
        return labels.get("job") == JOB and labels.get("route") == self.path

    @property
    def job(self) -> str:
        """The Prometheus job that watches it."""
        return f"{JOB}-{self.name}" if self.exporter else JOB


FAULTS = (
    Fault(
        name="errors",
        text="Every other answer breaks off in the middle, and its reader gives up.",
        alerts=("SSECompletionRateLow", "SSEErrorBudgetBurn"),
        within=40,
        service=broken.failing,
        route=_ANSWER,
        users=16,
        retries=0,
    ),
    Fault(
        name="freeze",
        text="Answers stop growing while their heartbeats go on.",
        alerts=("SSEStreamsStalled",),
        within=30,
        service=broken.frozen,
        route=StreamRoute(
            terminal_events=("done",), dense_ids=True, heartbeat_seconds=1, stall_seconds=2
        ),
    ),
    Fault(
        name="heartbeats-off",
        text="A feed falls silent, and no heartbeat tells its readers that it lives.",
        alerts=("SSEHeartbeatMissing",),
        within=25,
        service=broken.quiet,
        route=StreamRoute(kind="continuous", dense_ids=True, heartbeat_seconds=0.5),
    ),
    Fault(
        name="small-buffer",
        text="Readers come back after two seconds to a replay that holds half a second.",
        alerts=("SSEMessageLoss", "SSEReplayMiss"),
        within=35,
        service=broken.forgetful,
        life=1,
        pause=2,
    ),
    Fault(
        name="duplicate-replay",
        text="The replay begins three events before the cursor.",
        alerts=("SSEHighDuplicateRate",),
        within=45,
        service=broken.repeating,
        users=20,
        life=2,
    ),
    Fault(
        name="slow-reconnect",
        text="Connections are lost each second, and the way back takes six.",
        alerts=("SSEHighReconnectLatency",),
        within=50,
        users=30,
        life=1,
        pause=6,
    ),
    Fault(
        name="storm",
        text="Every connection is cut at once, and every reader comes back at once.",
        alerts=("SSEReconnectStorm",),
        within=25,
        users=24,
        life=0.15,
        pause=0.15,
        scale=30,
    ),
    Fault(
        name="rejected",
        text="Every other request for a stream is answered with 503.",
        alerts=("SSEStreamsRejected",),
        within=35,
        service=broken.refusing,
        patience=3,
    ),
    Fault(
        name="wrong-headers",
        text="A deploy drops `X-Accel-Buffering: no` from the answers.",
        alerts=("SSEResponseHeadersWrong",),
        within=30,
        service=broken.mislabelled,
        route=_ANSWER,
    ),
    Fault(
        name="oversized",
        text="Events grow to 2 KiB.",
        alerts=("SSEEventsOversized",),
        within=60,
        service=broken.oversized,
    ),
    Fault(
        name="leak",
        text="The application goes on for readers that have left.",
        alerts=("SSEStreamLeak",),
        within=30,
        service=broken.leaking,
        patience=2,
    ),
    Fault(
        name="idle-timeout",
        text="A feed is silent for longer than its proxy waits (`proxy_read_timeout 10s`).",
        alerts=("SSEIdleTimeoutCliff",),
        within=75,
        service=broken.sparse,
        users=20,
        read_timeout="10s",
    ),
    Fault(
        name="exporter-gone",
        text="The `/metrics` of a job no longer answers.",
        alerts=("SSETelemetryAbsent",),
        within=30,
        exporter=True,
    ),
)
"""Every fault, as `sse-observe drill` lists them."""


def fault(name: str) -> Fault:
    """Return the fault of that name; LabError names the nearest where there is none."""
    known = {fault.name: fault for fault in FAULTS}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    remedy = f"did you mean {near[0]}?" if near else "`sse-observe drill` lists them"
    raise LabError(f"{name}: no such fault; {remedy}")
