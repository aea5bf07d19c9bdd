"""The fire drill: faults on routes of their own, and the alerts that must see each of them."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from sse_observe.errors import LabError
from sse_observe.lab.drill.environments import FEW, Environments
from sse_observe.lab.drill.fault import JOB, Fault
from sse_observe.lab.drill.local_stack import LocalStack
from sse_observe.lab.drill.results import Results
from sse_observe.lab.drill.scenario_run import ScenarioRun
from sse_observe.lab.drill.stack import Stack
from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.programs.lossy_network import LossyNetwork
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.prometheus import ActiveAlert
from sse_observe.lab.programs.server import quiet

FRAME_SECONDS = 0.5
# The 5m windows must have seen a healthy route before it breaks, or they see nothing change.
HEALTHY_MINUTES = 8.0
# More faults than a core has time for: for them time goes slower. At 30 two cores were never idle,
# and a healthy store took 100 ms.
FAST, SLOW = 60.0, 24.0


@dataclass
class Drill:
    """
    One run of some faults, side by side; `on_event` is called with each event of the timeline.

    Everything is on loopback and ends with the run, except for an `external` stack, which then
    watches instead of a local one. LabError where a program is missing. A fault that this machine
    cannot cause is skipped, unless it is the only one.
    """

    faults: Sequence[Fault]
    on_event: Callable[[TimelineEvent], None]
    external: Stack | None = None
    stack: Stack = field(init=False)
    _timeline: list[TimelineEvent] = field(init=False, default_factory=list)
    _strays: set[str] = field(init=False, default_factory=set)
    _skipped: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Let a local stack watch where no other is given."""
        most = FAST if len(self.faults) <= FEW else SLOW
        scale = min(most, *(fault.scale for fault in self.faults))
        self.stack = self.external or LocalStack(scale)

    async def run(self) -> Results:
        """Run until every fault is over."""
        self.stack.check()
        if any(fault.proxied for fault in self.faults):
            find("nginx", "nginx")
        began = time.monotonic()
        with ExitStack() as programs:
            programs.enter_context(quiet())
            home = Path(programs.enter_context(tempfile.TemporaryDirectory(prefix="sse-observe-")))
            faults = self._possible()
            environments = Environments(faults, home, address=self.stack.address)
            programs.enter_context(environments)
            # Not in a thread: who ends us meanwhile would leave it behind, starting things.
            self.stack.start(programs, home)
            targets = await environments.targets()
            self.stack.watch(programs, targets)
            runs = [self._run_of(fault, environments) for fault in faults]
            await self._first_scrape(targets)
            scraped = time.monotonic()
            await asyncio.sleep(self.healthy_seconds)
            for run in runs:
                run.begin(time.monotonic() - began)
            await self._watch(runs, began, environments)
            missed = self._missed(time.monotonic() - scraped)
            verdicts = [
                replace(run.verdict(), claims=environments.claims(run.fault.name)) for run in runs
            ]
        return Results(
            tuple(verdicts),
            tuple(sorted(self._strays)),
            round(time.monotonic() - began, 1),
            self.stack.scale,
            tuple(self._timeline),
            self._skipped,
            missed,
        )

    @property
    def healthy_seconds(self) -> float:
        """How long everything is healthy before the faults begin."""
        return HEALTHY_MINUTES * 60 / self.stack.scale

    def _run_of(self, fault: Fault, environments: Environments) -> ScenarioRun:
        switch, minute = environments.switches[fault.name], 60 / self.stack.scale
        return ScenarioRun(fault, switch, self.stack.alerts, minute, self._record)

    def _record(self, event: TimelineEvent) -> None:
        self._timeline.append(event)
        self.on_event(event)

    def _possible(self) -> list[Fault]:
        """Return the faults that can be caused here."""
        for fault in self.faults:
            try:
                if fault.lossy:
                    LossyNetwork().start().stop()
                if fault.store is not None:
                    find("redis-server", "redis-server")
            except LabError as error:
                self._skipped[fault.name] = str(error)
                if len(self._skipped) == len(self.faults):
                    raise
        return [fault for fault in self.faults if fault.name not in self._skipped]

    async def _first_scrape(self, targets: Mapping[str, Sequence[str]]) -> None:
        """Wait until there is something to judge: Prometheus takes 5 s to find its targets."""
        deadline = time.monotonic() + self.stack.patience_seconds
        missing = Counter({job: len(hosts) for job, hosts in targets.items()})
        seen: set[tuple[str, str]] = set()
        while not missing <= Counter(job for job, _ in seen):
            await asyncio.sleep(FRAME_SECONDS)
            up = await asyncio.to_thread(self.stack.query, f'up{{job=~"{JOB}.*"}} == 1')
            seen |= {(sample.labels["job"], sample.labels["instance"]) for sample in up}
            if time.monotonic() > deadline:
                raise LabError(
                    f"drill: {len(seen)} of {missing.total()} targets were scraped within "
                    f"{self.stack.patience_seconds:g} s; {self.stack.unscraped()}"
                )

    async def _watch(
        self, runs: Sequence[ScenarioRun], began: float, environments: Environments
    ) -> None:
        """Show each run what there is to see, until all are over."""
        signals = _selector(runs)
        while any(run.phase != "over" for run in runs):
            await asyncio.sleep(FRAME_SECONDS)
            environments.check()
            seen = await asyncio.to_thread(self.stack.observe, signals)
            for run in runs:
                run.observe(time.monotonic() - began, seen)
            self._strays |= self._unexplained(seen.alerts)

    def _missed(self, seconds: float) -> float:
        """Return the share of the last scrapes that failed where no fault was the reason."""
        jobs = {
            fault.job
            for fault in self.faults
            if not (fault.exporter or fault.restarts or fault.rolls)
        }
        up = f'avg(avg_over_time(up{{job=~"{"|".join(sorted(jobs | {JOB}))}"}}[{seconds:.0f}s]))'
        return round(sum(1 - sample.value for sample in self.stack.query(up)), 3)

    def _unexplained(self, alerts: Iterable[ActiveAlert]) -> set[str]:
        """Return the names of alerts that fire and come from no fault."""
        return {
            alert.name
            for alert in alerts
            if alert.state == "firing"
            and not any(fault.raises(alert.labels) for fault in self.faults)
        }


def _selector(runs: Sequence[ScenarioRun]) -> str:
    """Return one query for every signal that the faults' alerts watch."""
    names = sorted({run.alerts[name].signals()[0] for run in runs for name in run.fault.alerts})
    return f'{{__name__=~"{"|".join(names)}", job=~"{JOB}.*"}}'
