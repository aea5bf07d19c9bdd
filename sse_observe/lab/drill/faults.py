"""
The table of faults: how each is caused, and exactly which alerts it must raise, how soon.

Knows no clock: how long a minute of the rules takes is the drill's to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from sse_observe import StreamRoute
from sse_observe.errors import LabError
from sse_observe.lab.drill import faulty_apps
from sse_observe.lab.drill.faulty_apps import App, Switch
from sse_observe.reference.app import STREAM_PATH

JOB = "drill"
_FEED = StreamRoute(kind="continuous", dense_ids=True)
_ANSWER = StreamRoute(terminal_events=("done",), dense_ids=True)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    One fault on a route of its own.

    `service` builds the application behind the route. While the fault is on, connections are cut
    after about `life` seconds and readers wait `pause` seconds before they come back; `patience`
    ends their reading after so many events. `retries` is how often they come back at all.
    `read_timeout` puts an nginx with that limit in between; `buffering`, while it is on, a second
    one with its defaults; `lossy` a wire that loses packets then. A fault that is `alone` has a
    job and servers of its own: while it is on, an `exporter` does not answer, strangers send
    `reports` that nobody can believe; and when it is turned on, its servers restart (`restarts`).
    `within` is how soon the alerts must fire, in minutes of the rules; without alerts it is how
    long none may. Those in `held` Alertmanager's example holds back, once the others fire.
    `scale` is the most that time may be sped up: a rate grows with it, and one machine can do
    only so much.
    """

    name: str
    text: str
    alerts: tuple[str, ...]
    within: float
    held: tuple[str, ...] = ()
    service: Callable[[Switch], App] = faulty_apps.steady
    route: StreamRoute = field(default_factory=lambda: _FEED)
    users: int = 12
    life: float | None = None
    pause: float = 0.2
    patience: int | None = None
    retries: int | None = None
    read_timeout: str | None = None
    buffering: bool = False
    lossy: bool = False
    exporter: bool = False
    reports: bool = False
    restarts: bool = False
    scale: float = 60

    @property
    def path(self) -> str:
        """The route's path, which is its label too."""
        return f"/{self.name}{STREAM_PATH}"

    def raises(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is this fault's doing."""
        if labels.get("job") != self.job:
            return False
        return self.alone or labels.get("route") == self.path

    @property
    def alone(self) -> bool:
        """Whether it cannot share servers with others: it is theirs, or has no route."""
        return self.exporter or self.reports or self.restarts or self.lossy

    @property
    def proxied(self) -> bool:
        """Whether there is an nginx before its service."""
        return self.read_timeout is not None or self.buffering

    @property
    def job(self) -> str:
        """The Prometheus job that watches it."""
        return f"{JOB}-{self.name}" if self.alone else JOB


FAULTS = (
    Fault(
        name="healthy",
        text="No fault: two hundred users read answers and now and then lose their connection.",
        alerts=(),
        within=60,
        service=faulty_apps.unhurried,
        route=StreamRoute(
            terminal_events=("done",),
            dense_ids=True,
            heartbeat_seconds=5,
            stall_seconds=15,
            limit=1000,
        ),
        users=200,
        life=40,
        pause=1,
    ),
    Fault(
        name="errors",
        text="Every other answer breaks off in the middle, and its reader gives up.",
        alerts=("SSEErrorBudgetBurn", "SSECompletionRateLow"),
        held=("SSECompletionRateLow",),
        within=40,
        service=faulty_apps.failing,
        route=_ANSWER,
        users=16,
        retries=0,
    ),
    Fault(
        name="freeze",
        text="Answers stop growing while their heartbeats go on.",
        alerts=("SSEStreamsStalled",),
        within=30,
        service=faulty_apps.frozen,
        route=StreamRoute(
            terminal_events=("done",), dense_ids=True, heartbeat_seconds=1, stall_seconds=2
        ),
    ),
    Fault(
        name="heartbeats-off",
        text="A feed falls silent, and no heartbeat tells its readers that it lives.",
        alerts=("SSEHeartbeatMissing",),
        within=25,
        service=faulty_apps.quiet,
        route=StreamRoute(kind="continuous", dense_ids=True, heartbeat_seconds=0.5),
    ),
    Fault(
        name="small-buffer",
        text="Readers come back after two seconds to a replay that holds half a second.",
        alerts=("SSEMessageLoss", "SSEReplayMiss"),
        held=("SSEReplayMiss",),
        within=35,
        service=faulty_apps.forgetful,
        life=1,
        pause=2,
    ),
    Fault(
        name="duplicate-replay",
        text="The replay begins three events before the cursor.",
        alerts=("SSEHighDuplicateRate",),
        within=45,
        service=faulty_apps.repeating,
        users=20,
        life=2,
        scale=30,
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
        within=40,
        users=20,
        life=0.15,
        pause=0.15,
        scale=30,
    ),
    Fault(
        name="rejected",
        text="Every other request for a stream is answered with 503.",
        alerts=("SSEStreamsRejected",),
        within=45,
        service=faulty_apps.refusing,
        route=_ANSWER,
    ),
    Fault(
        name="wrong-headers",
        text="A deploy drops `X-Accel-Buffering: no` from the answers.",
        alerts=("SSEResponseHeadersWrong",),
        within=30,
        service=faulty_apps.mislabelled,
        route=_ANSWER,
    ),
    Fault(
        name="oversized",
        text="Events grow to 2 KiB.",
        alerts=("SSEEventsOversized",),
        within=60,
        service=faulty_apps.oversized,
    ),
    Fault(
        name="leak",
        text="The application goes on for readers that have left.",
        alerts=("SSEStreamLeak",),
        within=30,
        service=faulty_apps.leaking,
        patience=4,
    ),
    Fault(
        name="idle-timeout",
        text="A feed is silent for longer than its proxy waits (`proxy_read_timeout 10s`).",
        alerts=("SSEIdleTimeoutCliff",),
        within=75,
        service=faulty_apps.sparse,
        users=20,
        read_timeout="10s",
    ),
    Fault(
        name="buffering-proxy",
        text="A second nginx with its defaults, before the first, hands events on by the page.",
        alerts=("SSEDeliveryDelayed",),
        within=45,
        service=faulty_apps.talkative,
        # The proxies change under all readers at once: ten that are cut at one age look like a
        # time limit.
        users=8,
        buffering=True,
    ),
    Fault(
        name="packet-loss",
        text="One packet in five is lost on the way to the readers.",
        alerts=("SSEPacketLossHigh",),
        within=45,
        service=faulty_apps.brisk,
        users=8,
        lossy=True,
        scale=30,
    ),
    Fault(
        name="restart",
        text="All servers restart at once, and forget what they held for replay.",
        alerts=("SSEReplayMiss",),
        within=30,
        restarts=True,
    ),
    Fault(
        name="bad-reports",
        text="Strangers flood the beacon with reports under forged tokens.",
        alerts=("SSEClientReportsRejected",),
        within=50,
        reports=True,
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
