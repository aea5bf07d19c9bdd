"""The prober as a process: its pages on an address, its schedule, SIGHUP to read the file again."""

import asyncio
import logging
import signal
import socket
from pathlib import Path

import uvicorn

from sse_observe.errors import CheckError, SSEObserveError
from sse_observe.probe.app import ProbeApp
from sse_observe.probe.prober import Prober
from sse_observe.probe.schedule import Schedule

_log = logging.getLogger("sse_observe.probe")
_MOST_CONNECTIONS = 200
_MOST_HEAD_BYTES = 16 << 10
_IDLE_SECONDS = 65


def listen(address: str) -> socket.socket:
    """Return a socket that listens at `host:port`; CheckError is one line."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) >= 1 << 16:
        raise CheckError(f"--listen {address}: write host:port, such as 127.0.0.1:9470")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise CheckError(f"--listen {address}: {reason}; choose another address") from None
    return listener


async def run(path: Path, listener: socket.socket, *, open_targets: bool = False) -> None:
    """Probe until the process is told to end."""
    prober = Prober(path, open_targets=open_targets)
    schedule = Schedule(prober)
    prober.reloaded.append(schedule.apply)
    schedule.apply()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, prober)
    server = uvicorn.Server(
        uvicorn.Config(
            ProbeApp(prober),
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=1,
        )
    )
    try:
        await server.serve(sockets=[listener])
    finally:
        await schedule.stop()


def _reload(prober: Prober) -> None:
    try:
        prober.reload()
    except SSEObserveError as error:
        for line in str(error).splitlines():
            _log.error("not read again: %s", line)
    else:
        _log.info("read again")
