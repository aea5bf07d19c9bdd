"""The fire drill: faults on routes of their own, and the alerting that must see each of them."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sse_observe.errors import LabError
from sse_observe.lab.drill.environment import Scene
from sse_observe.lab.drill.faults import JOB, Fault
from sse_observe.lab.drill.results import Report
from sse_observe.lab.drill.scenario_run import Course, Happening
from sse_observe.lab.drill.stack import OurStack, Stack
from sse_observe.lab.programs.lossy_network import Wire
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.server import quiet

FRAME_SECONDS = 0.5
# The 5m windows must have seen a healthy route before it breaks, or they see nothing change.
HEALTHY_MINUTES = 8.0
# Readers, services and scrapes share one interpreter: for more faults time goes half as fast.
FAST, SLOW = 60.0, 30.0
FEW = 3


@dataclass
class Drill:
    """
    One run of some faults, side by side; `tell` is called with each line of the timeline.

    Everything is on loopback and ends with the run, but `theirs`, which then watches instead of a
    stack of ours. LabError where a program is missing. A fault that this machine cannot cause is
    skipped, unless it is the only one.
    """

    faults: Sequence[Fault]
    tell: Callable[[Happening], None]
    theirs: Stack | None = None
    stack: Stack = field(init=False)
    _timeline: list[Happening] = field(init=False, default_factory=list)
    _strays: set[str] = field(init=False, default_factory=set)
    _skipped: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Let our own stack watch where no other is given."""
        most = FAST if len(self.faults) <= FEW else SLOW
        scale = min(most, *(fault.scale for fault in self.faults))
        self.stack = self.theirs or OurStack(scale)

    async def run(self) -> Report:
        """Run to the end of every fault's course."""
        self.stack.check()
        if any(fault.proxied for fault in self.faults):
            find("nginx", "nginx")
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sse-observe-")))
            programs = stack.enter_context(ExitStack())
            wire, faults = self._wired(programs)
            scene = Scene(faults, home, self.stack.rest, address=self.stack.address, wire=wire)
            await stack.enter_async_context(scene)
            # Not in a thread: whoever ends us meanwhile would leave it behind, starting things.
            self.stack.start(programs, home, scene.url, scene.targets)
            courses = [
                Course(
                    fault,
                    scene.switches[fault.name],
                    self.stack.alerts,
                    60 / self.stack.scale,
                    self._note,
                )
                for fault in faults
            ]
            await self._first_scrape(scene.targets)
            scraped = time.monotonic()
            await asyncio.sleep(self.healthy_seconds)
            for course in courses:
                course.begin(time.monotonic() - began)
            await self._watch(courses, began)
            missed = self._missed(time.monotonic() - scraped)
        return Report(
            tuple(course.verdict() for course in courses),
            tuple(sorted(self._strays)),
            round(time.monotonic() - began, 1),
            self.stack.scale,
            tuple(self._timeline),
            self._skipped,
            missed,
        )

    @property
    def healthy_seconds(self) -> float:
        """How long all is well before the faults begin."""
        return HEALTHY_MINUTES * 60 / self.stack.scale

    def _note(self, happening: Happening) -> None:
        self._timeline.append(happening)
        self.tell(happening)

    def _wired(self, programs: ExitStack) -> tuple[Wire | None, list[Fault]]:
        """Return the wire, where one is needed and to be had, and the faults that can be caused."""
        whole = [fault for fault in self.faults if not fault.lossy]
        if len(whole) == len(self.faults):
            return None, whole
        try:
            wire = programs.enter_context(Wire())
        except LabError as error:
            if not whole:
                raise
            self._skipped = {f.name: str(error) for f in self.faults if f.lossy}
            return None, whole
        return wire, list(self.faults)

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

    async def _watch(self, courses: Sequence[Course], began: float) -> None:
        """Show each course what there is to see, until all are over."""
        signals = _selector(courses)
        while any(course.phase != "over" for course in courses):
            await asyncio.sleep(FRAME_SECONDS)
            found = await asyncio.to_thread(self.stack.found)
            values = await asyncio.to_thread(self.stack.query, signals)
            messages = await asyncio.to_thread(self.stack.notified)
            for course in courses:
                course.look(time.monotonic() - began, found, values, messages)
            self._stray(found)

    def _missed(self, seconds: float) -> float:
        """Return the share of the last scrapes that failed where no fault was the reason."""
        jobs = {fault.job for fault in self.faults if not fault.exporter and not fault.restarts}
        up = f'avg(avg_over_time(up{{job=~"{"|".join(sorted(jobs | {JOB}))}"}}[{seconds:.0f}s]))'
        return round(sum(1 - sample.value for sample in self.stack.query(up)), 3)

    def _stray(self, found: Iterable[dict[str, Any]]) -> None:
        """Note what fires and is no fault's doing."""
        for alert in found:
            labels = alert["labels"]
            if alert["state"] == "firing" and not any(f.raises(labels) for f in self.faults):
                self._strays.add(labels["alertname"])


def _selector(courses: Sequence[Course]) -> str:
    """Return one query for every signal that the faults' alerts watch."""
    names = sorted(
        {course.alerts[name].signals()[0] for course in courses for name in course.fault.alerts}
    )
    return f'{{__name__=~"{"|".join(names)}", job=~"{JOB}.*"}}'
