"""
Chat chunks, as the data of events: OpenAI's protocol, which most streams speak today.

A chunk is one step of an answer; `error` takes the place of one.
"""

import json

DONE = "[DONE]"


def chunk(delta: dict[str, str], finish: str | None = None) -> str:
    """Return what an answer has more than before; `finish` is why it ends."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"object": "chat.completion.chunk", "model": "m", "choices": [choice]})


def error(kind: str) -> str:
    """Return the words by which a stream says that it failed."""
    return json.dumps({"error": {"message": "The model is overloaded.", "type": kind}})


ROLE = chunk({"role": "assistant", "content": ""})
FINISH = chunk({}, "stop")
