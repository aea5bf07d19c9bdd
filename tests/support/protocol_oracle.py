"""
A slow reader of what streams say of themselves: the protocols, one JSON object at a time.

Written after the vendors' documentation, and knows nothing of how the package reads: no state
between two messages, no short path, no bytes that are cut off.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from tests.support.slow_reader import HEARTBEATS, lines_of

HELLO = b"sse.hello"
PIECES, EMPTY, TERMINAL, FAILURE, STOP, NOTHING = (
    *("content", "empty", "terminal", "failure"),
    *("stop", "nothing"),
)
"""The meaning of an event; `empty` is a piece of content without anything in it."""
IF_FIRST = "content if first"


@dataclass
class Said:
    """One event: its place in the stream, and all that it says."""

    ends_at: int
    meanings: frozenset[str]


@dataclass
class Verdict:
    """The truth of one stream."""

    reason: str
    empty: bool
    first_content: float | None
    """When it came, by the writer's clock."""
    contents: list[float] = field(default_factory=list)
    """When each piece came that was not empty."""
    lenient: list[float] = field(default_factory=list)
    """The same with the empty ones that came after the first content."""
    protocol: str = "none"
    states_terminal: bool = False


def events_of(stream: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return where each event ends, its name and its data, by the standard."""
    found, name, data = [], b"", []
    bom = b"\xef\xbb\xbf"
    at = len(bom) if stream.startswith(bom) else 0
    for line, size in lines_of(stream.removeprefix(bom)):
        at += size
        if not line:
            if data:
                # Of CRLF the CR is enough.
                at_end = at - size + 1
                found.append((at_end, b"" if name == b"message" else name, b"\n".join(data)))
            name, data = b"", []
            continue
        key, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if key == b"event":
            name = value
        elif key == b"data":
            data.append(value)
    return found


def json_of(data: bytes) -> object:
    """Return data as a client reads it, or None."""
    try:
        return json.loads(data.decode(errors="replace"))
    except ValueError:
        return None


def protocol_of(name: bytes, data: bytes, headers: Mapping[str, str]) -> str | None:
    """Return the protocol that an event belongs to; None where it says nothing of that."""
    if "x-vercel-ai-ui-message-stream" in headers:
        return "ai-sdk"
    if "mcp-protocol-version" in headers or "mcp-session-id" in headers:
        return "mcp"
    if name in (*HEARTBEATS, HELLO, b"error", b"done") or not data:
        return None
    value = json_of(data)
    value = value if isinstance(value, dict) else {}
    choices = value.get("choices")
    signs = {
        "anthropic": name == b"message_start",
        "openai-responses": name == b"response.created"
        or (name.startswith(b"response.") and "sequence_number" in value),
        "mcp": value.get("jsonrpc") == "2.0",
        "ai-sdk": not name and value.get("type") == "start",
        "ag-ui": not name and value.get("type") == "RUN_STARTED",
        "gemini": not name and ("candidates" in value or "promptFeedback" in value),
        "openai-chat": not name
        and (
            value.get("object") in ("chat.completion.chunk", "text_completion")
            or (isinstance(choices, list) and any("delta" in choice for choice in choices))
        ),
    }
    unknown = None if failed_alone(name, data) else "none"
    return next((protocol for protocol, shown in signs.items() if shown), unknown)


def failed(error: object) -> bool:
    """Tell whether a field called `error` says that something failed."""
    return isinstance(error, dict) or (isinstance(error, str) and bool(error))


def meanings(protocol: str, name: bytes, data: bytes) -> set[str]:
    """Return all that one event says."""
    if name in (*HEARTBEATS, HELLO) or not data:
        return {TERMINAL} if name == b"done" else {NOTHING}
    if name == b"done" or (not name and data == b"[DONE]"):
        return {TERMINAL}
    if name == b"error":
        return {FAILURE}
    value = json_of(data)
    read = {
        "openai-chat": _openai_chat,
        "openai-responses": _openai_responses,
        "anthropic": _anthropic,
        "ai-sdk": _ai_sdk,
        "ag-ui": _ag_ui,
        "gemini": _gemini,
        "mcp": _mcp,
    }.get(protocol)
    if read is None or not isinstance(value, dict):
        return {PIECES}
    return read(name.decode(), value)


def _openai_chat(_: str, chunk: dict) -> set[str]:
    meant = set()
    for choice in chunk.get("choices") or []:
        delta = choice.get("delta") or {}
        if choice.get("text") or any(
            delta.get(key)
            for key in ("content", "reasoning_content", "reasoning", "tool_calls", "refusal")
        ):
            meant.add(PIECES)
        elif "text" in choice or "content" in delta or "reasoning_content" in delta:
            meant.add(EMPTY)
        if choice.get("finish_reason") is not None:
            meant.add(TERMINAL)
    if failed(chunk.get("error")) and PIECES not in meant:
        return {FAILURE}
    return meant


def _openai_responses(name: str, event: dict) -> set[str]:
    if name in ("response.completed", "response.incomplete"):
        return {TERMINAL}
    if name == "response.failed":
        return {FAILURE}
    if name == "response.output_item.done":
        return {IF_FIRST}
    if name.endswith("delta"):
        return {PIECES} if event["delta"] else {EMPTY}
    return {NOTHING}


def _anthropic(name: str, event: dict) -> set[str]:
    if name == "message_stop":
        return {TERMINAL}
    if name == "content_block_start":
        return {NOTHING} if event["content_block"]["type"] in ("text", "thinking") else {PIECES}
    if name == "content_block_delta":
        pieces = ("text", "thinking", "partial_json", "signature")
        return {PIECES} if any(event["delta"].get(piece) for piece in pieces) else {EMPTY}
    return {NOTHING}


def _ai_sdk(_: str, part: dict) -> set[str]:
    kind = part["type"]
    ends = {"finish": TERMINAL, "error": FAILURE, "abort": STOP}
    if kind in ends:
        return {ends[kind]}
    if kind.endswith("-delta"):
        return {PIECES} if part.get("delta") or part.get("inputTextDelta") else {EMPTY}
    bringing = kind.startswith(("tool-", "data-", "source-", "file"))
    return {PIECES} if bringing else {NOTHING}


def _ag_ui(_: str, event: dict) -> set[str]:
    kind = event["type"]
    if kind == "RUN_FINISHED":
        return {STOP if event.get("outcome", {}).get("type") == "cancelled" else TERMINAL}
    if kind == "RUN_ERROR":
        return {FAILURE}
    if kind in ("TEXT_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT", "TOOL_CALL_ARGS"):
        return {PIECES} if event["delta"] else {EMPTY}
    if kind == "MESSAGES_SNAPSHOT":
        return {IF_FIRST}
    return {PIECES} if kind.startswith(("TOOL_CALL_", "STATE_")) else {NOTHING}


def _gemini(_: str, chunk: dict) -> set[str]:
    meant = set()
    for candidate in chunk.get("candidates") or []:
        for part in candidate.get("content", {}).get("parts", []):
            meant.add(PIECES if part.get("text") or "functionCall" in part else EMPTY)
        if candidate.get("finishReason"):
            meant.add(TERMINAL)
    if PIECES in meant:
        meant.discard(EMPTY)
    elif failed(chunk.get("error")):
        return {FAILURE}
    if chunk.get("promptFeedback", {}).get("blockReason"):
        meant.add(TERMINAL)
    return meant


def _mcp(_: str, message: dict) -> set[str]:
    answers = "id" in message and ("result" in message or "error" in message)
    return {PIECES, TERMINAL} if answers else {PIECES}


def judge(
    pieces: Sequence[tuple[float, bytes]],
    *,
    ends: str,
    headers: Mapping[str, str],
    method: str,
    endings: Mapping[str, bool],
) -> Verdict:
    """
    Judge one stream: what was written and when, and how it ends (in order, left, raised, cut).

    `endings` are the protocols of which the route has ended streams with their terminal.
    """
    stream = b"".join(piece for _, piece in pieces)
    places = list(accumulate(len(piece) for _, piece in pieces))
    # Headers name it before there is any event.
    protocol = protocol_of(b"", b"", headers)
    failure = stopped = terminal = False
    found = Verdict("", empty=False, first_content=None)
    for at, name, data in events_of(stream):
        when, _ = pieces[bisect_left(places, at)]
        protocol = protocol or protocol_of(name, data, headers)
        meant = meanings(protocol or "", name, data)
        if protocol is None and failed_alone(name, data):
            meant = {FAILURE}
        if PIECES in meant or (IF_FIRST in meant and not found.contents):
            found.contents.append(when)
            found.lenient.append(when)
            failure = stopped = terminal = False
        elif EMPTY in meant and found.contents and not (failure or stopped or terminal):
            found.lenient.append(when)
        failure |= FAILURE in meant
        stopped |= STOP in meant
        terminal |= TERMINAL in meant
    found.protocol = protocol or "none"
    found.states_terminal = terminal
    found.first_content = next(iter(found.contents), None)
    is_call = method == "POST" and headers.get("mcp-method") != "subscriptions/listen"
    if failure:
        found.reason = "error_event"
    elif stopped:
        found.reason = "cancelled"
    elif terminal:
        found.reason = "completed"
    elif ends == "in order":
        # Whoever speaks no protocol may end whenever it likes.
        ends_usually = endings.get(found.protocol, False) and found.protocol != "none"
        lacks = ends_usually and (found.protocol != "mcp" or is_call)
        found.reason = "server_error" if lacks else "completed"
    else:
        found.reason = {"left": "client_disconnected"}.get(ends, "server_error")
    may_be_empty = found.protocol != "mcp" or is_call
    found.empty = found.reason == "completed" and not found.contents and may_be_empty
    return found


def failed_alone(name: bytes, data: bytes) -> bool:
    """Tell whether an event of no protocol yet is an error, and no answer beside it."""
    value = json_of(data)
    if name or not isinstance(value, dict):
        return False
    beside = {"error", "id", "object", "choices", "model", "created", "code", "message", "usage"}
    return failed(value.get("error")) and value.keys() <= beside


def gaps(times: Sequence[float]) -> list[float]:
    """Return the times between each and the next."""
    return [after - before for before, after in pairwise(times)]
