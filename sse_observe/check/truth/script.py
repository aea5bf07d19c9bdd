"""
The script of an upstream: for each run its steps, read from the user's YAML.

A run is a list of steps: tokens, a pause, heartbeats, an error in band, raw text, an end, a cut.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from sse_observe.check.truth.phrases import PHRASES
from sse_observe.errors import CheckError

MOST_RUNS = 20
MOST_SECONDS = 600.0
MOST_EVENTS = 5000
_MOST_BYTES = 1 << 20


Kind = Literal["tokens", "heartbeats"]
"""The events that are repeated: pieces of content, comments that only say that it lives."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Events of one kind, one every so many seconds."""

    kind: Kind
    count: int
    every: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in band, as the protocol says it."""

    words: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Text that is sent as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class End:
    """The protocol's own end, which says that the answer is whole."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of the connection in the middle of the answer."""


Step = Repeated | Pause | Failure | Raw | End | Cut


@dataclass(frozen=True, slots=True)
class Run:
    """One answer of the upstream."""

    name: str
    steps: Sequence[Step]

    def has(self, kind: type[Step]) -> bool:
        """Whether a step of this kind is in it."""
        return any(isinstance(step, kind) for step in self.steps)

    def count(self, kind: Kind) -> int:
        """Return how many events of a kind it sends."""
        return sum(s.count for s in self.steps if isinstance(s, Repeated) and s.kind == kind)

    @property
    def seconds(self) -> float:
        """How long it takes to send."""
        return sum(map(_seconds, self.steps))


@dataclass(frozen=True, slots=True)
class Script:
    """All runs, and the protocol in which they are written."""

    protocol: str
    runs: Sequence[Run]


def _seconds(step: Step) -> float:
    if isinstance(step, Repeated):
        return step.count * step.every
    return step.seconds if isinstance(step, Pause) else 0.0


def read(path: Path) -> Script:
    """Return the script of a file; CheckError says in one line what is wrong, and where."""
    where = f"--upstream-script {path}"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CheckError(f"{where}: is over {_MOST_BYTES >> 20} MB")
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CheckError(f"{where}: {reason}; name a file with runs") from None
    # Also a ValueError: a date such as 2026-99-99, or what is no UTF-8.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())[:120]
        raise CheckError(f"{where}: is no YAML: {words}") from None
    try:
        return _script(found)
    except CheckError as error:
        raise CheckError(f"{where}: {error}") from None


def _script(found: object) -> Script:
    if not isinstance(found, dict) or set(found) - {"protocol", "runs"}:
        raise CheckError("give the keys protocol and runs, and no other")
    protocol = found.get("protocol", "none")
    if not isinstance(protocol, str) or protocol not in PHRASES:
        raise CheckError(f"protocol: {protocol!r} is not known; choose of {', '.join(PHRASES)}")
    runs = found.get("runs")
    if not isinstance(runs, dict) or not 0 < len(runs) <= MOST_RUNS:
        raise CheckError(f"runs: give 1 to {MOST_RUNS} of them, each a list of steps by its name")
    return Script(protocol, [_run(str(name), steps) for name, steps in runs.items()])


def _run(name: str, steps: object) -> Run:
    where = f"runs.{name}"
    if not isinstance(steps, list) or not steps:
        raise CheckError(f"{where}: is no list of steps")
    read_steps: list[Step] = []
    for number, step in enumerate(steps):
        try:
            read_steps += _steps(step)
        except CheckError as error:
            raise CheckError(f"{where}[{number}]: {error}") from None
    run = Run(name, read_steps)
    events = run.count("tokens") + run.count("heartbeats")
    if run.seconds > MOST_SECONDS or events > MOST_EVENTS:
        raise CheckError(f"{where}: is over {MOST_SECONDS:g} s, or over {MOST_EVENTS} events")
    if not run.count("tokens"):
        raise CheckError(f"{where}: has no tokens, so nothing shows whose answer it is")
    return run


_STEPS = "tokens, heartbeats, pause, error, raw, end, cut"


def _steps(step: object) -> Iterator[Step]:
    if step == "end":
        yield End()
    elif step == "cut":
        yield Cut()
    elif not isinstance(step, dict):
        raise CheckError(f"{step!r} is no step; choose of {_STEPS}")
    elif "tokens" in step:
        yield Repeated("tokens", _count(step, "tokens"), _time(step, "every", 0.1))
    elif "heartbeats" in step:
        yield Repeated("heartbeats", _count(step, "heartbeats"), _time(step, "every", 1.0))
    elif "pause" in step:
        yield Pause(_time(step, "pause", 1.0))
    elif "error" in step:
        yield Failure(str(step["error"]))
    elif "raw" in step:
        yield Raw(str(step["raw"]))
    else:
        raise CheckError(f"{next(iter(step), 'nothing')} is no step; choose of {_STEPS}")


def _count(step: Mapping[str, object], key: str) -> int:
    value = step[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_EVENTS:
        raise CheckError(f"{key}: {value!r} is no count of 1 to {MOST_EVENTS}")
    return value


def _time(step: Mapping[str, object], key: str, default: float) -> float:
    value = step.get(key, default)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value <= MOST_SECONDS
    ):
        raise CheckError(f"{key}: {value!r} is no time; give seconds, up to {MOST_SECONDS:g}")
    return float(value)
