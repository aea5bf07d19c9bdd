"""The command line as a user runs it: in a process of its own, with words, a folder, a result."""

import os
import subprocess
import sys
from pathlib import Path

SSE_OBSERVE = [sys.executable, "-m", "sse_observe"]


def sse_observe(
    *words: str | Path, cwd: Path | None = None, **env: str
) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end; its output is text, 100 columns wide."""
    return subprocess.run(
        [*SSE_OBSERVE, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
