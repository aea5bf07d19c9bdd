"""Everything that a truth test saw: each answer as it was sent, beside what a reader got of it."""

from dataclasses import dataclass, field

from sse_observe.check.asking.recording import Recording
from sse_observe.check.truth.script import Run
from sse_observe.check.truth.upstream import Answer

LEAVE_SECONDS = 10.0
"""For so long the upstream talks on after its reader left."""


@dataclass(frozen=True)
class Reading:
    """One reader's answer, beside what the upstream sent it; None where it was never asked."""

    run: Run
    recording: Recording
    answer: Answer | None


@dataclass
class Readings:
    """Everything that a truth test saw."""

    runs: list[Reading] = field(default_factory=list)
    """One for each run of the script."""
    twins: list[Reading] = field(default_factory=list)
    leaving: Reading | None = None
    held: dict[str, Reading] = field(default_factory=dict)
    """By what flows in it: `tokens`, `silence`, `late silence`."""
    asked: int = 0
    """How often the upstream was asked."""
