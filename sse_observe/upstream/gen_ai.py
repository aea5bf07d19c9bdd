"""
OpenTelemetry's names for generative AI, for consumed streams: they may still change.

Written by whoever has opted in to them. Reads what the request and the protocol say, and no answer.
"""

import os
import re

from sse_observe.middleware.spans import Facts

_OPT_IN = "gen_ai_latest_experimental"
# Quotes inside of a prompt are escaped, so that this is a member's name and its value.
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,100})"').search
_OPERATIONS = {
    "openai-chat": ("chat", "openai"),
    "openai-responses": ("chat", "openai"),
    "anthropic": ("chat", "anthropic"),
    "gemini": ("generate_content", "gcp.gemini"),
}
"""The operation and the provider that each protocol stands for."""


def is_opted_in() -> bool:
    """Tell whether this process is to write the newest names, by OpenTelemetry's own variable."""
    chosen = os.environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(",")
    return _OPT_IN in (one.strip() for one in chosen)


def model_of(ends: tuple[bytes, ...]) -> str | None:
    """Return the model that a request asks for, from the ends of its body."""
    found = next(filter(None, map(_MODEL, ends)), None)
    return None if found is None else found[1].decode(errors="replace")


def facts_of(protocol: str, model: str | None, first_chunk: float | None) -> Facts:
    """
    Return what is known of an operation; nothing for a protocol that is no model's.

    `first_chunk` is the time from the request to it, in seconds.
    """
    if protocol not in _OPERATIONS:
        return {}
    operation, provider = _OPERATIONS[protocol]
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": first_chunk,
    }


def name_of(facts: Facts) -> str | None:
    """Return how the span of such an operation is named; None where there is none."""
    if not facts:
        return None
    words = facts["gen_ai.operation.name"], facts["gen_ai.request.model"]
    return " ".join(str(word) for word in words if word is not None)
