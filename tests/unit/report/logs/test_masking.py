"""Masking: nobody's secrets in a line that somebody else will read."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_observe.report.logs.masking import masked

SECRETS = {
    "bearer": "Authorization: Bearer {}",
    "header in JSON": '{{"authorization": "Basic {}"}}',
    "cookie": "Cookie: sid={}; theme=dark",
    "set-cookie": "set-cookie: a=b; session={}; Secure",
    "query": "GET /chat?stream_id={}&x=1 HTTP/1.1",
    "url": "https://user:{}@example.com/path",
    "key": "api_key={} retry",
    "password": 'password: "{}"',
    "quoted": "{{'client_secret': '{}'}}",
    "compound": "X-Auth-Token={};",
    "word": "using token {}",
}


@pytest.mark.parametrize("shape", SECRETS.values(), ids=SECRETS)
@settings(max_examples=10)
@given(secret=st.from_regex(r"[A-Za-z0-9+/_.~-]{6,40}", fullmatch=True))
@example(secret="hunter2pass")
def test_a_secret_is_masked_wherever_it_stands(shape: str, secret: str) -> None:
    """Tokens, cookies, passwords and query strings, whatever they are made of."""
    filled = shape.format(secret)
    bare = shape.format("")

    out = masked(f"2026-09-21 ERROR failed: {filled}")

    assert secret not in out or secret in bare or secret in "2026-09-21 ERROR failed: [masked]"


@settings(max_examples=25)
@given(
    st.ip_addresses().map(str)
    | st.from_regex(r"[a-z0-9._+-]{1,20}@[a-z0-9-]{1,10}\.(com|org)", fullmatch=True)
    | st.uuids().map(str)
)
def test_addresses_of_people_and_machines_are_masked(value: str) -> None:
    """E-mail addresses, IP addresses of both kinds, and ids."""
    for around in ("from {} failed", "[{}]", "client={},", '"{}"'):
        assert value not in masked(around.format(value)) or value == "::"


PEOPLE = {
    "card 4111 1111 1111 1111 declined": "card [card] declined",
    "paid with 4111-1111-1111-1111.": "paid with [card].",
    "amex 3782 822463 10005 used": "amex [card] used",
    "SSN: 123-45-6789": "SSN: [masked]",
    '{"ssn": "123-45-6789"}': '{"ssn": "[masked]"}',
    "NINO AB 12 34 56 C": "NINO [masked]",
    "passport no. C01X00T47 expired": "passport no. [masked] expired",
    "IBAN DE89 3704 0044 0532 0130 00": "IBAN [masked]",
    "tax_id=12 345 678 901": "tax_id=[masked]",
    "for deadbeefdeadbeefdeadbeefdeadbeef": "for [id]",
    "for cafebabe-dead-beef-cafe-babedeadbeef": "for [id]",
    "span 00f067aa0ba902b7": "span [id]",
    'prompt="I am ill" age=1': "prompt=[masked] age=1",
    r'{"prompt": "tell \"me\"", "n": 1}': '{"prompt": [masked], "n": 1}',
    '{"messages":[{"role":"user","content":"I am ill"}]}': '{"messages":[masked]',
    "answer: it is cancer": "answer: [masked]",
    "llm.input=who am I route=/chat": "llm.input=[masked] route=/chat",
    "output_text='don\\'t' x=1": "output_text=[masked] x=1",
}


@pytest.mark.parametrize("line", PEOPLE)
def test_what_is_about_somebody_is_masked(line: str) -> None:
    """Bank cards, national ids after their name, ids in hexadecimal, prompts and answers."""
    assert masked(line) == PEOPLE[line]


@pytest.mark.parametrize(
    "line",
    [
        "order 4111 1111 1111 1112",  # no check digit
        "at 1727000000000 ms and 1727000000000000000 ns",
        "sin 4 of 5, passport check 5 failed",
        "content-type: text/event-stream",
        '{"message": "stream ended"}',
        "the facade was effaced, reason=completed",
    ],
)
def test_numbers_and_words_that_only_look_like_it_stay(line: str) -> None:
    """An id of an order, a time, a header, the log's own message."""
    assert masked(line) == line


def test_what_is_no_secret_stays_readable() -> None:
    """A line that says nothing about anybody is shown as it was."""
    plain = (
        "2026-09-21 14:00:03 WARNING sse_observe stream ended route=/chat/{id} reason=server_error"
        " age=1.2 silence=0.3 events=12 bytes=400 suppressed=0"
    )
    assert masked(plain) == plain
    assert masked("File /usr/lib/python3.11/asyncio/tasks.py, line 418") == (
        "File /usr/lib/python3.11/asyncio/tasks.py, line 418"
    )
    assert re.search(r"12:30:45", masked("at 12:30:45 it failed"))


@settings(max_examples=25)
@given(st.text(max_size=300))
def test_masking_twice_finds_nothing_new(line: str) -> None:
    """A masked secret is no secret any more."""
    once = masked(line)

    assert len(masked(once)) <= len(once) + 20


@pytest.mark.parametrize(
    "run",
    [
        "a",
        "0a",
        "a.",
        "secret",
        "1.",
        ":",
        "ey",
        "?",
        "@",
        "%40",
        "-_",
        "4 ",
        "ab",
        "prompt=",
        "ssn 1",
        "a=",
    ],
)
def test_no_line_is_expensive(run: str) -> None:
    """A line made to be slow is as long as a line may be, and no worse than others."""
    assert masked(run * (4000 // len(run))) is not None
