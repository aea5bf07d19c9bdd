"""Events of each protocol, by what they mean, drawn from a `random.Random`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

Event = tuple[str, object]
"""A name, empty for none, and JSON, or bytes that are none."""

WORDS = (
    *("Hello", " you", "é", "\n", '"', "\\", "{", "}", "[DONE]", "data: x", " ", "0", "null"),
    *('"delta":{"content":"', '","finish_reason":"stop"', "\ud83d\ude00", "\u2028", "x" * 300),
)


def word(r: Random) -> str:
    """Return a piece of text that is not empty."""
    return "".join(r.choice(WORDS) for _ in range(r.randint(1, 3)))


def chunk(delta: object, finish: object = None, **more: object) -> Event:
    """Return a chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return "", {**base, "choices": [choice], **more}


def no_choice(**more: object) -> Event:
    """Return a chunk of a chat completion without any choice."""
    return "", {"id": "c1", "object": "chat.completion.chunk", "choices": [], **more}


def text(value: str, finish: object = None) -> Event:
    """Return a chunk of a legacy completion."""
    choice = {"text": value, "index": 0, "finish_reason": finish}
    return "", {"id": "c1", "object": "text_completion", "choices": [choice], "model": "m"}


def named(kind: str, **more: object) -> Event:
    """Return an event whose name is its type."""
    return kind, {"type": kind, **more}


def typed(kind: str, **more: object) -> Event:
    """Return an event that has no name, but a type."""
    return "", {"type": kind, **more}


def candidate(*parts: object, **more: object) -> Event:
    """Return a chunk of Gemini's."""
    return "", {"candidates": [{"content": {"parts": list(parts), "role": "model"}, **more}]}


def rpc(**more: object) -> Event:
    """Return a message of JSON-RPC."""
    return "message", {"jsonrpc": "2.0", **more}


Draw = Callable[[Random], Event]


@dataclass(frozen=True)
class Speaker:
    """One protocol: what its streams are made of."""

    first: Draw
    preludes: tuple[Draw, ...]
    contents: tuple[Draw, ...]
    usual: Draw
    """A piece as it comes a hundred times in one stream."""
    ends: tuple[Draw, ...]
    failures: tuple[Draw, ...] = ()
    stops: tuple[Draw, ...] = ()
    healthy_errors: tuple[Draw, ...] = ()
    """Content with a field that only looks like an error."""
    headers: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


ERRORS: tuple[object, ...] = (
    {"message": "overloaded", "type": "server_error"},
    {"message": word(Random(1)), "code": 503},
    "upstream failed",
    {},
)


def an_error(r: Random) -> object:
    """Return the value of a field that says that something failed."""
    return r.choice(ERRORS)


done: Draw = lambda _: ("", b"[DONE]")  # noqa: E731

