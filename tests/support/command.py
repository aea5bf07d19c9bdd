"""The command line with words, a folder and a result: as a user runs it, or within this process."""

import os
import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from sse_observe.cli.main import main

SSE_OBSERVE = [sys.executable, "-m", "sse_observe"]
_ENV = {"COLUMNS": "100"}


def sse_observe(
    *words: str | Path, cwd: Path | None = None, **env: str
) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end; its output is text, 100 columns wide."""
    return subprocess.run(
        [*SSE_OBSERVE, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **_ENV, **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def sse_observe_here(*words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """
    Run one command as `sse_observe` does, in this process: for tests that run very many.

    The start of a process is most of what a short command costs. An error that has no line of its
    own is raised here, where the process would show a traceback.
    """
    argv = ["sse-observe", *map(str, words)]
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        chdir(cwd),
        patch.object(sys, "argv", argv),
        patch.dict(os.environ, _ENV),
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as errors,
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
    assert isinstance(code, int)
    return subprocess.CompletedProcess(argv, code, out.getvalue(), errors.getvalue())
