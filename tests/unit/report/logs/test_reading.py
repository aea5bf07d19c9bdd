"""Log lines in a report: foreign input in every shape, and nobody's secrets out of it."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_observe.errors import ReportError
from sse_observe.report.logs.entry import parse
from sse_observe.report.logs.masking import masked
from sse_observe.report.logs.reading import Reading, read_log
from sse_observe.report.query.window import Window

NOON = 1_790_000_000.0  # 2026-09-21T14:13:20Z
WINDOW = Window(NOON - 3600, NOON, 30)
OURS = (
    "stream ended route=/chat/{{id}} reason={} age=1.2 silence=0.3 events=12 bytes=400 suppressed=0"
)


def read(tmp_path: Path, *lines: str, route: str | None = None) -> Reading:
    path = tmp_path / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_log(path, WINDOW, route)


@pytest.mark.parametrize(
    ("line", "at", "level"),
    [
        ("2026-09-21 14:00:01,500 WARNING app late", 1_789_999_201.5, "warning"),
        ("2026-09-21T16:00:01+02:00 ERROR app late", 1_789_999_201.0, "error"),
        ("2026/09/21 14:00:01 [error] 31#31: late", 1_789_999_201.0, "error"),
        ("Sep 21 14:00:01 host app: late", 1_789_999_201.0, ""),
        ('h - - [21/Sep/2026:14:00:01 +0000] "GET / HTTP/1.1" 502 0', 1_789_999_201.0, ""),
        ('{"ts": 1789999201.25, "lvl": "warn", "msg": "late"}', 1_789_999_201.25, "warning"),
        ('{"time": 1789999201250, "severity": "ERROR"}', 1_789_999_201.25, "error"),
        ('{"@timestamp": "2026-09-21T14:00:01Z", "log": {}}', 1_789_999_201.0, ""),
        ('{"levelname": "INFO", "asctime": "2026-09-21 14:00:01"}', 1_789_999_201.0, "info"),
    ],
)
def test_loggers_write_their_time_in_many_ways(line: str, at: float, level: str) -> None:
    """Python's own, nginx', syslog's, an access log's, and JSON in seconds or milliseconds."""
    entry = parse(line, NOON)

    assert entry is not None
    assert (entry.at, entry.level) == (pytest.approx(at), level)


def test_lines_of_last_december_are_not_of_next() -> None:
    """Syslog writes no year; what would lie in the future was last year."""
    january = 1_798_848_000.0  # 2027-01-02

    entry = parse("Dec 31 23:59:59 host app: error", january)

    assert entry is not None
    assert entry.at == 1_798_761_599.0


def test_our_own_lines_come_first_and_good_ends_not_at_all(tmp_path: Path) -> None:
    """How streams ended badly, then errors, then warnings, then what names streams."""
    found = read(
        tmp_path,
        "2026-09-21 14:00:00 INFO app upstream prematurely closed connection",
        "2026-09-21 14:00:01 WARNING app slow disk",
        "2026-09-21 14:00:02 ERROR app no disk",
        f"2026-09-21 14:00:03 WARNING sse_observe {OURS.format('server_error')}",
        f"2026-09-21 14:00:04 INFO sse_observe {OURS.format('completed')}",
        "2026-09-21 14:00:05 INFO app all is well",
        "2026-09-20 14:00:05 ERROR app yesterday",
    )

    assert [kind.rank for kind in found.kinds] == [0, 1, 2, 3]
    assert "server_error" in found.kinds[0].text
    assert (found.lines, found.within) == (7, 6)


def test_structured_lines_of_ours_keep_their_fields(tmp_path: Path) -> None:
    """A JSON formatter writes our fields beside the message, or in it; the route is one."""
    line = {
        "timestamp": NOON - 60,
        "level": "WARNING",
        "logger": "sse_observe",
        "message": "stream ended",
        "sse": {"route": "/a", "reason": "server_error", "events": 3},
    }
    other = {**line, "sse": {"route": "/b", "reason": "server_error"}}

    found = read(tmp_path, json.dumps(line), json.dumps(other), route="/a")

    assert [kind.text for kind in found.kinds] == [
        "stream ended route=/a reason=server_error events=3"
    ]


def test_lines_that_differ_in_numbers_are_counted_as_one_kind(tmp_path: Path) -> None:
    """A thousand times the same error is one row with its count, first and last time."""
    lines = [f"2026-09-21 14:00:{n:02} ERROR app worker {n} failed" for n in range(60)]

    (kind,) = read(tmp_path, *lines).kinds

    assert (kind.count, kind.last - kind.first) == (60, 59)
    assert kind.text.endswith("worker 0 failed")


def test_a_traceback_belongs_to_the_line_before(tmp_path: Path) -> None:
    """Lines without a date of their own are the end of the last one that has."""
    found = read(
        tmp_path,
        "a line of a time before",
        "2026-09-21 14:00:02 ERROR app failed",
        "Traceback (most recent call last):",
        '  File "x.py", line 3, in f',
        "2026-09-21 14:00:03 INFO app fine",
    )

    (kind,) = found.kinds
    assert kind.text.splitlines()[1:] == [
        "Traceback (most recent call last):",
        '  File "x.py", line 3, in f',
    ]
    assert found.notes == ("1 lines before the first dated one were left out",)


def test_a_log_of_another_time_is_told(tmp_path: Path) -> None:
    """The commonest cause is a zone that the log does not name."""
    found = read(tmp_path, "2020-01-01 00:00:00 ERROR app failed")

    assert found.kinds == ()
    assert "times without a zone are read as UTC" in found.notes[0]


def test_only_the_end_of_a_large_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log of gigabytes costs no more than its last megabytes."""
    monkeypatch.setattr("sse_observe.report.logs.reading.MOST_BYTES", 2000)
    lines = [f"2026-09-21 14:00:00 ERROR app failed {'x' * n}" for n in range(200)]

    found = read(tmp_path, *lines)

    assert found.lines < 20
    assert "only the last" in found.notes[0]