OPENAI = Speaker(
    first=lambda _: chunk({"role": "assistant", "content": ""}),
    preludes=(
        lambda _: chunk({"role": "assistant", "content": None}),
        lambda _: chunk({"content": ""}),
        lambda _: chunk({}, error=None),
        lambda _: no_choice(usage={"total_tokens": 3}, error=""),
        lambda _: no_choice(prompt_filter_results=[{"prompt_index": 0}]),
        lambda _: chunk({"content": "", "reasoning_content": "", "tool_calls": []}),
        lambda _: text(""),
    ),
    contents=(
        lambda r: chunk({"content": word(r)}),
        lambda r: chunk({"reasoning_content": word(r), "content": None}),
        lambda r: chunk({"reasoning": word(r), "content": ""}),
        lambda r: chunk({"tool_calls": [{"index": 0, "function": {"arguments": word(r)}}]}),
        lambda r: chunk({"refusal": word(r)}),
        lambda r: text(word(r)),
    ),
    usual=lambda r: chunk({"content": word(r)}),
    ends=(
        lambda r: chunk({}, r.choice(["stop", "length", "tool_calls", "content_filter"])),
        lambda r: chunk({"content": word(r)}, "stop"),
        done,
        done,
    ),
    failures=(
        lambda r: ("", {"error": an_error(r)}),
        lambda r: no_choice(error=an_error(r)),
        lambda r: chunk({"content": ""}, "error", error=an_error(r)),
        lambda r: ("error", {"error": an_error(r)}),
    ),
    healthy_errors=(
        lambda r: chunk({"content": word(r)}, error=an_error(r)),
        lambda r: chunk({"content": word(r)}, error=r.choice([None, ""])),
    ),
)
RESPONSES = Speaker(
    first=lambda _: named("response.created", sequence_number=0, response={"id": "r1"}),
    preludes=(
        lambda _: named("response.in_progress", sequence_number=1, response={"error": None}),
        lambda _: named("response.queued", sequence_number=1),
        lambda _: named("response.output_item.added", item={"type": "message"}),
        lambda _: named("response.content_part.added", part={"text": ""}),
        lambda _: named("response.output_text.delta", delta=""),
        lambda r: named("response.output_text.done", text=word(r)),
    ),
    contents=(
        lambda r: named("response.output_text.delta", item_id="m1", delta=word(r)),
        lambda r: named("response.reasoning_summary_text.delta", delta=word(r)),
        lambda r: named("response.function_call_arguments.delta", delta=word(r)),
        lambda _: named("response.output_item.done", item={"type": "function_call"}),
    ),
    usual=lambda r: named("response.output_text.delta", item_id="m1", delta=word(r)),
    ends=(lambda r: named(r.choice(["response.completed", "response.incomplete"])),),
    failures=(
        lambda r: named("response.failed", response={"error": an_error(r)}),
        lambda _: named("error", code="server_error", message="m"),
    ),
)
ANTHROPIC = Speaker(
    first=lambda _: named("message_start", message={"content": []}),
    preludes=(
        lambda _: named("ping"),
        lambda _: named("content_block_start", content_block={"type": "text", "text": ""}),
        lambda _: named("content_block_start", content_block={"type": "thinking", "thinking": ""}),
        lambda _: named("content_block_delta", delta={"type": "text_delta", "text": ""}),
        lambda _: named("content_block_delta", delta={"type": "x", "partial_json": ""}),
        lambda _: named("content_block_stop", index=0),
        lambda _: named("message_delta", delta={"stop_reason": "end_turn"}),
    ),
    contents=(
        lambda r: named("content_block_delta", delta={"type": "text_delta", "text": word(r)}),
        lambda r: named("content_block_delta", delta={"type": "t", "thinking": word(r)}),
        lambda r: named("content_block_delta", delta={"partial_json": word(r), "type": "i"}),
        lambda _: named("content_block_start", content_block={"type": "tool_use", "input": {}}),
    ),
    usual=lambda r: named(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": word(r)}
    ),
    ends=(lambda _: named("message_stop"),),
    failures=(lambda _: named("error", error={"type": "overloaded_error", "message": "m"}),),
)
AI_SDK = Speaker(
    first=lambda _: typed("start", messageId="m1"),
    preludes=(
        lambda _: typed("start-step"),
        lambda _: typed("text-start", id="0"),
        lambda _: typed("reasoning-start", id="0"),
        lambda _: typed("message-metadata", messageMetadata={}),
        lambda _: typed("text-delta", id="0", delta=""),
        lambda _: typed("finish-step"),
    ),
    contents=(
        lambda r: typed("text-delta", id="0", delta=word(r)),
        lambda r: typed("reasoning-delta", id="0", delta=word(r)),
        lambda r: typed("tool-input-delta", toolCallId="t", inputTextDelta=word(r)),
        lambda _: typed("tool-output-error", toolCallId="t", errorText="no such city"),
        lambda _: typed("data-weather", data={"error": "none"}),
        lambda _: typed("file", url="https://example.com"),
    ),
    usual=lambda r: typed("text-delta", id="0", delta=word(r)),
    ends=(lambda _: typed("finish"), done),
    failures=(lambda r: typed("error", errorText=word(r)),),
    stops=(lambda _: typed("abort"),),
    response={"x-vercel-ai-ui-message-stream": "v1"},
)
AG_UI = Speaker(
    first=lambda _: typed("RUN_STARTED", threadId="t", runId="r"),
    preludes=(
        lambda _: typed("STEP_STARTED", stepName="s"),
        lambda _: typed("TEXT_MESSAGE_START", messageId="m"),
        lambda _: typed("TEXT_MESSAGE_END", messageId="m"),
        lambda _: typed("TEXT_MESSAGE_CONTENT", messageId="m", delta=""),
        lambda _: typed("RAW", event={"type": "RUN_ERROR"}),
        lambda _: typed("REASONING_START", messageId="m"),
    ),
    contents=(
        lambda r: typed("TEXT_MESSAGE_CONTENT", messageId="m", delta=word(r)),
        lambda r: typed("REASONING_MESSAGE_CONTENT", messageId="m", delta=word(r)),
        lambda r: typed("TOOL_CALL_ARGS", toolCallId="t", delta=word(r)),
        lambda _: typed("TOOL_CALL_START", toolCallId="t"),
        lambda _: typed("STATE_DELTA", delta=[]),
        lambda _: typed("MESSAGES_SNAPSHOT", messages=[]),
    ),
    usual=lambda r: typed("TEXT_MESSAGE_CONTENT", messageId="m", delta=word(r)),
    ends=(
        lambda _: typed("RUN_FINISHED", runId="r"),
        lambda _: typed("RUN_FINISHED", outcome={"type": "success"}),
    ),
    failures=(lambda r: typed("RUN_ERROR", message=word(r), code="c"),),
    stops=(lambda _: typed("RUN_FINISHED", outcome={"type": "cancelled"}),),
)
GEMINI = Speaker(
    first=lambda _: candidate({"text": ""}),
    preludes=(
        lambda _: candidate({"text": "", "thoughtSignature": "s"}),
        lambda _: ("", {"usageMetadata": {"totalTokenCount": 1}}),
        lambda _: ("", {"promptFeedback": {"safetyRatings": []}}),
        lambda _: candidate(),
    ),
    contents=(
        lambda r: candidate({"text": word(r)}),
        lambda r: candidate({"text": word(r), "thought": True}),
        lambda _: candidate({"functionCall": {"name": "f", "args": {}}}),
        lambda r: candidate({"text": ""}, {"text": word(r)}),
    ),
    usual=lambda r: candidate({"text": word(r)}),
    ends=(
        lambda r: candidate({"text": word(r)}, finishReason=r.choice(["STOP", "MAX_TOKENS"])),
        lambda _: ("", {"candidates": [{"finishReason": "STOP"}]}),
        lambda _: ("", {"promptFeedback": {"blockReason": "SAFETY"}}),
    ),
    failures=(lambda _: ("", {"error": {"code": 503, "status": "UNAVAILABLE"}}),),
    healthy_errors=(lambda r: ("", {**dict(candidate({"text": word(r)})[1]), "error": None}),),  # type: ignore[call-overload]
)
MCP = Speaker(
    first=lambda _: rpc(method="notifications/progress", params={"progress": 0}),
    preludes=(),
    contents=(
        lambda _: rpc(method="notifications/progress", params={"result": 1}),
        lambda _: rpc(method="sampling/createMessage", id=7, params={"error": "x"}),
    ),
    usual=lambda r: rpc(method="notifications/message", params={"data": word(r)}),
    ends=(
        lambda r: rpc(id=1, result={"content": [word(r)]}),
        lambda _: rpc(id=1, error={"code": -32000, "message": "m"}),
    ),
    headers={"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call"},
)
LISTENING = Speaker(
    first=MCP.first,
    preludes=(),
    contents=MCP.contents[:1],
    usual=MCP.usual,
    ends=(),
    headers={"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"},
)
PLAIN = Speaker(
    first=lambda r: ("", {"text": word(r), "error": "none found"}),
    preludes=(),
    contents=(
        lambda r: ("", word(r).encode(errors="replace").replace(b"\n", b" ")),
        lambda r: ("status", {"error": {"message": word(r)}}),
        lambda r: ("message_start", {"text": word(r)}),
        lambda r: ("", {"choices": [{"delta": {"content": word(r)}}]}),
        lambda _: ("", {"error": {"message": "of a tool, late"}}),
    ),
    usual=lambda r: ("", {"text": word(r)}),
    ends=(done, lambda _: ("done", {})),
    failures=(lambda _: ("error", {"code": "c"}),),
)
SPEAKERS: Mapping[str, Speaker] = {
    "openai-chat": OPENAI,
    "openai-responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "ai-sdk": AI_SDK,
    "ag-ui": AG_UI,
    "gemini": GEMINI,
    "mcp": MCP,
    "mcp, listening": LISTENING,
    "none": PLAIN,
}
