"""The outcome of one probe: numbers alone, and the reason of a failure in one word."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from sse_observe.check.asking.failures import Kind
from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks.heartbeat import longest_silence
from sse_observe.check.doctor import Examination
from sse_observe.check.model import Checked
from sse_observe.check.reading.pacing import pacing
from sse_observe.check.reading.stamps import delays
from sse_observe.metrics.probe import PHASES
from sse_observe.probe.module import Module
from sse_observe.probe.tokens import tokens
from sse_observe.protocols import NONE

Broken = Literal[
    "status",
    "no_stream",
    "error_event",
    "cut",
    "not_whole",
    "no_content",
    "late_byte",
    "late_content",
    "silent",
    "held_back",
    "resume",
    "check",
]
Reason = Kind | Broken
REASONS: tuple[str, ...] = (*get_args(Kind), *get_args(Broken))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One probe: when it began (Unix time), how long it took, what was seen."""

    began: float
    seconds: float
    reason: Reason | None = None
    """Why it failed; None where it succeeded."""
    words: str = ""
    """The failure in one line, for the log."""
    phases: Mapping[str, float] = field(default_factory=dict)
    status: int = 0
    http: str = ""
    events: int = 0
    content: int = 0
    gap_seconds: float = 0.0
    held_back_seconds: float = 0.0
    resumed: bool | None = None
    checks: Mapping[str, bool] = field(default_factory=dict)
    certificate_expires: float | None = None
    tokens: int = 0

    @property
    def success(self) -> bool:
        """Whether everything held."""
        return self.reason is None


def outcome(examination: Examination, module: Module) -> Outcome:
    """Return what an examination shows, judged by what its module demands."""
    main = examination.main
    reason, words = next(_broken(examination, module), (None, ""))
    return Outcome(
        began=main.began,
        seconds=examination.seconds,
        reason=reason,
        words=words,
        phases=phases(main),
        status=main.status,
        http=main.http,
        events=len(main.log.events) + main.log.dropped,
        content=main.log.content_count,
        gap_seconds=longest_silence(main),
        held_back_seconds=held_back(main),
        resumed=_resumed(examination.checked),
        checks={
            one.check.name: one.finding.result != "fail"
            for one in examination.checked
            if one.finding.result != "not_asked"
        },
        certificate_expires=main.certificate_expires,
        tokens=tokens(main.log),
    )


def phases(main: Recording) -> dict[str, float]:
    """Return how long each phase took; what was not reached is not there."""
    ends: dict[str, float] = {str(name): at for name, at in main.phases.items()}
    if main.first_byte_at is not None:
        ends["first_byte"] = main.first_byte_at
    if main.log.content:
        ends["first_content"] = main.log.content[0].at
    found: dict[str, float] = {}
    before = 0.0
    for name in PHASES:
        if name in ends:
            found[name] = max(0.0, ends[name] - before)
            before = ends[name]
    return found


def held_back(main: Recording) -> float:
    """Return for how long events were held back: by their stamps, else by their bursts."""
    stamped = delays(main.log.events, main.began)
    return max(pacing(main).held_seconds, stamped.most if stamped is not None else 0.0)


def _resumed(checked: tuple[Checked, ...]) -> bool | None:
    found = next((one.finding.result for one in checked if one.check.id == "D12"), "not_asked")
    return None if found == "not_asked" else found != "fail"


def _broken(examination: Examination, module: Module) -> Iterator[tuple[Reason, str]]:
    """Yield what does not hold, the plainest first."""
    main = examination.main
    if main.failure is not None:
        yield main.failure.kind, str(main.failure)
    elif main.status != 200:
        yield "status", f"status {main.status}"
    elif not main.is_stream or main.end in ("unreadable", "too_large"):
        yield "no_stream", main.unreadable or f"{main.media_type or 'no content type'}, {main.end}"
    else:
        yield from _ended(main, module)
        yield from _slow(main, module)
        yield from _checked(examination.checked, module)


def _ended(main: Recording, module: Module) -> Iterator[tuple[Reason, str]]:
    log = main.log
    last = next((e for e in reversed(log.events) if e.is_failure or e.is_content), None)
    if last is not None and last.is_failure:
        yield "error_event", "the stream says that it failed"
    if main.end == "cut":
        yield "cut", f"cut after {main.lasted:.1f} s"
    if module.whole and not is_whole(main):
        yield "not_whole", f"no end within {main.lasted:.0f} s"
    if log.content_count < module.content:
        yield "no_content", f"{log.content_count} events of content, {module.content} demanded"


def is_whole(main: Recording) -> bool:
    """Whether an answer has its terminal; in a stream without a protocol, ended in order."""
    if main.log.terminal_at is not None:
        return True
    return main.end == "complete" and main.log.dialect.name == NONE.name


def _checked(checked: tuple[Checked, ...], module: Module) -> Iterator[tuple[Reason, str]]:
    if _resumed(checked) is False:
        yield "resume", "a reader that comes back does not get what it missed"
    for one in checked:
        if one.check.name in module.must.checks and one.finding.result == "fail":
            yield "check", f"{one.check.id} {one.finding.evidence}"


def _slow(main: Recording, module: Module) -> Iterator[tuple[Reason, str]]:
    must, content = module.must, main.log.content
    measured: tuple[tuple[Reason, float | None, float | None], ...] = (
        ("late_byte", main.first_byte_at, must.first_byte_seconds),
        ("late_content", content[0].at if content else None, must.first_content_seconds),
        ("silent", longest_silence(main), must.gap_seconds),
        ("held_back", held_back(main), must.held_back_seconds),
    )
    for reason, value, most in measured:
        if most is not None and (value is None or value > most):
            seen = "never" if value is None else f"{value:.2f} s"
            yield reason, f"{reason}: {seen}, at most {most:g} s"
