"""
The place where one stream is asked for: what is sent first, and what after a loss.

A request that changes nothing is sent again by itself. Any other is sent once: what it began is
resumed by GET where it has a name, and it is sent again only under the caller's own key.
"""

from collections.abc import Callable

from sse_observe.consumer.failure import LostError, StreamFailedError
from sse_observe.consumer.request import (
    CURSOR,
    SAFE_METHODS,
    Request,
    check_header,
    check_url,
    place,
    with_query,
)
from sse_observe.errors import SettingsError

Resume = Callable[[str | None, str], str | None]
"""Return the URL to GET what follows a cursor, of a stream that may have a name; None: as usual."""

_KEY = "Idempotency-Key"
# Before its first event a stream is asked for from before its start.
_START = "-1"


class Endpoint:
    """The place of one stream; `stream` is the name that the server gave it."""

    def __init__(
        self,
        first: Request,
        *,
        idempotency_key: str | None = None,
        resume: Resume | None = None,
    ) -> None:
        if idempotency_key is not None:
            if first.is_safe:
                raise SettingsError(
                    f"resume_stream: idempotency_key is for requests other than "
                    f"{' and '.join(sorted(SAFE_METHODS))}, which are sent again anyway"
                )
            check_header(_KEY, idempotency_key or None)
            first = first.with_headers({_KEY: idempotency_key})
        self._first = first
        self._may_repeat = first.is_safe or idempotency_key is not None
        self._resume = resume
        self._can_resume = True
        self._is_resuming = False
        self._asked_for: str | None = None
        self.stream: str | None = None

    def __str__(self) -> str:
        """Return the URL for messages."""
        return place(self._first.url)

    @property
    def may_be_answered_twice(self) -> bool:
        """Whether an answer may come a second time, from its start."""
        return not self._first.is_safe and self._may_repeat

    def request(self, cursor: str, loss: LostError | None) -> Request:
        """
        Return what is sent next, after a loss unless it is the first.

        Raises StreamFailedError where nothing may be sent any more.
        """
        self._is_resuming, self._asked_for = False, None
        if loss is not None:
            if self._can_resume and (resuming := self._resuming(cursor)) is not None:
                self._is_resuming = True
                return resuming
            if not self._may_repeat:
                raise self._given_up(loss)
        return self._first.with_headers({CURSOR: cursor} if cursor else {})

    def _resuming(self, cursor: str) -> Request | None:
        """Return the GET for the rest of the stream; None where it cannot be asked for."""
        url = None if self._resume is None else self._resume(self.stream, cursor)
        if url is not None:
            check_url(url)
        elif self.stream is not None and not (cursor and self._first.is_safe):
            # With a cursor, a GET finds its stream by itself.
            url = with_query(self._first.url, stream_id=self.stream)
            self._asked_for = self.stream
        else:
            return None
        return self._first.as_get(url).with_headers({CURSOR: cursor or _START})

    def _given_up(self, loss: LostError) -> StreamFailedError:
        method = self._first.method
        return StreamFailedError(
            f"{self}: {loss}; {method} is not sent again without idempotency_key",
            reason=loss.reason,
            status=loss.status,
            data=loss.data,
        )

    def refused(self, why: StreamFailedError) -> LostError:
        """
        Return the loss that a final answer means; raise it where nothing else can be asked.

        It was our idea to ask for the rest of a stream: without that there may be another way.
        """
        if not self._is_resuming:
            raise why
        self._can_resume, self.stream = False, None
        return LostError("the stream that had begun is gone")

    def greeted(self, stream: str) -> None:
        """
        Take the name of the stream from its greeting.

        Raises StreamFailedError where it is not the one whose rest was asked for, and that one
        cannot be begun anew.
        """
        if self._asked_for not in (None, stream) and not self._first.is_safe:
            raise StreamFailedError(
                f"{self}: the stream that had begun is gone, and another one was begun",
                reason="interrupted",
            )
        self.stream, self._can_resume = stream, True
