"""MCP: what each message means to a client that waits."""

import pytest

from sse_observe.middleware.protocols.mcp import MCP
from sse_observe.middleware.protocols.model import CONTENT, TERMINAL

BOTH = CONTENT | TERMINAL
MEANINGS = [
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', CONTENT),
    (b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}', CONTENT),
    (b'{"jsonrpc":"2.0","id":1,"result":{}}', BOTH),
    (b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000}}', BOTH),
    (b'{"jsonrpc":"2.0","id":1,"result":{"text":"a long ans', BOTH),
    (b'{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"a lo', CONTENT),
]


@pytest.mark.parametrize(("data", "meaning"), MEANINGS)
def test_each_message_means_what_it_means_to_its_reader(data: bytes, meaning: int) -> None:
    """Prelude, content, terminal and failure are told apart by what the protocol says."""
    assert MCP.read is not None
    assert MCP.read(b"", data) == meaning
