"""OpenTelemetry's names for generative AI: only by its own opt-in, and only what is known."""

import pytest

from sse_observe.protocols import PROTOCOLS
from sse_observe.upstream import gen_ai


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, False),
        ("", False),
        ("http", False),
        ("gen_ai_latest_experimental", True),
        ("http/dup, gen_ai_latest_experimental", True),
        ("gen_ai_latest_experimental_not", False),
    ],
)
def test_the_names_are_asked_for_by_opentelemetry_s_own_variable(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, expected: bool
) -> None:
    """It is a list with commas, as for all of its instrumentations."""
    if chosen is None:
        monkeypatch.delenv("OTEL_SEMCONV_STABILITY_OPT_IN", raising=False)
    else:
        monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", chosen)
    assert gen_ai.is_opted_in() is expected


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (b'{"model":"gpt-5","messages":[]}', "gpt-5"),
        (b'{"messages":[],"model" : "claude"}', "claude"),
        # A prompt that speaks of one.
        (rb'{"messages":[{"content":"{\"model\": \"evil\"}"}],"model":"m"}', "m"),
        # The schema of a tool has a property of this name.
        (b'{"tools":[{"properties":{"model":{"type":"string"}}}],"model":"m"}', "m"),
        (b'{"model":7}', None),
        (b'{"model":"' + b"x" * 101 + b'"}', None),
        (b"", None),
    ],
)
def test_the_model_is_what_the_request_asks_for(body: bytes, model: str | None) -> None:
    """Nothing inside of a prompt is taken for it."""
    assert gen_ai.model_of((body, body)) == model


def test_protocols_of_models_have_an_operation() -> None:
    """Each name is a protocol's; one that is no model's says nothing of generative AI."""
    known = {name for name in PROTOCOLS if gen_ai.facts_of(name, None, None)}
    assert known == {"openai-chat", "openai-responses", "anthropic", "gemini"}


def test_a_span_is_named_by_its_operation_and_its_model() -> None:
    """By the operation alone where nobody knows the model, and not at all elsewhere."""
    assert gen_ai.name_of(gen_ai.facts_of("openai-chat", "gpt-5", 0.5)) == "chat gpt-5"
    assert gen_ai.name_of(gen_ai.facts_of("gemini", None, 0.5)) == "generate_content"
    assert gen_ai.name_of(gen_ai.facts_of("mcp", "gpt-5", 0.5)) is None
