"""A TCP connection on loopback as a server would hold it, for tests of what the kernel tells."""

import asyncio
import socket

from tests.support.asgi import http_scope


class Line:
    """A TCP connection on loopback, seen as a server's transport."""

    def __init__(self, listener=None):
        made = listener or socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(made.getsockname())
        self.socket, _ = made.accept()
        if listener is None:
            made.close()
        self.closing = False

    def get_extra_info(self, name):
        assert name == "socket"
        return self.socket

    def is_closing(self):
        return self.closing

    def say(self, times=1):
        """Send so many segments, each by itself."""
        for _ in range(times):
            self.socket.send(b"x")
            assert self.client.recv(1) == b"x"

    def scope(self, path="/s", **more):
        ends = {"client": self.socket.getpeername(), "server": self.socket.getsockname()}
        return http_scope(path, **{**ends, **more})

    def close(self):
        self.socket.close()
        self.client.close()


class Cycle:
    """The object that uvicorn binds `receive` to."""

    def __init__(self, transport):
        self.transport = transport

    async def receive(self):
        await asyncio.Event().wait()
