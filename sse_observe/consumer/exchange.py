"""
One exchange with the server: what is asked, and what the head of the answer means.

Go on, come again, or never come back: knows HTTP's words by value; holds no connection.
"""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sse_observe.consumer.transport import Response
from sse_observe.errors import SSEObserveError

# Answers that may be better next time; every other 4xx will not.
_PASSING = {408, 425, 429}
_ASKING = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-store",
}


class StreamFailedError(SSEObserveError):
    """The stream cannot be read to its end, however often we ask."""


class CompleteError(Exception):
    """The server said that the stream is over."""


class LostError(Exception):
    """The connection is of no more use; another one may be."""

    def __init__(self, why: str, *, after_seconds: float = 0.0) -> None:
        super().__init__(why)
        self.after_seconds = after_seconds


class Endpoint:
    """The place where one stream is asked for; `stream` is the name that the server gave it."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = {**_ASKING, **headers}
        self._by_name = False
        self.stream: str | None = None

    def __str__(self) -> str:
        """Return the URL for messages: what stands in its query may be nobody's business."""
        parts = urlsplit(self._url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def request(self, cursor: str) -> tuple[str, dict[str, str]]:
        """Return the URL and the headers that ask for what follows the cursor."""
        self._by_name = not cursor and self.stream is not None
        if self.stream is None or not self._by_name:
            return self._url, self._headers | ({"Last-Event-ID": cursor} if cursor else {})
        # Greeted, but no payload came: name the stream, or the server would begin another one.
        url = with_query(self._url, stream_id=self.stream)
        return url, self._headers | {"Last-Event-ID": "-1"}

    def check(self, response: Response) -> None:
        """Let an event stream pass; raise for everything else, by what it is good for."""
        try:
            self._check(response)
        except StreamFailedError:
            if not self._by_name:
                raise
            # It was our idea to ask for the stream by name; without it there may be another.
            self.stream = None
            raise LostError("the stream that had begun is gone") from None

    def _check(self, response: Response) -> None:
        status = response.status
        if status == 204:
            raise CompleteError
        if status in _PASSING or status >= 500:
            after = _seconds(response.headers.get("retry-after", ""))
            raise LostError(f"answered {status}", after_seconds=after)
        if status != 200:
            raise StreamFailedError(f"{self}: answered {status}, which will not change")
        kind = response.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "text/event-stream":
            raise StreamFailedError(f"{self}: answered {kind!r}, which is no event stream")


def _seconds(retry_after: str) -> float:
    """Return the delay that a Retry-After header asks for, in either of its forms."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0


def with_query(url: str, **fields: str) -> str:
    """Return the URL with these fields in its query, in place of what they were."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [pair for pair in pairs if pair[0] not in fields]
    return urlunsplit(parts._replace(query=urlencode([*kept, *fields.items()])))
