"""AG-UI: what each event means to a user who waits."""

import pytest

from sse_observe.middleware.protocols.ag_ui import AG_UI
from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL

MEANINGS = [
    (b'{"type":"RUN_STARTED","threadId":"t"}', NOTHING),
    (b'{"type":"STEP_STARTED"}', NOTHING),
    (b'{"type":"TEXT_MESSAGE_START"}', NOTHING),
    (b'{"type":"TEXT_MESSAGE_CONTENT","delta":"Hi"}', CONTENT),
    (b'{"type":"TEXT_MESSAGE_CONTENT","delta":""}', NOTHING),
    (b'{"type":"TOOL_CALL_START"}', CONTENT),
    (b'{"type":"STATE_DELTA","delta":[]}', CONTENT),
    (b'{"type":"RUN_FINISHED"}', TERMINAL),
    (b'{"type":"RUN_ERROR","message":"no","code":"overloaded"}', FAILURE),
    (b"[1]", CONTENT),
]


@pytest.mark.parametrize(("data", "meaning"), MEANINGS)
def test_each_message_means_what_it_means_to_its_reader(data: bytes, meaning: int) -> None:
    """Prelude, content, terminal and failure are told apart by what the protocol says."""
    assert AG_UI.read is not None
    assert AG_UI.read(b"", data) == meaning
