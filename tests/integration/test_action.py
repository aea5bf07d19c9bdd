"""The composite action of CI: its own script, run as a runner runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT
from tests.support.raw_answers import HEAD, LAST, answering, chunk

pytestmark = pytest.mark.slow

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GOOD = HEAD.replace(b"\r\n\r\n", b"\r\nCache-Control: no-cache\r\n\r\n")
EVENTS = [chunk(b"id: %d\ndata: %d\n\n" % (n, n)) for n in range(3)]


def run(home: Path, url: str, **inputs: str) -> tuple[int, str]:
    """Run the step that checks; return its exit code, and what it outputs."""
    [step] = [one for one in ACTION["runs"]["steps"] if one.get("id") == "check"]
    given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
    given |= {"url": url, **{name.replace("_", "-"): value for name, value in inputs.items()}}
    variables = {
        name: given[text.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, text in step["env"].items()
    }
    output = home / "output"
    bin_ = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=home,
        env={
            **os.environ,
            **variables,
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(output),
        },
        check=False,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, output.read_text()


def test_a_good_stream_passes_and_leaves_its_files(tmp_path: Path) -> None:
    """The JUnit file and the page are there to be uploaded."""
    with answering(GOOD, *EVENTS, LAST) as server:
        code, output = run(tmp_path, server.url, args="--seconds 1\n--timeout 5")

    assert (code, output) == (0, "exit-code=0\n")
    assert "<testsuite" in (tmp_path / "sse-observe.xml").read_text()
    assert "<svg" in (tmp_path / "sse-observe.html").read_text()


def test_a_warning_fails_only_where_it_should(tmp_path: Path) -> None:
    """A stream that names no Cache-Control is a warning."""
    with answering(HEAD, *EVENTS, LAST) as server:
        mild = run(tmp_path, server.url)
        (tmp_path / "output").unlink()
        strict = run(tmp_path, server.url, fail_on="warn")

    assert mild == (0, "exit-code=1\n")
    assert strict == (1, "exit-code=1\n")


def test_a_broken_stream_fails(tmp_path: Path) -> None:
    """So does an address that is a piece of script: it is an address, and no more."""
    trap = tmp_path / "trap"
    with answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as server:
        broken = run(tmp_path, server.url)
    wrong = run(tmp_path, f'http://x"; touch {trap}; "')

    assert broken[0] == wrong[0] == 2
    assert not trap.exists()


def test_every_input_is_used() -> None:
    """An input that no step reads would do nothing."""
    text = (ROOT / "action.yml").read_text()

    assert all(f"${{{{ inputs.{name} }}}}" in text for name in ACTION["inputs"])
