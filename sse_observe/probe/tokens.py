"""The tokens of an answer: as its protocol counts them, else one for each piece of content."""

import re

from sse_observe.check.reading.event_log import EventLog

_TOTAL = re.compile(r'"(?:total_tokens|totalTokenCount|totalTokens)"\s*:\s*(\d{1,9})')
_INPUT = re.compile(r'"(?:input_tokens|prompt_tokens|inputTokens|promptTokens)"\s*:\s*(\d{1,9})')
_OUTPUT = re.compile(
    r'"(?:output_tokens|completion_tokens|outputTokens|completionTokens)"\s*:\s*(\d{1,9})'
)


def tokens(log: EventLog) -> int:
    """Return how many tokens an answer cost; what is said of it grows, so the most counts."""
    texts = [event.data for event in log.events]
    named = _most(_TOTAL, texts) or _most(_INPUT, texts) + _most(_OUTPUT, texts)
    return max(named, log.content_count)


def _most(pattern: re.Pattern[str], texts: list[str]) -> int:
    return max((int(found) for text in texts for found in pattern.findall(text)), default=0)
