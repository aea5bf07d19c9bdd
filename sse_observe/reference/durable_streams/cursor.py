"""
Cursors of live reads: numbers that grow with time, so that no cache answers for ever.

Knows the draft's clock; knows no stream.
"""

import random
import time

# The draft's own: intervals of twenty seconds since 9 October 2024.
_EPOCH = 1_728_432_000
_INTERVAL_SECONDS = 20
_MOST_JITTER_SECONDS = 3600


def next_cursor(given: str) -> str:
    """Return the cursor of an answer: always after the one that the client sent."""
    now = int((time.time() - _EPOCH) // _INTERVAL_SECONDS)
    if given.isascii() and given.isdigit() and len(given) < 16 and int(given) >= now:
        jitter = random.randint(1, _MOST_JITTER_SECONDS)  # noqa: S311 - it spreads cache keys
        return str(int(given) + max(1, jitter // _INTERVAL_SECONDS))
    return str(now)
