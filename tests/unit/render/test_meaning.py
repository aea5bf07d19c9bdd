"""Changes of meaning: named when an interval changes, and nothing is told when nothing changed."""

from pathlib import Path

import pytest

from sse_observe.render.bundle import render_to
from sse_observe.render.check import check
from sse_observe.render.meaning import RULES, changes
from tests.support.rendered import FILES, files, settings_file


def test_the_same_bundle_means_the_same() -> None:
    """Neither a second rendering nor a first one has anything to tell."""
    assert list(changes(FILES, FILES)) == []
    assert list(changes({}, FILES)) == []


def test_a_longer_interval_is_named(tmp_path: Path) -> None:
    """Windows that were stretched, their new names, and how much later alerts come."""
    minute = files(tmp_path, "scrape_interval: 60s\n")

    later, windows = changes(FILES, minute)
    earlier, back = changes(minute, FILES)

    assert "every 1m, before every 30s: alerts come up to 30s later" in later
    assert "every 30s, before every 1m: alerts come up to 30s earlier" in earlier
    assert "route:sse_reconnect_storm:rate2m is now route:sse_reconnect_storm:rate4m" in windows
    assert "route:sse_reconnect_storm:rate4m is now route:sse_reconnect_storm:rate2m" in back


def test_a_record_that_is_gone_is_named() -> None:
    """A board of one's own that reads it would stay empty without a word."""
    old = {RULES: FILES[RULES] + "      - record: route:sse_old:sum\n"}

    (line,) = changes(old, FILES)

    assert line.startswith("no longer recorded: route:sse_old:sum;")


@pytest.mark.parametrize("ours", [True, False])
def test_render_and_check_say_so(tmp_path: Path, ours: bool) -> None:
    """Whoever changes the interval reads it at once; a file of somebody else is not read."""
    render_to(tmp_path, None)
    if not ours:
        (tmp_path / RULES).write_text("groups: []\n")
    given = settings_file(tmp_path, "scrape_interval: 60s\n")

    lines = [line for line in check(tmp_path, given).warnings if "windows changed" in line]

    assert bool(lines) == ours
    if ours:
        _, warnings, _ = render_to(tmp_path, given)
        assert lines[0] in warnings
        _, again, _ = render_to(tmp_path, given)
        assert lines[0] not in again
