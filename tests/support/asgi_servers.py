"""Every ASGI server that we hold to something, each in a process of its own, by one name."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from sse_observe.lab.programs.process import free_port
from tests.support.paths import ROOT
from tests.support.servers import PATIENCE_SECONDS

BIN = Path(sys.executable).parent
COMMANDS = {
    "uvicorn-httptools": "uvicorn {app} --factory --port {port} --http httptools --loop uvloop",
    "uvicorn-h11": "uvicorn {app} --factory --port {port} --http h11 --loop asyncio",
    "hypercorn": "hypercorn {app}() --bind 127.0.0.1:{port}",
    "granian": "granian --interface asgi --factory {app} --port {port} --no-log",
}


@contextmanager
def serving(
    server: str, app: str, log: Path, env: Mapping[str, str] | None = None, check: str = "/metrics"
) -> Iterator[str]:
    """Serve what `module:function` returns; give the base URL once `check` is answered."""
    port = free_port()
    program, *options = COMMANDS[server].format(app=app, port=port).split()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / program, *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{server} does not answer"
            with suppress(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{port}{check}", timeout=PATIENCE_SECONDS)
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        # Some serve from children of theirs; a feed without end would hold up an orderly end.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def logged(log: Path, words: str) -> list[str]:
    """Return the lines of a log that hold these words."""
    return [line for line in log.read_text(errors="replace").splitlines() if words in line]
