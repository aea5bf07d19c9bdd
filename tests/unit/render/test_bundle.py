"""The bundle on disk: the same bytes each time, all or nothing, and nobody else's files."""

import contextlib
import os
import sys
import threading
from pathlib import Path

import pytest

from sse_observe.errors import SettingsError
from sse_observe.render.banner import MARK
from sse_observe.render.bundle import catalogue, render, render_to, write
from sse_observe.render.check import check
from tests.support.paths import ROOT
from tests.support.rendered import FILES, rules

PAGES = ROOT / "sse_observe/catalog/alerts"


def test_rendering_twice_gives_the_same_bytes() -> None:
    """Nothing of the day, the machine or chance is in the files."""
    assert render(*catalogue(None)) == FILES


def test_bundle_holds_a_rule_and_a_runbook_for_each_page() -> None:
    """Three boards, two rule files, routes, a runbook for each alert and their index."""
    alerts = {rule["alert"] for rule in rules(FILES) if "alert" in rule}

    assert set(FILES) == {
        "dashboards/stream-health.json",
        "dashboards/stall-detection.json",
        "dashboards/network-quality.json",
        "alerts/sse-recording-rules.yaml",
        "alerts/sse-alerts.yaml",
        "alerts/sse-alertmanager.yml",
        "runbooks/README.md",
        *(f"runbooks/{name}.md" for name in alerts),
    }
    assert alerts == {path.stem for path in PAGES.glob("*.md")}
    assert all(name in FILES["runbooks/README.md"] for name in alerts)


@pytest.mark.parametrize("name", FILES)
def test_file_carries_the_banner_and_ends_in_one_line_feed(name: str) -> None:
    """Whoever opens a file learns that it is rendered, and from what."""
    text = FILES[name]

    assert MARK in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_files_of_others_are_neither_listed_nor_touched(tmp_path: Path) -> None:
    """A file beside ours without our banner is the user's own."""
    render_to(tmp_path, None)
    foreign = {
        tmp_path / "alerts/node.yaml": b"groups: []\n",
        tmp_path / "runbooks/Database.md": b"# ours\n",
        tmp_path / "dashboards/binary.json": b"\xff\xfe",
    }
    for path, content in foreign.items():
        path.write_bytes(content)

    assert check(tmp_path, None).lines() == []
    render_to(tmp_path, None)
    assert {path: path.read_bytes() for path in foreign} == foreign


def test_render_never_overwrites_a_file_of_others(tmp_path: Path) -> None:
    """A README that the user wrote stops the render before anything is written."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/README.md").write_text("mine\n")

    with pytest.raises(SettingsError, match=r"README\.md: not rendered by sse-observe; move it"):
        render_to(tmp_path, None)

    assert (tmp_path / "runbooks/README.md").read_text() == "mine\n"
    assert not (tmp_path / "alerts").exists()


def test_failing_render_leaves_the_old_files_whole(tmp_path: Path) -> None:
    """Where one file cannot be written, no file changes, and no draft stays behind."""
    write({"alerts/a.yaml": f"{MARK} old\n"}, tmp_path)
    (tmp_path / "runbooks").write_text("a file where a folder should be")

    with pytest.raises(SettingsError, match=r"runbooks: .*choose a folder that can be written"):
        write({"alerts/a.yaml": f"{MARK} new\n", "runbooks/b.md": f"{MARK}\n"}, tmp_path)

    assert (tmp_path / "alerts/a.yaml").read_text() == f"{MARK} old\n"
    assert [path.name for path in (tmp_path / "alerts").iterdir()] == ["a.yaml"]


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    """Whoever may write into the folder must not have somebody else's files overwritten."""
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    out = tmp_path / "out"
    (out / "alerts").mkdir(parents=True)
    (out / "alerts/.a.yaml.draft").symlink_to(mine)
    (out / "alerts/b.yaml").symlink_to(tmp_path / "missing.txt")

    write({"alerts/a.yaml": f"{MARK}\n", "alerts/b.yaml": f"{MARK}\n"}, out)

    assert mine.read_text() == "precious"
    assert not (tmp_path / "missing.txt").exists()
    assert not any(path.is_symlink() for path in (out / "alerts").iterdir())


class Killed(BaseException):
    """SIGKILL, as far as a test can play it."""


@pytest.mark.parametrize("at", range(5))
def test_whoever_is_killed_leaves_whole_files_and_the_next_one_clears_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Each file is the old one or the new one, and no draft stays for ever."""
    old, new = ({f"alerts/{name}.yaml": f"{MARK} {age}\n" for name in "abc"} for age in (1, 2))
    write(old, tmp_path)
    replace, moved = Path.replace, []

    def move(path: Path, target: Path) -> Path:
        if len(moved) == at:
            raise Killed
        moved.append(target)
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", move)
        with contextlib.suppress(Killed):
            write(new, tmp_path)
    for name in old:
        assert (tmp_path / name).read_text() in (old[name], new[name])

    write(new, tmp_path)
    assert {path.name for path in (tmp_path / "alerts").iterdir()} == {"a.yaml", "b.yaml", "c.yaml"}
    assert [(tmp_path / name).read_text() for name in new] == list(new.values())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")
def test_two_at_once_write_one_after_the_other(tmp_path: Path) -> None:
    """Half of the files by one's settings and half by another's would fit nobody."""
    import fcntl

    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    other = threading.Thread(target=write, args=({"alerts/a.yaml": f"{MARK}\n"}, tmp_path))
    other.start()
    other.join(0.1)
    assert list(tmp_path.iterdir()) == []

    os.close(folder)
    other.join(10)
    assert (tmp_path / "alerts/a.yaml").exists()
