"""
An examination as plain data: the one source of every output, without any secret.

Every text passes through one mask before anybody sees it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypedDict, TypeVar

from sse_observe.check.asking.recording import Recording
from sse_observe.check.doctor import Examination
from sse_observe.check.hops import HopVerdict
from sse_observe.check.model import Checked, Place, Result
from sse_observe.check.production.point import Point, PointEntry
from sse_observe.check.reading.dialect import TERMINAL
from sse_observe.check.reading.event_log import SeenEvent
from sse_observe.check.remedies import fix_texts
from sse_observe.report.logs.masking import MASKED
from sse_observe.report.output.markup import visible
from sse_observe.shown_url import shown_url

FORMAT = 1
"""Raised when a key is renamed or gone; a new key raises nothing."""

_MOST_POINTS = 2000
# What a proxy may be known by, and what decides about a stream; nothing that identifies a user.
_HEADERS = (
    *("content-type", "content-encoding", "content-length", "transfer-encoding", "cache-control"),
    *("x-accel-buffering", "connection", "server", "via", "age", "x-cache", "vary"),
    *("access-control-allow-origin", "access-control-allow-credentials"),
)


class CheckEntry(TypedDict):
    """One check."""

    id: str
    name: str
    question: str
    passes: str
    result: Result
    evidence: str
    cause: str | None
    certain: bool
    remedy: str
    runbook: str
    section: str
    fixes: list[str]


class VerdictEntry(TypedDict):
    """The effect of one hop."""

    where: str
    outer: str
    inner: str
    cause: str
    words: str
    evidence: str
    certain: bool
    fixes: list[str]


class StreamEntry(TypedDict):
    """One recorded answer."""

    place: str
    visit: str
    accepts: str
    status: int
    http: str
    alpn: str | None
    tls: str | None
    failure: str | None
    protocol: str
    phases: dict[str, float]
    ended_at: float
    end: str
    bytes: int
    headers: dict[str, str]
    arrivals: list[tuple[float, int]]
    events: list[tuple[float, str]]


class Document(TypedDict):
    """The whole examination."""

    format: int
    url: str
    method: str
    result: Result
    exit_code: int
    began: str
    seconds: float
    requests: int
    checks: list[CheckEntry]
    verdicts: list[VerdictEntry]
    places: list[str]
    streams: list[StreamEntry]
    fixes: dict[str, str]
    points: list[PointEntry]
    """The production checklist, where it was asked for."""


Mask = Callable[[str], str]
T = TypeVar("T")


def mask(secrets: Iterable[str]) -> Mask:
    """Return a function that takes these texts out of any text, and shows what is invisible."""
    # The longest first: one may stand within another.
    ordered = sorted({one for one in secrets if one}, key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, MASKED)
        # A server's words may hold what moves a terminal's cursor.
        return visible(" ".join(text.split()))

    return masked


def document(
    examination: Examination, secrets: Iterable[str] = (), points: Sequence[Point] = ()
) -> Document:
    """Return an examination as data; `secrets` are texts of the user beside the question's."""
    known = [one for place in examination.places for one in place.evidence.question.secrets]
    hide = mask([*known, *secrets])
    return Document(
        format=FORMAT,
        url=hide(shown_url(examination.question.url)),
        method=examination.question.method,
        result=examination.result,
        exit_code=2 if any(p.state == "failed" for p in points) else examination.exit_code,
        began=datetime.fromtimestamp(examination.began, UTC).isoformat(timespec="seconds"),
        seconds=round(examination.seconds, 2),
        requests=examination.requests,
        checks=[_check(one, hide) for one in examination.checked],
        verdicts=[_verdict(one, hide) for one in examination.verdicts],
        places=[hide(shown_url(place.evidence.question.url)) for place in examination.places],
        streams=[one for place in examination.places for one in _streams(place, hide)],
        fixes=fix_texts(_named_fixes(examination)),
        points=[
            PointEntry(text=p.text, state=p.state, evidence=hide(p.evidence), ask=p.ask)
            for p in points
        ],
    )


def _named_fixes(examination: Examination) -> list[str]:
    wanted = [fix for verdict in examination.verdicts for fix in verdict.fixes]
    for one in examination.checked:
        if one.finding.result in ("warn", "fail"):
            wanted += one.remedy.fixes
    return list(dict.fromkeys(wanted))


def _check(one: Checked, hide: Mask) -> CheckEntry:
    return CheckEntry(
        id=one.check.id,
        name=one.check.name,
        question=one.check.question,
        passes=one.check.passes,
        result=one.finding.result,
        evidence=hide(one.finding.evidence),
        cause=one.finding.cause,
        certain=one.finding.sure,
        remedy=hide(one.remedy.words),
        runbook=one.remedy.runbook,
        section=one.remedy.section,
        fixes=list(one.remedy.fixes),
    )


def _verdict(one: HopVerdict, hide: Mask) -> VerdictEntry:
    return VerdictEntry(
        where=hide(one.where),
        outer=hide(one.outer),
        inner=hide(one.inner),
        cause=one.cause,
        words=hide(one.words),
        evidence=hide(one.evidence),
        certain=one.sure,
        fixes=list(one.fixes),
    )


def _streams(place: Place, hide: Mask) -> list[StreamEntry]:
    return [
        _stream(place, visit, recording, hide)
        for visit, recordings in place.evidence.recordings.items()
        for recording in recordings
    ]


def _stream(place: Place, visit: str, recording: Recording, hide: Mask) -> StreamEntry:
    return StreamEntry(
        place=hide(shown_url(place.evidence.question.url)),
        visit=visit,
        accepts=recording.accepts,
        status=recording.status,
        http=recording.http,
        alpn=recording.alpn,
        tls=recording.tls,
        failure=None if recording.failure is None else hide(str(recording.failure)),
        protocol=recording.log.dialect.name,
        phases={name: round(at, 4) for name, at in recording.phases.items()},
        ended_at=round(recording.lasted, 3),
        end=recording.end,
        bytes=recording.bytes_read,
        headers={
            name: hide(value)[:200]
            for name, value in recording.known_headers.items()
            if name in _HEADERS
        },
        arrivals=[(round(read.at, 3), read.size) for read in _thin(recording.reads)],
        events=[(round(event.at, 3), _kind(event)) for event in _thin(recording.log.events)],
    )


def _kind(event: SeenEvent) -> str:
    """Return what an event is to its reader; no name of the application's own."""
    if event.is_failure:
        return "failure"
    if event.is_content:
        return "content"
    if event.meaning & TERMINAL:
        return "terminal"
    return "heartbeat" if event.is_heartbeat else "other"


def _thin(items: Sequence[T]) -> Sequence[T]:
    return items[:: 1 + len(items) // _MOST_POINTS]
