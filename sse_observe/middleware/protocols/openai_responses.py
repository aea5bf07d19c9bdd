"""OpenAI Responses: every event has a name, `response.…`."""

import re

from sse_observe.middleware.protocols.model import (
    CONTENT,
    CONTENT_IF_FIRST,
    FAILURE,
    NOTHING,
    TERMINAL,
    Protocol,
)

_MEANINGS = {
    b"response.output_item.done": CONTENT_IF_FIRST,
    b"response.completed": TERMINAL,
    # A limit or a filter: whole as far as it goes.
    b"response.incomplete": TERMINAL,
    b"response.failed": FAILURE,
    b"error": FAILURE,
}
_EMPTY = re.compile(rb'"delta"\s*:\s*""').search


def _read(name: bytes, data: bytes) -> int:
    found = _MEANINGS.get(name)
    if found is not None:
        return found
    return CONTENT if name.endswith(b"delta") and not _EMPTY(data) else NOTHING


OPENAI_RESPONSES = Protocol(
    name="openai-responses",
    first_events=(b"response.created",),
    read=_read,
    is_content=lambda name: name.endswith(b"delta"),
    cursors=("starting_after",),
)
