"""
The head of an answer: go on, come again, or never come back.

Knows HTTP's words by value; holds no connection.
"""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from sse_observe.consumer.failure import LostError, StreamFailedError

# Answers that may be better next time; every other 4xx will not.
_PASSING = {408, 425, 429}


def is_stream(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer is an event stream; names of headers are in lower case."""
    kind = headers.get("content-type", "").partition(";")[0]
    # 201: a POST that made something, and streams it.
    return status in (200, 201) and kind.strip().lower() == "text/event-stream"


def check_head(where: object, status: int, headers: Mapping[str, str], data: str = "") -> bool:
    """
    Return whether a stream follows; False where the server says that all of it was sent.

    Raises LostError for an answer that may be another one next time, StreamFailedError for one
    that will not change. `data` are the words of an answer that is no stream.
    """
    if is_stream(status, headers):
        return True
    if status == 204:
        return False
    if status in _PASSING or status >= 500:
        raise LostError(
            f"answered {status}",
            reason="refused",
            status=status,
            data=data,
            after_seconds=_seconds(headers.get("retry-after", "")),
        )
    if status != 200:
        text = f"{where}: answered {status}, which will not change"
    else:
        text = f"{where}: answered {headers.get('content-type', '')!r}, which is no event stream"
    raise StreamFailedError(text, reason="refused", status=status, data=data)


def _seconds(retry_after: str) -> float:
    """Return the delay that a Retry-After header asks for, in either of its forms."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError, OSError):
        return 0.0
