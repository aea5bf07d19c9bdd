"""Recordings made by hand: what arrived, and when, without a server."""

from collections.abc import Mapping, Sequence

from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import End, Read, Recording
from sse_observe.check.model import Evidence, Options
from sse_observe.check.reading.dialect import Speech
from sse_observe.check.reading.event_log import EventLog

BEGAN = 1_700_000_000.0
URL = "http://stream.test/events"
Step = tuple[float, bytes | str]


def recording(
    *steps: Step,
    end: End = "complete",
    ended_at: float | None = None,
    headers_at: float = 0.01,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
    url: str = URL,
    protocol: str = "auto",
    **fields: object,
) -> Recording:
    """Return a recording of these arrivals; each is when it came, and what."""
    found = Recording(Question(url=url), BEGAN, log=EventLog(Speech(protocol=protocol)))
    found.http, found.status = "1.1", status
    found.headers = [("content-type", "text/event-stream"), *(headers or {}).items()]
    found.phases = {"dns": 0.001, "connect": 0.002, "headers": headers_at}
    for at, piece in steps:
        data = piece.encode() if isinstance(piece, str) else piece
        found.reads.append(Read(at, len(data)))
        found.log.feed(at, data)
    found.end = end
    if end in ("complete", "cut"):
        found.log.finish()
    found.ended_at = (steps[-1][0] if steps else headers_at) if ended_at is None else ended_at
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def event(number: int, *, size: int = 10, ident: bool = True) -> str:
    """Return one content event."""
    return (f"id: {number}\n" if ident else "") + f"data: {'x' * size}{number}\n\n"


def flow(count: int, gap: float = 0.1, first: float = 0.05) -> list[Step]:
    """Return events that come one by one."""
    return [(round(first + gap * number, 6), event(number)) for number in range(count)]


def evidence(
    main: Recording,
    options: Options | None = None,
    **others: Recording | Sequence[Recording],
) -> Evidence:
    """Return the evidence of a main recording, and of other visits by name."""
    found = Evidence(main.question, options or Options())
    found.recordings["main"] = [main]
    for name, given in others.items():
        found.recordings[name] = [given] if isinstance(given, Recording) else list(given)
    return found
