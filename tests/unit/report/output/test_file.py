"""The file of a report: refused early, written whole, or not at all."""

import os
from pathlib import Path

import pytest

from sse_observe.errors import ReportError
from sse_observe.report.output.file import check_path, write


def test_a_path_that_cannot_be_written_is_refused_before_asking(tmp_path: Path) -> None:
    """Minutes of asking are not thrown away for a misspelt folder."""
    strange = (Path("/dev/full"), tmp_path / f"{'a' * 300}.html")
    for path in (tmp_path, tmp_path / "no" / "incident.html", *strange):
        with pytest.raises(ReportError, match="name a file"):
            check_path(path)
    check_path(tmp_path / "incident.html")


def test_a_link_is_followed_and_kept(tmp_path: Path) -> None:
    """The target of the link is the file that somebody wants written."""
    target, link = tmp_path / "target.html", tmp_path / "incident.html"
    link.symlink_to(target)

    check_path(link)
    write(link, "text")

    assert link.is_symlink()
    assert target.read_text() == "text"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_leaves_no_draft(tmp_path: Path) -> None:
    """A file that cannot be written whole is taken away again."""
    path = tmp_path / "incident.html"
    path.mkdir()

    with pytest.raises(ReportError, match="--out"):
        write(path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["incident.html"]


def test_a_link_in_place_of_the_draft_is_not_followed(tmp_path: Path) -> None:
    """In a folder for all, one may have laid it there to a file of ours."""
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    (tmp_path / f".{os.getpid()}.draft").symlink_to(mine)

    write(tmp_path / "report.html", "x")

    assert mine.read_text() == "precious"
    assert (tmp_path / "report.html").read_text() == "x"
