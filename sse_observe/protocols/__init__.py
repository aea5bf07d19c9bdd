"""
Protocols that streams speak, as data: OpenAI, Anthropic, AI SDK, AG-UI, Gemini, MCP.

Knows bytes and JSON; counts nothing. Entry: `PROTOCOLS`.
"""

from collections.abc import Mapping

from sse_observe.protocols.ag_ui import AG_UI
from sse_observe.protocols.ai_sdk import AI_SDK
from sse_observe.protocols.anthropic import ANTHROPIC
from sse_observe.protocols.failure import is_bare_failure
from sse_observe.protocols.gemini import GEMINI
from sse_observe.protocols.mcp import MCP
from sse_observe.protocols.model import CONTENT, FAILURE, Protocol
from sse_observe.protocols.openai_chat import OPENAI_CHAT
from sse_observe.protocols.openai_responses import OPENAI_RESPONSES

# In the order in which the first event's data is tried: the narrow ones first.
_KNOWN = (MCP, AI_SDK, AG_UI, GEMINI, OPENAI_RESPONSES, ANTHROPIC, OPENAI_CHAT)

NONE = Protocol(
    name="none",
    is_content=lambda _: True,
    demands_terminal=lambda *_: False,
    # A feed that its server renews had no news; an answer to a call owes some.
    demands_content=lambda scope: scope.get("method") != "GET",
)
"""Every event is content, but those that the stream contract and the route know otherwise."""

UNRECOGNISED = Protocol(
    name="unrecognised",
    read=lambda _, event: FAILURE if is_bare_failure(event) else CONTENT,
    demands_terminal=lambda *_: False,
)
"""What a stream speaks before it has said anything that shows its protocol."""

AUTO = "auto"
"""In place of a protocol's name: the one that the stream shows."""

__all__ = ["AUTO", "NONE", "PROTOCOLS", "UNRECOGNISED", "Protocol", "protocol"]

PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in _KNOWN}


def protocol(name: str) -> Protocol:
    """Return the protocol of that name; KeyError for AUTO and for what nobody knows."""
    return NONE if name == NONE.name else PROTOCOLS[name]
