"""A fault: how it is caused, and exactly which alerts it must raise, how soon."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sse_observe import StreamRoute
from sse_observe.asgi import App
from sse_observe.consumer import Transport
from sse_observe.lab.drill import faulty_apps
from sse_observe.lab.drill.balancer import Kind
from sse_observe.lab.drill.switch import Switch
from sse_observe.reference.app import STREAM_PATH

JOB = "drill"
"""The Prometheus job of all faults that share one."""

FEED = StreamRoute(kind="continuous", dense_ids=True)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    One fault on a route of its own; it knows no clock, minutes are those of the rules.

    What must happen:
    `alerts` must fire, and no other. They must do so `within` so many minutes; without alerts it
    is how long none may fire. Those in `held` are held back by Alertmanager's example while the
    others fire.

    What causes it, while it is on:
    `service` builds the application behind the route. With a `provider` it is a gateway that asks
    this one, observed under the fault's name. Connections are cut after about `life`
    seconds, and readers wait `pause` seconds before they come back, at most `retries` times. They
    stop reading after `patience` events, or at an error that the stream states (`hangs_up`).
    `buffering` puts a second nginx, with its defaults, in between, `lossy` a network that loses
    packets. An `exporter` does not answer, strangers send forged `beacon_reports`, all servers
    restart once (`restarts`), three hosts are replaced in turn (`rolls`), code blocks an event
    loop (`blocking`). A `balancer` breaks in its way; through it a prober asks, and nobody else.
    The `store` that hosts share is `down` or `slow`, or one of two hosts that share it is `killed`.

    What is there all the time:
    `users` read, with our own clients, or with a `method` as the SDKs of models do. `read_timeout`
    is the limit of an nginx in between. `scale` is how much faster time may go at most: a rate
    grows with it, and one machine can do only so much.
    """

    name: str
    text: str
    alerts: tuple[str, ...]
    within: float
    held: tuple[str, ...] = ()
    service: Callable[[Switch], App] = faulty_apps.steady
    provider: Callable[[Switch], Transport] | None = None
    route: StreamRoute = field(default_factory=lambda: FEED)
    users: int = 12
    method: Literal["GET", "POST"] | None = None
    life: float | None = None
    pause: float = 0.2
    patience: int | None = None
    hangs_up: bool = False
    retries: int | None = None
    read_timeout: str | None = None
    buffering: bool = False
    lossy: bool = False
    exporter: bool = False
    beacon_reports: bool = False
    restarts: bool = False
    rolls: bool = False
    blocking: bool = False
    balancer: Kind | None = None
    store: Literal["down", "slow", "shared"] | None = None
    killed: bool = False
    scale: float = 60

    @property
    def path(self) -> str:
        """The route's path, which is its label too."""
        return f"/{self.name}{STREAM_PATH}"

    def raises(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels comes from this fault."""
        if labels.get("job") != self.job:
            return False
        if self.alone or labels.get("route") == self.path:
            return True
        return self.provider is not None and labels.get("upstream") == self.name

    @property
    def alone(self) -> bool:
        """Whether it has a job of its own, because it breaks servers or has no route."""
        breaks_servers = self.exporter or self.restarts or self.rolls or self.blocking
        apart = self.beacon_reports or self.lossy or self.store is not None
        return breaks_servers or apart or self.balancer is not None

    @property
    def hosts(self) -> int:
        """How many services it has: a deploy replaces three, and has one more meanwhile."""
        return 4 if self.rolls else 1

    @property
    def proxied(self) -> bool:
        """Whether there is an nginx before its service."""
        return self.read_timeout is not None or self.buffering

    @property
    def job(self) -> str:
        """The Prometheus job that watches it."""
        return f"{JOB}-{self.name}" if self.alone else JOB
