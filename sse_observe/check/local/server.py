"""An ASGI application under uvicorn, in a process of its own, while it is checked."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sse_observe.errors import CheckError

START_SECONDS = 30.0
_STOP_SECONDS = 10


@contextmanager
def served(target: str, *, factory: bool = False) -> Iterator[str]:
    """
    Serve `module:app` on a free port of the loopback; give its base URL.

    CheckError is one line: what the application said when it did not start.
    """
    _check_target(target)
    with socket.socket() as listening, tempfile.TemporaryFile() as log:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        words = [
            *(sys.executable, "-m", "uvicorn", target, "--fd", str(listening.fileno())),
            *("--log-level", "warning", "--timeout-graceful-shutdown", "1"),
            *(["--factory"] if factory else []),
        ]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
        try:
            _wait(process, port, target)
            yield f"http://127.0.0.1:{port}"
        except CheckError as error:
            log.seek(0)
            raise CheckError(f"{error}{_last_line(log.read())}") from None
        finally:
            _stop(process)


def _check_target(target: str) -> None:
    module, colon, name = target.partition(":")
    if not colon or not module or not name:
        raise CheckError(f"--app {target}: is no application; write module:app")


def _wait(process: "subprocess.Popen[bytes]", port: int, target: str) -> None:
    """Wait until the application answers anything; its port is open from the start."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CheckError(f"--app {target}: did not start: ")
        with socket.socket() as one:
            one.settimeout(0.25)
            try:
                one.connect(("127.0.0.1", port))
                one.sendall(b"OPTIONS * HTTP/1.0\r\n\r\n")
                if one.recv(1):
                    return
            except OSError:
                continue
    raise CheckError(f"--app {target}: did not answer within {START_SECONDS:g} s: ")


def _last_line(log: bytes) -> str:
    lines = [line.strip() for line in log.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
