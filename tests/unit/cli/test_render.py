"""`sse-observe render`: exit codes, one line for each mistake, nothing half-written."""

from pathlib import Path

import pytest

from tests.support.command import sse_observe

pytestmark = pytest.mark.slow


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_render_writes_the_bundle_and_check_agrees(tmp_path: Path) -> None:
    """A new rendering is up to date, and a second one changes no byte."""
    first = sse_observe("render", "--out", "bundle", cwd=tmp_path)
    before = files(tmp_path)
    second = sse_observe("render", "--out", "bundle", cwd=tmp_path)
    checked = sse_observe("render", "--out", "bundle", "--check", cwd=tmp_path)

    assert (first.returncode, second.returncode, checked.returncode) == (0, 0, 0)
    assert files(tmp_path) == before
    assert len({name.split("/")[1] for name in before}) == 3
    assert first.stderr.count("links in alerts lead nowhere yet") == 1
    assert checked.stdout == ""


def test_check_shows_the_difference_and_the_cure_and_writes_nothing(tmp_path: Path) -> None:
    """A stale, a missing and an orphaned file are named, the user's own file never is."""
    sse_observe("render", "--out", "bundle", cwd=tmp_path)
    bundle = tmp_path / "bundle"
    rules = bundle / "alerts" / "sse-alerts.yaml"
    rules.write_text(rules.read_text().replace("0.995", "0.9"))
    (bundle / "runbooks" / "SSEMessageLoss.md").unlink()
    orphan = bundle / "runbooks" / "SSEGone.md"
    orphan.write_text((bundle / "runbooks" / "SSEStreamLeak.md").read_text())
    (bundle / "runbooks" / "ours.md").write_text("# Our own page\n")
    before = files(tmp_path)

    done = sse_observe("render", "--out", "bundle", "--check", cwd=tmp_path)

    assert done.returncode == 1
    assert files(tmp_path) == before
    assert "stale alerts/sse-alerts.yaml" in done.stderr
    assert "missing runbooks/SSEMessageLoss.md" in done.stderr
    assert "orphan runbooks/SSEGone.md" in done.stderr
    assert "ours.md" not in done.stderr + done.stdout
    assert done.stderr.splitlines()[-1].endswith(
        "run: sse-observe render --out bundle (this removes each orphan)"
    )
    assert "-          route:sse_stream_completion:ratio_rate1h < 0.9\n" in done.stdout
    assert "+          route:sse_stream_completion:ratio_rate1h < 0.995\n" in done.stdout


@pytest.mark.parametrize(
    ("text", "where", "remedy"),
    [
        ("alert: {}\n", "alert", "did you mean alerts?"),
        ("scrape_interval: 15\n", "scrape_interval", "expected text"),
        ("objectives: {completion: 150}\n", "objectives.completion", "0.995 for 99.5 %"),
        ("objectives: {completion: 0.9}\n", "objectives.completion", "never fire"),
        ("alerts: {SSEMesageLoss: {enabled: false}}\n", "SSEMesageLoss", "SSEMessageLoss"),
        ("grafana_url: grafana\n", "grafana_url", "https://"),
        ("a: [\n", "line", "correct the YAML"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(
    tmp_path: Path, text: str, where: str, remedy: str
) -> None:
    """File, key, what is wrong, what to do; exit code 1; nothing written."""
    (tmp_path / "sse-observe.yaml").write_text(text)

    done = sse_observe("render", "--out", "bundle", cwd=tmp_path)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-observe: sse-observe.yaml")
    assert where in line
    assert remedy in line
    assert list(files(tmp_path)) == ["sse-observe.yaml"]


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    """A path that was given and leads nowhere is no reason to take the defaults."""
    done = sse_observe("render", "--settings", "nowhere.yaml", cwd=tmp_path)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "nowhere.yaml" in line
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_written_leaves_the_old_files_whole(tmp_path: Path) -> None:
    """A path through a file is no folder; what was there before is still there."""
    (tmp_path / "bundle").write_text("a file\n")

    done = sse_observe("render", "--out", "bundle/in", cwd=tmp_path)

    assert done.returncode == 1
    (line,) = [text for text in done.stderr.splitlines() if "warning" not in text]
    assert "bundle" in line
    assert "--out" in line
    assert files(tmp_path) == {"bundle": b"a file\n"}


def test_a_target_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    """From the option and from the settings; nothing is written."""
    option = sse_observe("render", "--out", "bundle", "--target", "mimr", cwd=tmp_path)
    (tmp_path / "sse-observe.yaml").write_text("target: [mimir, thanoss]\n")
    setting = sse_observe("render", "--out", "bundle", cwd=tmp_path)

    assert (option.returncode, setting.returncode) == (1, 1)
    assert option.stderr == "sse-observe: --target mimr: no such target; did you mean mimir?\n"
    assert "target: thanoss: no such target; did you mean thanos?" in setting.stderr
    assert list(files(tmp_path)) == ["sse-observe.yaml"]


def test_targets_of_the_settings_are_written_and_checked(tmp_path: Path) -> None:
    """Those of the option come beside them."""
    (tmp_path / "sse-observe.yaml").write_text("target: mimir\n")
    written = sse_observe("render", "--target", "thanos", "--target", "google", cwd=tmp_path)
    folders = {name.split("/")[0] for name in files(tmp_path)}
    checked = sse_observe("render", "--check", cwd=tmp_path)

    assert written.returncode == 0
    assert {"mimir", "thanos", "google"} <= folders
    assert "orphan thanos/sse-observe.yaml" in checked.stderr
    assert "mimir" not in checked.stderr


def test_the_settings_are_printed_and_can_be_saved(tmp_path: Path) -> None:
    """A whole file on the output, nothing written; saved, it renders the same."""
    printed = sse_observe("render", "--print-settings", cwd=tmp_path)

    assert printed.returncode == 0
    assert files(tmp_path) == {}
    (tmp_path / "sse-observe.yaml").write_text(printed.stdout)
    assert sse_observe("render", cwd=tmp_path).returncode == 0
    assert sse_observe("render", "--print-settings", cwd=tmp_path).stdout == printed.stdout
