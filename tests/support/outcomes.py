"""
How streams end, and what each ending is counted as, by server and by application.

Facts only: `test_endings` holds real servers to them, `documents` prints them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

SERVERS = {
    "uvicorn-httptools": "uvicorn",
    "uvicorn-h11": "uvicorn",
    "hypercorn": "hypercorn, HTTP/1.1",
    "hypercorn-h2": "hypercorn, HTTP/2",
    "granian": "granian",
    "granian-h2": "granian",
}
"""The server set-ups, and the column of each; those that share one count the same."""
APPLICATIONS = {
    "listening": "listening",
    "starlette": "Starlette",
    "fastapi": "FastAPI",
    "sse-starlette": "sse-starlette",
    "django": "Django",
    "send-only": "send-only",
    "watched": "watched",
}
"""The applications, and what readers call them: the first and the last two are plain ASGI."""
HTTP_2 = ("hypercorn-h2", "granian-h2")


class Ending(NamedTuple):
    """How a stream ends, in words, and the truth of it: what it should be counted as."""

    words: str
    truth: str
    servers: tuple[str, ...] = tuple(SERVERS)


COMPLETED, LEFT = "completed", "client_disconnected"
ERROR, SHUTDOWN, LOST = "server_error", "shutdown", "lost"
STATED, STOPPED = "error_event", "cancelled"
UPSTREAM = "application's upstream times out, refuses or resets; a file is missing"
NO_STREAM = "none"
ENDINGS = {
    "done": Ending("completed, with event `done`", COMPLETED),
    "done-data": Ending("completed, with data `[DONE]`", COMPLETED),
    "plain": Ending("ended without a terminal event", COMPLETED),
    "close": Ending("client closes between events", LEFT),
    "close-half": Ending("client closes within an event", LEFT),
    "half-close": Ending("client closes its half, still reading", LEFT),
    "reset": Ending("client resets the connection", LEFT),
    "cancel-stream": Ending("client resets the stream (HTTP/2)", LEFT, HTTP_2),
    "unread": Ending("client reads nothing, then leaves", LEFT),
    "vanish": Ending("network vanishes without a FIN, client resumes elsewhere", LEFT),
    "fail-early": Ending("application raises before the first byte", "rejected 5xx"),
    "fail-mid": Ending("application raises in mid-stream", ERROR),
    "fail-timeout": Ending(UPSTREAM, ERROR),
    "fail-refused": Ending(UPSTREAM, ERROR),
    "fail-client": Ending(UPSTREAM, ERROR),
    "fail-reset": Ending(UPSTREAM, ERROR),
    "fail-file": Ending(UPSTREAM, ERROR),
    "error-event": Ending("application sends an error event, and ends in order", STATED),
    "error-hangup": Ending("client hangs up on an error event", STATED),
    "stopped": Ending("application says that its user stopped it", STOPPED),
    "cancel": Ending("application's task is cancelled", ERROR),
    "sigterm-within": Ending("SIGTERM, ends within the grace time", COMPLETED),
    "sigterm-past": Ending("SIGTERM, cut after the grace time", SHUTDOWN),
    "refused": Ending("answer 404", "rejected 4xx"),
    "nothing": Ending("answer 204", NO_STREAM),
    "head": Ending("HEAD", NO_STREAM),
}
"""By the last part of the path that is asked for."""


@dataclass(frozen=True)
class Difference:
    """Cells that are counted as something else, and why."""

    endings: tuple[str, ...]
    servers: tuple[str, ...]
    applications: tuple[str, ...]
    counted: str
    why: str
    true: bool = False
    """Whether this is what really happened, there."""


_UVICORN = ("uvicorn-httptools", "uvicorn-h11")
_HYPERCORN = ("hypercorn", "hypercorn-h2")
_GRANIAN = ("granian", "granian-h2")
CUT_OFF = tuple(name for name, ending in ENDINGS.items() if ending.truth == LEFT)
LEAVING = (*CUT_OFF, "error-hangup")
"""The endings in which the client leaves first."""
DIFFERENCES = (
    Difference(
        CUT_OFF,
        _GRANIAN,
        ("send-only",),
        COMPLETED,
        "granian tells only an application that calls `receive()`.",
    ),
    Difference(
        ("cancel",),
        (*_HYPERCORN, *_GRANIAN),
        ("listening", "send-only", "watched"),
        SHUTDOWN,
        "Only uvicorn shows whether it is about to exit; elsewhere a cancelled task is what a "
        "shutdown looks like. Frameworks keep the cancellation to themselves and just return.",
    ),
    Difference(
        ("sigterm-within",),
        _UVICORN,
        ("sse-starlette",),
        SHUTDOWN,
        "It watches uvicorn, and cuts its streams itself as soon as that is asked to stop.",
        true=True,
    ),
    Difference(
        ("sigterm-past",),
        _UVICORN,
        ("django",),
        LOST,
        "Django has no ASGI lifespan, and after the grace time uvicorn lets nothing else run.",
    ),
    Difference(
        ("sigterm-past",),
        _GRANIAN,
        tuple(APPLICATIONS),
        LOST,
        "granian kills the worker, and nothing of it runs any more.",
    ),
)


def difference(server: str, application: str, ending: str) -> Difference | None:
    """Return why a cell is not counted as the truth, or None where it is."""
    for case in DIFFERENCES:
        if ending in case.endings and server in case.servers and application in case.applications:
            return case
    return None


def counted(server: str, application: str, ending: str) -> str:
    """Return what a cell is counted as."""
    case = difference(server, application, ending)
    return ENDINGS[ending].truth if case is None else case.counted


def hangs(server: str, application: str, ending: str) -> bool:
    """Tell whether the application waits until shutdown, orphaned, for its last message."""
    return (
        server == "hypercorn-h2"
        and application in ("send-only", "watched")
        and ending in CUT_OFF
        and ending != "cancel-stream"
        and difference(server, application, ending) is None
    )


def endings_on(server: str) -> Iterator[str]:
    """Yield the endings that a server set-up can have."""
    return (name for name, ending in ENDINGS.items() if server in ending.servers)
