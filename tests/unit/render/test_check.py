"""A folder compared with its rendering: each difference is named, and cured by one command."""

from pathlib import Path

from sse_observe.render.banner import MARK
from sse_observe.render.bundle import render_to
from sse_observe.render.check import check
from tests.support.paths import ROOT
from tests.support.rendered import FILES


def test_committed_files_are_the_default_rendering() -> None:
    """The folders at the root are what `sse-observe render` writes."""
    report = check(ROOT, None)

    assert report.lines() == [], report.diff


def test_check_is_content_with_what_render_wrote(tmp_path: Path) -> None:
    """Render, then check: nothing to say."""
    written, *_ = render_to(tmp_path, None)

    assert len(written) == len(FILES)
    assert check(tmp_path, None).lines() == []


def test_check_names_missing_stale_and_orphan(tmp_path: Path) -> None:
    """Each kind of difference is named, shown as a diff, and cured by one command."""
    render_to(tmp_path, None)
    (tmp_path / "runbooks/SSEMessageLoss.md").unlink()
    stale = tmp_path / "alerts/sse-alerts.yaml"
    stale.write_text(stale.read_text().replace("for: 1m", "for: 2m"))
    (tmp_path / "runbooks/SSEOld.md").write_text(f"<!-- {MARK} from x -->\n")

    report = check(tmp_path, None)

    assert report.lines() == [
        "missing runbooks/SSEMessageLoss.md",
        "stale alerts/sse-alerts.yaml",
        "orphan runbooks/SSEOld.md",
        f"3 files differ; run: sse-observe render --out {tmp_path} (this removes each orphan)",
    ]
    assert "-        for: 2m\n+        for: 1m\n" in report.diff
    render_to(tmp_path, None)
    assert check(tmp_path, None).count == 0


def test_files_of_a_target_that_was_left_out_are_kept_by_the_option_named(tmp_path: Path) -> None:
    """The hint says before what it deletes, and with which option it stays."""
    render_to(tmp_path, None, ["provisioning"])

    last = check(tmp_path, None).lines()[-1]

    assert last.endswith("(this removes each orphan; to keep them add --target provisioning)")
    assert check(tmp_path, None, ["provisioning"]).lines() == []


def test_render_tells_each_file_that_it_changes_or_removes(tmp_path: Path) -> None:
    """An edit by hand is not overwritten without a word, nor a file deleted."""
    first = render_to(tmp_path, None, ["thanos"])
    edited = tmp_path / "alerts/sse-alerts.yaml"
    edited.write_text(edited.read_text().replace("for: 1m", "for: 2m"))

    second = render_to(tmp_path, None)

    assert first.changes == ()
    assert second.changes[0] == "changed alerts/sse-alerts.yaml"
    assert {line.split("/")[0] for line in second.changes[1:]} == {"removed thanos"}
    assert render_to(tmp_path, None).changes == ()
