"""The meaning of events, by the protocol that shows itself."""

import pytest

from sse_observe.check.reading.dialect import CONTENT, TERMINAL, Dialect, Speech
from sse_observe.errors import SettingsError


def test_a_heartbeat_says_nothing_of_the_protocol() -> None:
    """Everything before the first event of a protocol leaves the question open."""
    dialect = Dialect(Speech())

    assert dialect.meaning("heartbeat", "{}") == 0
    assert dialect.meaning("message_start", "{}") == 0
    assert dialect.name == "anthropic"


def test_a_declared_terminal_ends() -> None:
    """The user's own names count, beside those of no protocol."""
    dialect = Dialect(Speech(terminal_events=("bye",)))

    assert dialect.meaning("bye", "{}") & TERMINAL
    assert dialect.meaning("message", "text") == CONTENT


def test_a_header_names_the_protocol_before_any_event() -> None:
    """The AI SDK says so in its head."""
    dialect = Dialect(Speech())
    dialect.answered([(b"X-Vercel-AI-UI-Message-Stream", b"v1")])

    assert dialect.name == "ai-sdk"


def test_a_summary_is_content_only_where_none_came_before() -> None:
    """Of one that repeats what was sent in pieces nobody waits."""
    dialect = Dialect(Speech(protocol="openai-responses"))

    assert dialect.meaning("response.output_item.done", "{}") & CONTENT
    assert not dialect.meaning("response.output_item.done", "{}") & CONTENT


def test_an_unknown_protocol_is_refused_in_one_line() -> None:
    """The names that there are stand in the line."""
    with pytest.raises(SettingsError, match="openai-chat"):
        Dialect(Speech(protocol="gopher"))
