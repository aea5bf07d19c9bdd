"""A stack: the Prometheus and the Alertmanager that watch a drill, whoever started them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sse_observe.catalog.model import Alert
from sse_observe.lab.drill.service import Address
from sse_observe.lab.programs.prometheus import ActiveAlert, Sample
from sse_observe.lab.programs.webhook import Notification


@dataclass(frozen=True)
class Observation:
    """Everything that a stack shows at one moment; notifications are the new ones."""

    alerts: Sequence[ActiveAlert] = ()
    samples: Sequence[Sample] = ()
    notifications: Sequence[Notification] = ()


class Stack(Protocol):
    """
    Evaluates the rules, in which time goes `scale` times as fast, and notifies.

    `alerts` are those of its rules by name. `address` is where it scrapes the drill, if it cannot
    be told. It looks for the drill's targets for `patience_seconds`.
    """

    scale: float
    alerts: Mapping[str, Alert]
    address: Address | None
    patience_seconds: float

    def check(self) -> None:
        """Refuse what is missing, before anything is started."""

    def start(self, programs: ExitStack, home: Path) -> None:
        """Start what needs no target; it ends with `programs`."""

    def watch(self, programs: ExitStack, targets: Mapping[str, Sequence[str]]) -> None:
        """Begin to watch these targets, by job."""

    def unscraped(self) -> str:
        """Return the remedy where no scrape succeeded in `patience_seconds`."""

    def query(self, expr: str) -> list[Sample]:
        """Ask an instant query."""

    def observe(self, expr: str) -> Observation:
        """Return what is to be seen now; `expr` selects the samples."""
