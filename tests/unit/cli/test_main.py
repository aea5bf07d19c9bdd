"""The command line: exit codes, one line for each mistake, nothing half-written, quick to start."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def cli(
    *words: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sse_observe", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_render_writes_the_bundle_and_check_agrees(tmp_path: Path) -> None:
    """What was just rendered is up to date, and a second rendering changes no byte."""
    first = cli("render", "--out", "bundle", cwd=tmp_path)
    before = files(tmp_path)
    second = cli("render", "--out", "bundle", cwd=tmp_path)
    checked = cli("render", "--out", "bundle", "--check", cwd=tmp_path)

    assert (first.returncode, second.returncode, checked.returncode) == (0, 0, 0)
    assert files(tmp_path) == before
    assert len({name.split("/")[1] for name in before}) == 3
    assert first.stderr.count("links in alerts lead nowhere yet") == 1
    assert checked.stdout == ""


def test_check_shows_the_difference_and_the_cure_and_writes_nothing(tmp_path: Path) -> None:
    """A stale, a missing and an orphaned file are named, the user's own file never is."""
    cli("render", "--out", "bundle", cwd=tmp_path)
    bundle = tmp_path / "bundle"
    rules = bundle / "alerts" / "sse-alerts.yaml"
    rules.write_text(rules.read_text().replace("0.995", "0.9"))
    (bundle / "runbooks" / "SSEMessageLoss.md").unlink()
    orphan = bundle / "runbooks" / "SSEGone.md"
    orphan.write_text((bundle / "runbooks" / "SSEStreamLeak.md").read_text())
    (bundle / "runbooks" / "ours.md").write_text("# Our own page\n")
    before = files(tmp_path)

    done = cli("render", "--out", "bundle", "--check", cwd=tmp_path)

    assert done.returncode == 1
    assert files(tmp_path) == before
    said = done.stderr
    assert "stale alerts/sse-alerts.yaml" in said
    assert "missing runbooks/SSEMessageLoss.md" in said
    assert "orphan runbooks/SSEGone.md" in said
    assert "ours.md" not in said + done.stdout
    assert said.splitlines()[-1].endswith("run: sse-observe render --out bundle")
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

    done = cli("render", "--out", "bundle", cwd=tmp_path)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-observe: sse-observe.yaml")
    assert where in line
    assert remedy in line
    assert list(files(tmp_path)) == ["sse-observe.yaml"]


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    """A path that was given and leads nowhere is no reason to take the defaults."""
    done = cli("render", "--settings", "nowhere.yaml", cwd=tmp_path)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "nowhere.yaml" in line
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_written_leaves_the_old_files_whole(tmp_path: Path) -> None:
    """A path through a file is no folder; what was there before is still there."""
    (tmp_path / "bundle").write_text("a file\n")

    done = cli("render", "--out", "bundle/in", cwd=tmp_path)

    assert done.returncode == 1
    (line,) = [text for text in done.stderr.splitlines() if "warning" not in text]
    assert "bundle" in line
    assert "--out" in line
    assert files(tmp_path) == {"bundle": b"a file\n"}


@pytest.mark.parametrize("words", [["rendr"], ["render", "--foo"], ["demo", "--users", "0"]])
def test_a_wrong_call_exits_with_2_and_no_traceback(tmp_path: Path, words: list[str]) -> None:
    """A misspelt command, an unknown option and a value out of range are usage errors."""
    done = cli(*words, cwd=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr


def test_runbook_lists_shows_and_forgives(tmp_path: Path) -> None:
    """All are listed; one is shown in any case of letters; a misspelt one gets the nearest."""
    listed = cli("runbook", cwd=tmp_path)
    shown = cli("runbook", "ssemessageloss", cwd=tmp_path)
    misspelt = cli("runbook", "SSEMesageLoss", cwd=tmp_path)

    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == sorted(path.stem for path in (ROOT / "runbooks").glob("SSE*.md"))
    assert "First five minutes" in shown.stdout
    assert misspelt.returncode == 1
    assert "did you mean SSEMessageLoss?" in misspelt.stderr


def cold(*commands: list[str], cwd: Path) -> list[float]:
    """Return the least processor time of each command, run in turn: noise only adds."""
    least = [float("inf")] * len(commands)
    for _ in range(7):
        for number, command in enumerate(commands):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], cwd=cwd, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            least[number] = min(least[number], spent)
    return least


def test_render_and_help_start_quickly(tmp_path: Path) -> None:
    """At most 3 and 1.5 times what importing the libraries they need takes by itself."""
    libraries = "import prometheus_client, msgspec, typer, grafanalib.core, jinja2, yaml"
    render, bare_render, help_, bare_help = cold(
        ["-m", "sse_observe", "render", "--out", "bundle"],
        ["-c", libraries],
        ["-m", "sse_observe", "--help"],
        ["-c", "import typer"],
        cwd=tmp_path,
    )

    assert render <= 3 * bare_render, f"render {render:.2f} s, libraries {bare_render:.2f} s"
    assert help_ <= 1.5 * bare_help, f"--help {help_:.2f} s, typer {bare_help:.2f} s"
