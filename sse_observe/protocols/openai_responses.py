"""OpenAI Responses: every event has a name, `response.…`."""

from sse_observe.protocols.json_data import Json
from sse_observe.protocols.model import (
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


def _read(name: bytes, event: Json) -> int:
    found = _MEANINGS.get(name)
    if found is not None:
        return found
    return CONTENT if name.endswith(b"delta") and event.get("delta") != "" else NOTHING


def _is_first(name: bytes, event: Json) -> bool:
    """A stream that is resumed begins with any of its events."""
    return name.startswith(b"response.") and "sequence_number" in event


OPENAI_RESPONSES = Protocol(
    name="openai-responses",
    first_events=(b"response.created",),
    signs=("sequence_number",),
    is_first=_is_first,
    has_names=True,
    read=_read,
    is_content=lambda name: name.endswith(b"delta"),
    cursors=("starting_after",),
)