def test_lines_that_are_no_text_are_read_as_far_as_they_are(tmp_path: Path) -> None:
    """A line of a megabyte, bytes that are no UTF-8, a terminal's codes: bounded and told."""
    path = tmp_path / "app.log"
    at = b"2026-09-21T14:00:00Z ERROR app "
    lines = [at + b"x" * 1_000_000, at + b"\xff\xc3( \x1b[31mred\x00", b'{"time": ' + b"[" * 50_000]
    path.write_bytes(b"\n".join([*lines, at + "\u202egnp.exe".encode(), b"\r" * 100_000]))

    reading = read_log(path, WINDOW)

    assert reading.within == 3
    assert max(len(kind.text) for kind in reading.kinds) < 5000
    assert any("\ufffd" in kind.text for kind in reading.kinds)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """It is said before anything is asked."""
    for path in (tmp_path / "nowhere.log", tmp_path):
        with pytest.raises(ReportError, match="name a file that can be read"):
            read_log(path, WINDOW)


@given(
    st.binary(max_size=400)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
@example(b'{"time": 1e999}')
@example(b'{"time": true, "msg": 1}')
@example(b"{" * 3000)
@example(b'{"time": "2026-99-99T99:99:99Z"}')
@example(b"Foo 99 99:99:99 x")
@example(b"2026-09-21T14:00:00+99:99 ERROR x")
def test_any_bytes_are_read_or_left_out(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    """No line of a log stops a report."""
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(raw)

    found = read_log(path, WINDOW)

    assert found.within <= found.lines


@settings(max_examples=15)
@given(
    st.dictionaries(
        st.sampled_from(["time", "ts", "level", "msg", "logger", "sse", "route", "name"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ),
    )
)
def test_any_json_is_an_entry_or_none(found: dict[str, object]) -> None:
    """A value of a kind that nobody expected is no fault."""
    entry = parse(json.dumps(found), NOON)

    assert entry is None or isinstance(entry.text, str)


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
    """What is masked is no secret any more."""
    once = masked(line)

    assert len(masked(once)) <= len(once) + 20


@pytest.mark.parametrize("run", ["a", "0a", "a.", "secret", "1.", ":", "ey", "?", "@", "%40", "-_"])
def test_no_line_is_expensive(run: str) -> None:
    """A line made to be slow is as long as a line may be, and no worse than others."""
    assert masked(run * (4000 // len(run))) is not None
