"""The table of faults, as `sse-observe drill` lists them."""

from difflib import get_close_matches

from sse_observe import StreamRoute
from sse_observe.errors import LabError
from sse_observe.lab.drill import faulty_apps, gateway_apps
from sse_observe.lab.drill.deploy_faults import DEPLOYS
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.provider_faults import PROVIDER_FAULTS

_ANSWER = StreamRoute(terminal_events=("done",), dense_ids=True)
# Nothing declared, as most routes are: its protocol is recognised stream by stream.
_UNDECLARED = StreamRoute()

# While the store is away nothing new comes, and that is not the point here.
_KEPT = StreamRoute(kind="continuous", dense_ids=True, stall_seconds=600)

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
        name="slow-thinkers",
        text="No fault: a model thinks for half a minute before each answer; nothing is declared.",
        alerts=(),
        within=60,
        service=gateway_apps.thinking,
        route=_UNDECLARED,
        method="POST",
        users=20,
    ),
    Fault(
        name="idle-feeds",
        text="No fault: feeds without news, renewed by their server; nothing is declared.",
        alerts=(),
        within=60,
        service=gateway_apps.idle,
        route=_UNDECLARED,
        method="GET",
        users=20,
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
        name="error-events",
        text="Every other answer says in the middle that it failed, then `[DONE]`; status 200.",
        alerts=("SSEErrorBudgetBurn", "SSECompletionRateLow", "SSEErrorEvents"),
        held=("SSECompletionRateLow", "SSEErrorEvents"),
        within=40,
        service=gateway_apps.stating_errors,
        route=_UNDECLARED,
        method="POST",
    ),
    Fault(
        name="error-events-hangup",
        text="The same, and its client leaves at the error, before the server ends.",
        alerts=("SSEErrorBudgetBurn", "SSECompletionRateLow", "SSEErrorEvents"),
        held=("SSECompletionRateLow", "SSEErrorEvents"),
        within=40,
        service=gateway_apps.stating_errors,
        route=_UNDECLARED,
        method="POST",
        hangs_up=True,
    ),
    Fault(
        name="upstream-timeouts",
        text="The upstream of every other answer falls silent, and the application gives up.",
        alerts=("SSEErrorBudgetBurn", "SSECompletionRateLow"),
        held=("SSECompletionRateLow",),
        within=40,
        service=gateway_apps.timing_out,
        route=_UNDECLARED,
        method="POST",
    ),
    Fault(
        name="slow-first-token",
        text="A model begins to think for seven seconds between the role and the first word.",
        alerts=("SSESlowFirstEvent",),
        within=50,
        service=gateway_apps.slow_to_begin,
        route=_UNDECLARED,
        method="POST",
        users=16,
    ),
    Fault(
        name="holes",
        text="Each answer falls silent in the middle, longer than its route allows, and goes on.",
        alerts=("SSEGoodputBurn",),
        within=90,
        service=gateway_apps.with_holes,
        route=StreamRoute(gap_within=1.5),
        method="POST",
    ),
    Fault(
        name="empty-answers",
        text="Every other answer ends in order, without a word.",
        alerts=("SSEEmptyStreams",),
        within=40,
        service=gateway_apps.empty,
        route=_UNDECLARED,
        method="POST",
    ),
    Fault(
        name="refused-by-limit",
        text="Every other call is answered with 429; its client has asked for JSON.",
        alerts=("SSEStreamsRejected",),
        within=45,
        service=gateway_apps.limiting,
        route=_UNDECLARED,
        method="POST",
    ),
    Fault(
        name="blocked-loop",
        text="A handler sleeps without `await`, most of the time.",
        alerts=("SSEEventLoopBlocked",),
        within=40,
        service=gateway_apps.blocking,
        route=_UNDECLARED,
        method="POST",
        blocking=True,
        # A loop is looked at once a second, whatever the speed of time.
        scale=30,
    ),
    Fault(
        name="ignored-cancel",
        text="Readers leave early, and the application finishes each answer for nobody.",
        alerts=("SSEWorkNobodyReads",),
        within=40,
        service=gateway_apps.finishing,
        route=_UNDECLARED,
        method="POST",
        # More would be a leak, too.
        users=3,
        patience=4,
    ),
    Fault(
        name="zombie-readers",
        text="The application goes on sending to readers that have left, and never asks.",
        alerts=("SSEStreamLeak", "SSEWorkNobodyReads"),
        held=("SSEWorkNobodyReads",),
        within=30,
        service=gateway_apps.never_asking,
        route=_UNDECLARED,
        method="POST",
        patience=4,
    ),
    *PROVIDER_FAULTS,
    *DEPLOYS,
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
        service=faulty_apps.silent,
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
        text="Connections are lost after a second, and a reconnect takes six.",
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
        text="A second nginx with its defaults, before the first, holds events back.",
        alerts=("SSEDeliveryDelayed",),
        within=45,
        service=faulty_apps.talkative,
        # All readers are cut at once when the proxies change. Ten that are cut at one age would
        # look like a time limit.
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
        name="no-sticky-sessions",
        text="Readers come back to another host, and the two hosts share no store.",
        alerts=("SSEReplayMiss",),
        within=35,
        service=faulty_apps.scattered,
        life=2,
    ),
    Fault(
        name="store-down",
        text="The Redis that keeps the streams ends, and later begins again, empty.",
        alerts=("SSEReplayStoreDown",),
        within=30,
        route=_KEPT,
        store="down",
    ),
    Fault(
        name="store-slow",
        text="The Redis that keeps the streams takes 150 ms for each answer.",
        alerts=("SSEReplayStoreSlow",),
        within=35,
        route=_KEPT,
        store="slow",
    ),
    Fault(
        name="host-killed",
        text="One of two hosts that share a Redis is killed in the middle of its answers.",
        alerts=("SSEProducersLost",),
        within=30,
        route=_KEPT,
        users=3,  # More that are told of it would be SSEErrorEvents, too.
        store="shared",
        killed=True,
    ),
    Fault(
        name="bad-reports",
        text="Strangers flood the beacon with reports under forged tokens.",
        alerts=("SSEClientReportsRejected",),
        within=50,
        # Its reporting clients open streams and leave.
        service=faulty_apps.brief,
        beacon_reports=True,
    ),
    Fault(
        name="unreachable",
        text="The balancer is gone: nobody arrives, and no metric of a server moves.",
        alerts=("SSEProbeFailing",),
        within=25,
        users=0,
        balancer="gone",
    ),
    Fault(
        name="slow-way",
        text="The balancer takes seven seconds to reach the service; the service knows nothing.",
        alerts=("SSEProbeSlow",),
        within=50,
        users=0,
        balancer="slow",
    ),
    Fault(
        name="holding-way",
        text="The balancer passes on what it has once in a while: a prober sees bursts.",
        alerts=("SSEProbeHeldBack",),
        within=45,
        service=faulty_apps.brisk,
        users=0,
        balancer="holding",
    ),
    Fault(
        name="certificate",
        text="The balancer shows a certificate that expires in a week.",
        alerts=("SSEProbeCertificateExpiring",),
        within=60,
        users=0,
        balancer="expiring",
    ),
    Fault(
        name="exporter-gone",
        text="The `/metrics` of a job no longer answers.",
        alerts=("SSETelemetryAbsent",),
        within=30,
        exporter=True,
    ),
)
"""Every fault, the healthy run first."""


def faults_named(*names: str) -> tuple[Fault, ...]:
    """Return the faults of these names, each once; for `healthy` every service that rests."""
    wanted = {fault_named(name).name for name in names}
    if FAULTS[0].name in wanted:
        wanted |= {one.name for one in FAULTS if not (one.alerts or one.rolls)}
    return tuple(one for one in FAULTS if one.name in wanted)


def fault_named(name: str) -> Fault:
    """Return the fault of that name; LabError names the nearest where there is none."""
    known = {fault.name: fault for fault in FAULTS}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    remedy = f"did you mean {near[0]}?" if near else "`sse-observe drill` lists them"
    raise LabError(f"{name}: no such fault; {remedy}")
