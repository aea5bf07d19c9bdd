"""The phrases of each protocol: how an upstream opens, says a piece, fails and ends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sse_observe.protocols import NONE

_TEXT = "\0text\0"


def _event(data: object, name: str = "") -> str:
    body = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f"{f'event: {name}' + chr(10) if name else ''}data: {body}\n\n"


@dataclass(frozen=True)
class Phrases:
    """The phrases of one protocol, as text of the wire."""

    opening: Sequence[str]
    piece: str
    failure: str
    end: Sequence[str]

    def says(self, text: str) -> bytes:
        """Return a piece of content."""
        return self._with(self.piece, text)

    def fails(self, text: str) -> bytes:
        """Return an error in band."""
        return self._with(self.failure, text)

    @staticmethod
    def _with(phrase: str, text: str) -> bytes:
        return phrase.replace(json.dumps(_TEXT)[1:-1], json.dumps(text)[1:-1]).encode()


def _chat(delta: object, reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return _event(
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
        | {"choices": [choice]}
    )


def _gemini(parts: Sequence[object], reason: str | None = None) -> str:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": parts}}
    return _event({"candidates": [candidate | ({"finishReason": reason} if reason else {})]})


def _rpc(body: Mapping[str, object]) -> str:
    return _event({"jsonrpc": "2.0", **body}, "message")


_USAGE = {"input_tokens": 1, "output_tokens": 1}
_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted"}
PHRASES: Mapping[str, Phrases] = {
    NONE.name: Phrases(
        opening=(),
        piece=_event({"text": _TEXT}),
        failure=_event({"message": _TEXT}, "error"),
        end=(_event({}, "done"),),
    ),
    "openai-chat": Phrases(
        opening=(_chat({"role": "assistant", "content": ""}),),
        piece=_chat({"content": _TEXT}),
        failure=_event({"error": {"message": _TEXT, "type": "server_error", "code": 500}}),
        end=(_chat({}, "stop"), _event("[DONE]")),
    ),
    "openai-responses": Phrases(
        opening=(_event({"type": "response.created"}, "response.created"),),
        piece=_event(
            {"type": "response.output_text.delta", "delta": _TEXT}, "response.output_text.delta"
        ),
        failure=_event({"type": "error", "message": _TEXT}, "error"),
        end=(_event({"type": "response.completed"}, "response.completed"),),
    ),
    "anthropic": Phrases(
        opening=(
            _event(
                {"type": "message_start", "message": {**_MESSAGE, "content": [], "usage": _USAGE}},
                "message_start",
            ),
            _event(
                {"type": "content_block_start", "index": 0}
                | {"content_block": {"type": "text", "text": ""}},
                "content_block_start",
            ),
        ),
        piece=_event(
            {"type": "content_block_delta", "index": 0}
            | {"delta": {"type": "text_delta", "text": _TEXT}},
            "content_block_delta",
        ),
        failure=_event(
            {"type": "error", "error": {"type": "overloaded_error", "message": _TEXT}}, "error"
        ),
        end=(
            _event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
            _event(
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _USAGE},
                "message_delta",
            ),
            _event({"type": "message_stop"}, "message_stop"),
        ),
    ),
    "gemini": Phrases(
        opening=(),
        piece=_gemini([{"text": _TEXT}]),
        failure=_event({"error": {"code": 503, "message": _TEXT, "status": "UNAVAILABLE"}}),
        end=(_gemini([], "STOP"),),
    ),
    "ai-sdk": Phrases(
        opening=(_event({"type": "start"}), _event({"type": "text-start", "id": "1"})),
        piece=_event({"type": "text-delta", "id": "1", "delta": _TEXT}),
        failure=_event({"type": "error", "errorText": _TEXT}),
        end=(
            _event({"type": "text-end", "id": "1"}),
            _event({"type": "finish"}),
            _event("[DONE]"),
        ),
    ),
    "ag-ui": Phrases(
        opening=(
            _event({"type": "RUN_STARTED", "threadId": "1", "runId": "1"}),
            _event({"type": "TEXT_MESSAGE_START", "messageId": "1", "role": "assistant"}),
        ),
        piece=_event({"type": "TEXT_MESSAGE_CONTENT", "messageId": "1", "delta": _TEXT}),
        failure=_event({"type": "RUN_ERROR", "message": _TEXT}),
        end=(
            _event({"type": "TEXT_MESSAGE_END", "messageId": "1"}),
            _event({"type": "RUN_FINISHED", "threadId": "1", "runId": "1"}),
        ),
    ),
    "mcp": Phrases(
        opening=(),
        piece=_rpc({"method": "notifications/message", "params": {"level": "info", "data": _TEXT}}),
        failure=_rpc({"id": 1, "error": {"code": -32603, "message": _TEXT}}),
        end=(_rpc({"id": 1, "result": {"content": [], "isError": False}}),),
    ),
}
"""By the protocol's name."""
