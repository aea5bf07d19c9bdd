"""
A loopback in a Linux network namespace of its own, which loses packets when it is told to.

A process lives in the namespace, hands its sockets out over a Unix socket, and ends with us.
Nothing outside changes, and no privilege is needed where users may make namespaces.
"""

import asyncio
import os
import socket
import subprocess
import sys
from typing import Self

from sse_observe.errors import LabError
from sse_observe.lab.programs.cutting_proxy import Connection
from sse_observe.lab.programs.process import find

_ANSWER_SECONDS = 20.0
_TAKE, _LOSE, _KEEP = b"socket", b"lose ", b"keep"
_DONE = b"done"
# Packets are dropped where they arrive, so that TCP has to find out and send them again. Where
# they leave, the kernel would know at once.
_LOSS = """
table inet lossy {{
  chain receive {{
    type filter hook input priority 0
    tcp sport {port} numgen random mod 5 == 0 drop
  }}
}}
"""


class LossyNetwork:
    """
    A listening socket in the namespace, and connections to it.

    One in five packets from the listening side is lost after `lose(True)`. LabError where this
    machine allows no namespace.
    """

    def __init__(self) -> None:
        self.listeners: tuple[socket.socket, ...] = ()
        self._port = 0
        self._near: socket.socket | None = None
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Make the namespace, and listen in it."""
        find("ip", "iproute2")
        find("nft", "nftables")
        near, far = socket.socketpair()
        near.settimeout(_ANSWER_SECONDS)
        self._near = near
        # Root needs no user namespace, and many containers refuse one.
        user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
        with far:
            self._process = subprocess.Popen(
                [
                    *(find("unshare", "util-linux"), *user, "--net"),
                    *(sys.executable, "-m", __name__, str(far.fileno())),
                ],
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                # A Ctrl-C in the terminal is ours to pass on, in our order.
                start_new_session=True,
            )
        try:
            listener = self._take()
            self.listeners = (listener,)
            listener.bind(("127.0.0.1", 0))
            self._port = listener.getsockname()[1]
            # The rules are tried at once: a kernel may have namespaces and no filter.
            self.lose(True)
            self.lose(False)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the namespace, and its listener."""
        for listener in self.listeners:
            listener.close()
        if self._near is not None:
            self._near.close()
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def lose(self, on: bool) -> None:
        """Begin to lose packets, or stop it."""
        self._ask(_LOSE + str(self._port).encode() if on else _KEEP)

    async def dial(self) -> Connection:
        """Connect to the listener from inside the namespace."""
        taken = self._take()
        taken.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(taken, ("127.0.0.1", self._port))
        except BaseException:
            taken.close()
            raise
        return await asyncio.open_connection(sock=taken)

    def _take(self) -> socket.socket:
        (descriptor,) = self._ask(_TAKE)
        return socket.socket(fileno=descriptor)

    def _ask(self, request: bytes) -> list[int]:
        """Have something done in the namespace; return the file descriptors that came back."""
        if self._near is None:
            raise LabError("the lossy network was not started")
        try:
            self._near.sendall(request)
            answer, descriptors, _, _ = socket.recv_fds(self._near, 500, 1)
        except TimeoutError:
            answer, descriptors = b"no answer in time", []
        except OSError:
            # The process has ended; its last line on stderr says why.
            answer, descriptors = b"", []
        if answer != _DONE:
            raise LabError(f"no network namespace that loses packets: {self._reason(answer)}")
        return descriptors

    def _reason(self, answer: bytes) -> str:
        if not answer and self._process is not None:
            words = self._process.communicate(timeout=_ANSWER_SECONDS)[1].strip().splitlines()
            return words[-1] if words else "its process ended"
        return answer.decode(errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _serve(side: socket.socket) -> None:
    """Do what is asked until the other side is closed; runs in the namespace."""
    _run("ip", "link", "set", "lo", "up")
    while request := side.recv(100):
        try:
            if request == _TAKE:
                with socket.socket() as made:
                    socket.send_fds(side, [_DONE], [made.fileno()])
                continue
            _run("nft", "flush", "ruleset")
            if request.startswith(_LOSE):
                _run("nft", "-f", "-", text=_LOSS.format(port=int(request.removeprefix(_LOSE))))
            side.sendall(_DONE)
        except subprocess.CalledProcessError as error:
            words = error.stderr.strip().splitlines() or [str(error)]
            side.sendall(words[0].encode()[:500])


def _run(*words: str, text: str = "") -> None:
    program = find(words[0], words[0])
    subprocess.run([program, *words[1:]], input=text, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as side:
        _serve(side)
