"""A stream's protocol is held from the event or header that shows it."""

import pytest

from sse_observe.protocols import NONE, PROTOCOLS, UNRECOGNISED
from sse_observe.protocols.model import FAILURE, TERMINAL
from sse_observe.protocols.recogniser import Recogniser

BEGIN = b'{"type":"message_start"}'


@pytest.mark.parametrize("name", [b"heartbeat", b"sse.hello", b"error", b"done"])
def test_what_belongs_to_no_protocol_leaves_the_question_open(name: bytes) -> None:
    """Names of the contract, and names that were declared, are asked first."""
    recogniser = Recogniser()

    assert recogniser.meanings(name, b"{}").protocol is UNRECOGNISED
    assert recogniser.meanings(b"message_start", BEGIN).protocol is PROTOCOLS["anthropic"]


def test_an_error_first_leaves_the_question_to_the_next_event() -> None:
    """It says that the stream failed, and not what it would have spoken."""
    recogniser = Recogniser()

    assert (
        recogniser.meanings(b"", b'{"error":"busy"}').meaning(b"", b'{"error":"busy"}') == FAILURE
    )
    assert recogniser.protocol is NONE
    recogniser.meanings(b"message_start", BEGIN)
    assert recogniser.protocol is PROTOCOLS["anthropic"]


def test_what_was_shown_first_stays() -> None:
    """A token of a model may look like another protocol's event."""
    recogniser = Recogniser()
    recogniser.meanings(b"", b"hello")

    assert recogniser.meanings(b"message_start", BEGIN).protocol is NONE


def test_a_header_names_it_before_any_event_and_changes_nothing_later() -> None:
    """The head comes first; on another connection the stream is the same one."""
    header = [(b"x-vercel-ai-ui-message-stream", b"v1")]
    early, late = Recogniser(), Recogniser()
    early.answered(header)
    late.meanings(b"message_start", BEGIN)
    late.answered(header)

    assert early.protocol is PROTOCOLS["ai-sdk"]
    assert late.protocol is PROTOCOLS["anthropic"]


def test_declared_names_go_before_every_protocol() -> None:
    """They are known before and after the stream has shown what it speaks."""
    recogniser = Recogniser("anthropic", terminal_events=("bye",))

    assert recogniser.meanings(b"bye", b"{}").meaning(b"bye", b"{}") == TERMINAL
