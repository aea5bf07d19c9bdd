"""
Errors of one reading: those that end it, each with its reason, and those that end a connection.

Knows words only; what to do about a lost connection is `reading`'s business.
"""

from typing import Literal

from sse_observe.errors import SSEObserveError
from sse_observe.protocols.failure import error_message, error_type
from sse_observe.wire import Event

Reason = Literal["interrupted", "error_event", "refused", "unreadable", "unreachable", "retries"]

# An exception's text is one line of a log.
_MOST_LETTERS = 300


class StreamFailedError(SSEObserveError):
    """
    The stream cannot be read to its end, however often we ask.

    `reason`:
    `interrupted`: the answer to a request that may not be asked twice broke off.
    `error_event`: the stream itself said that it failed.
    `refused`: the server answered with something else than this stream; `status` is its status.
    `unreadable`: what came is no event stream.
    `unreachable`: nobody answers, or nobody who can be trusted.
    `retries`: `max_retries` attempts in a row were in vain.

    `text` says it in one line. `type`, `message` and `data` are the server's own words, where it
    said any: the error's type, its message, and the data in which both stood.
    """

    def __init__(
        self,
        text: str,
        *,
        reason: Reason,
        status: int | None = None,
        data: str = "",
    ) -> None:
        self.reason = reason
        self.status = status
        self.data = data
        self.type = error_type(data.encode(errors="replace"))
        self.message = error_message(data.encode(errors="replace")) if data else ""
        stated = ": ".join(word for word in (self.type, self.message) if word)
        super().__init__(f"{text}: {_line(stated)}" if stated else text)


def stated_failure(where: object, event: Event) -> StreamFailedError:
    """Return the error of a stream that has said itself that it failed."""
    return StreamFailedError(
        f"{where}: the stream said that it failed", reason="error_event", data=event.data
    )


def _line(text: str) -> str:
    """Return a stranger's text as one short line that no terminal obeys."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MOST_LETTERS else line[:_MOST_LETTERS] + "…"


class LostError(Exception):
    """
    The connection is of no more use; another one may be.

    `reason` is that of the stream where no other one may be asked for.
    """

    def __init__(
        self,
        why: str,
        *,
        reason: Reason = "interrupted",
        status: int | None = None,
        data: str = "",
        after_seconds: float = 0.0,
    ) -> None:
        super().__init__(why)
        self.reason = reason
        self.status = status
        self.data = data
        self.after_seconds = after_seconds
