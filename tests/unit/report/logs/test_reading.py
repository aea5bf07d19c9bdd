"""Log lines of a report: which belong to the window, in what order, and how they are counted."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sse_observe.errors import ReportError
from sse_observe.report.logs.reading import LogExcerpt, read_log
from sse_observe.report.window import Window

NOON = 1_790_000_000.0  # 2026-09-21T14:13:20Z
WINDOW = Window(NOON - 3600, NOON, 30)
OURS = (
    "stream ended route=/chat/{{id}} reason={} age=1.2 silence=0.3 events=12 bytes=400 suppressed=0"
)


def read(tmp_path: Path, *lines: str, route: str | None = None) -> LogExcerpt:
    path = tmp_path / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_log(path, WINDOW, route)


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
    assert (found.lines, found.in_window) == (7, 6)


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
    assert found.remarks == ("1 lines before the first dated one were left out",)


def test_a_log_of_another_time_gets_a_remark(tmp_path: Path) -> None:
    """The commonest cause is a zone that the log does not name."""
    found = read(tmp_path, "2020-01-01 00:00:00 ERROR app failed")

    assert found.kinds == ()
    assert "times without a zone are read as UTC" in found.remarks[0]


def test_only_the_end_of_a_large_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log of gigabytes costs no more than its last megabytes."""
    monkeypatch.setattr("sse_observe.report.logs.reading.MOST_BYTES", 2000)
    lines = [f"2026-09-21 14:00:00 ERROR app failed {'x' * n}" for n in range(200)]

    found = read(tmp_path, *lines)

    assert found.lines < 20
    assert "only the last" in found.remarks[0]


def test_lines_that_are_no_text_are_read_as_far_as_they_are(tmp_path: Path) -> None:
    """A line of a megabyte, bytes that are no UTF-8, a terminal's codes: cut and shown."""
    path = tmp_path / "app.log"
    at = b"2026-09-21T14:00:00Z ERROR app "
    lines = [at + b"x" * 1_000_000, at + b"\xff\xc3( \x1b[31mred\x00", b'{"time": ' + b"[" * 50_000]
    path.write_bytes(b"\n".join([*lines, at + "\u202egnp.exe".encode(), b"\r" * 100_000]))

    found = read_log(path, WINDOW)

    assert found.in_window == 3
    assert max(len(kind.text) for kind in found.kinds) < 5000
    assert any("\ufffd" in kind.text for kind in found.kinds)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """It fails before anything is asked."""
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

    assert found.in_window <= found.lines
