"""The meaning of an event: what is declared first, then what the protocol knows."""

from typing import Any

from sse_observe.protocols import PROTOCOLS, protocol
from sse_observe.protocols.meanings import Meanings
from sse_observe.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL


def meanings(name: str = "none", **declared: Any) -> Meanings:
    return Meanings(protocol(name), **declared)


def test_what_is_declared_goes_before_the_protocol_and_beside_it() -> None:
    """Names and beginnings of data of one's own, in a stream of a known protocol."""
    ours = meanings(
        "openai-chat",
        terminal_data=("BYE",),
        error_data=('{"oops"',),
        prelude_events=("status",),
        error_events=("boom",),
    )

    assert ours.meaning(b"", b"BYE now") == TERMINAL
    assert ours.meaning(b"", b'{"oops":1}') == FAILURE
    assert ours.meaning(b"status", b"x") == NOTHING
    assert ours.meaning(b"boom", b"x") == FAILURE
    assert ours.meaning(b"", b"[DONE]") == TERMINAL
    assert ours.meaning(b"error", b'{"choices":[{"text":"x"}]}') == CONTENT


def test_an_event_called_error_is_a_failure_unless_declared_otherwise() -> None:
    """Most applications mean it; who does not says so."""
    assert meanings().meaning(b"error", b"x") == FAILURE
    assert meanings(error_events=()).meaning(b"error", b"x") == CONTENT


def test_a_declared_terminal_replaces_the_usual_ones_but_no_protocols() -> None:
    """`[DONE]` of an OpenAI stream ends it whatever else is declared."""
    assert meanings(terminal_events=("end",)).meaning(b"", b"[DONE]") == CONTENT
    assert meanings("openai-chat", terminal_events=("end",)).meaning(b"", b"[DONE]") == TERMINAL


def test_an_event_without_data_brings_nothing() -> None:
    """MCP primes a stream with an id and empty data: nobody was waiting for that."""
    assert meanings().meaning(b"", b"") == NOTHING
    assert meanings().meaning(b"done", b"") == TERMINAL


def test_data_matters_only_where_something_reads_it() -> None:
    """A counter that need not read may leave the data alone."""
    assert not meanings().reads
    assert meanings(error_data=("oops",)).reads
    assert all(meanings(name).reads for name in PROTOCOLS)
