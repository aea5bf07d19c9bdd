"""
The prober: asks targets within its bounds, and remembers the last outcome of each.

Holds numbers alone between two probes, so its memory does not grow with time.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sse_observe.check.asking.connection import Dialing, Trust
from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.failures import AskError
from sse_observe.check.checks import every
from sse_observe.check.doctor import Doctor
from sse_observe.check.model import Check, Flag, Options
from sse_observe.check.reading.dialect import Speech
from sse_observe.errors import SSEObserveError
from sse_observe.probe.budget import Budgets
from sse_observe.probe.config import Loaded, Watched, load
from sse_observe.probe.guard import (
    MOST_OPEN_SECONDS,
    check_stranger,
    judge,
    same_host,
    same_origin,
)
from sse_observe.probe.module import Module, Target
from sse_observe.probe.outcome import Outcome, outcome
from sse_observe.shown_url import shown_url

_log = logging.getLogger("sse_observe.probe")
_WAIT_SECONDS = 5.0
"""For so long a probe waits until another one has made room."""
_OWN_SECONDS = 0.5
"""Kept of a scrape's time for everything beside the watching."""


_LEAST_SECONDS = 1.0
MOST_BYTES = 1 << 20
"""A probe reads no more of an answer."""


class Key(NamedTuple):
    """The labels of a target's series."""

    target: str
    module: str


class Skipped(SSEObserveError):  # noqa: N818 - no error: nothing was asked
    """A probe that was not made, and why."""


class Prober:
    """Everything that a running prober knows."""

    def __init__(self, path: Path, *, open_targets: bool = False) -> None:
        self._path = path
        self._open_targets = open_targets
        self.loaded = load(path)
        self.budgets = self._budgets(self.loaded)
        self.outcomes: dict[Key, Outcome] = {}
        self.runs: Counter[tuple[Key, str]] = Counter()
        self.running = 0
        self.config_ok = True
        self.reloaded: list[Callable[[], None]] = []
        """Called when the file was read again."""
        self._busy: set[Key] = set()
        self._slots = asyncio.Semaphore(self.loaded.config.concurrency)

    @staticmethod
    def _budgets(loaded: Loaded) -> Budgets:
        path = loaded.config.state_file
        return Budgets(None if path is None else Path(path))

    def reload(self) -> None:
        """Read the file again; CheckError leaves everything as it was."""
        try:
            loaded = load(self._path)
            budgets = self._budgets(loaded)
        except SSEObserveError:
            self.config_ok = False
            raise
        self.config_ok = True
        self.loaded, self.budgets = loaded, budgets
        self._slots = asyncio.Semaphore(loaded.config.concurrency)
        kept = {Key(one.name, one.module_name) for one in loaded.targets.values()}
        self.outcomes = {key: found for key, found in self.outcomes.items() if key in kept}
        self.runs = Counter({key: count for key, count in self.runs.items() if key[0] in kept})
        for call in self.reloaded:
            call()

    def find(self, target: str, module: str | None) -> tuple[Watched, bool]:
        """
        Return what a request names, and whether it is a stranger's; AskError where it may not be.

        A target is named by its name or its URL, as it stands in the configuration.
        """
        watched = self.loaded.find(target, module)
        if watched is not None:
            return watched, False
        if not self._open_targets:
            raise AskError("forbidden", "the target is not in the configuration")
        found = self.loaded.config.modules.get(module or "")
        if found is None or module is None:
            raise AskError("forbidden", "name one of the modules: &module=…")
        check_stranger(target, found)
        name = shown_url(target).partition("?")[0]
        return Watched(name, Target(url=target, module=module), module, found), True

    async def probe(
        self, watched: Watched, *, stranger: bool = False, seconds: float | None = None
    ) -> Outcome:
        """Probe a target once; Skipped where its budget is spent or it is under way."""
        key = Key(watched.name, watched.module_name)
        try:
            found = await self._within_bounds(key, watched, stranger, seconds)
        except Skipped:
            if not stranger:
                self.runs[key, "skipped"] += 1
            raise
        if not stranger:
            self.outcomes[key] = found
            self.runs[key, "success" if found.success else "failure"] += 1
            if not found.success:
                _log.warning("%s: %s", watched.name, found.words)
        return found

    async def _within_bounds(
        self, key: Key, watched: Watched, stranger: bool, seconds: float | None
    ) -> Outcome:
        if key in self._busy:
            raise Skipped(f"{watched.name}: a probe of it is under way")
        self._busy.add(key)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            self._busy.discard(key)
            raise Skipped(f"{watched.name}: too many probes are under way") from None
        slots = self._slots
        self.running += 1
        try:
            return await self._ask(watched, stranger, seconds)
        finally:
            self.running -= 1
            self._busy.discard(key)
            slots.release()

    async def _ask(self, watched: Watched, stranger: bool, seconds: float | None) -> Outcome:
        module, budget = watched.module, watched.module.budget
        if budget is not None and not self.budgets.take(watched.module_name, budget):
            raise Skipped(f"{watched.name}: the budget of {watched.module_name} is spent")
        try:
            question = self.loaded.question(watched.target.url, watched.module_name)
        except AskError as error:
            return Outcome(0.0, 0.0, reason=error.kind, words=str(error))
        asking = _asking(module, stranger=stranger)
        doctor = Doctor(question, _options(module, seconds), asking, checks=_checks(module))
        found = outcome(await doctor.run(), module)
        if budget is not None:
            self.budgets.add_tokens(watched.module_name, found.tokens)
        return found


def _asking(module: Module, *, stranger: bool) -> Asking:
    trust = Trust(None if module.ca is None else Path(module.ca), anybody=module.insecure)
    seconds = min(module.timeout_seconds, MOST_OPEN_SECONDS if stranger else 10.0)
    return Asking(
        dialing=Dialing(seconds=seconds, judge=judge(stranger=stranger), trust=trust),
        speech=Speech(protocol=module.protocol, terminal_events=module.terminal_events),
        follow=same_origin if stranger else same_host,
        agent="sse-observe-probe",
    )


def _options(module: Module, seconds: float | None) -> Options:
    watch, timeout = module.watch_seconds, module.timeout_seconds
    if seconds is not None:
        # A scrape that is late is lost: what was seen by then is judged.
        left = max(_LEAST_SECONDS, seconds - _OWN_SECONDS)
        watch = min(watch, left / 2)
        timeout = min(timeout, left - watch)
    named = {check.flag for check in every() if check.name in module.must.checks}
    flags: set[Flag] = {flag for flag in named if flag is not None}
    return Options(
        watch_seconds=watch,
        timeout_seconds=timeout,
        heartbeat_seconds=module.heartbeat_seconds,
        flags=frozenset(flags | ({"resume"} if module.resume else set())),
        most_bytes=MOST_BYTES,
    )


def _checks(module: Module) -> tuple[Check, ...]:
    """Return the checks that one look answers, and those that the module asks for by name."""
    wanted: set[str | None] = {None, *({"resume"} if module.resume else ())}
    return tuple(
        check
        for check in every()
        if check.name in module.must.checks
        or (check.flag in wanted and set(check.visits) <= {"main", "resume"})
    )
