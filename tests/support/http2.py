"""A raw HTTP/2 client by prior knowledge: one stream over one connection, nothing hidden."""

import socket
from collections.abc import Callable, Mapping
from typing import Self
from urllib.parse import urlsplit

from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from tests.support.servers import PATIENCE_SECONDS, Connection


class H2Client(Connection):
    """One HTTP/2 request, with the face of `RawClient` as far as an ending needs it."""

    def __init__(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS)
        self._h2 = H2Connection()
        self._h2.initiate_connection()
        asked = [(":method", method), (":path", parts.path), (":scheme", "http")]
        asked += [(":authority", parts.netloc)]
        asked += [(name.lower(), value) for name, value in (headers or {}).items()]
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, asked, end_stream=True)
        self._flush()
        self.status = 0
        self.body = b""
        self.at_end = False
        self.until(lambda client: bool(client.status) or client.at_end)

    def _flush(self) -> None:
        self.socket.sendall(self._h2.data_to_send())

    def _more(self) -> None:
        try:
            received = self.socket.recv(65536)
        except ConnectionResetError:
            received = b""
        if not received:
            self.at_end = True
            return
        try:
            events = self._h2.receive_data(received)
        except ProtocolError:
            # granian sends a body after HEAD.
            self.at_end = True
            return
        for event in events:
            match event:
                case ResponseReceived(headers=headers):
                    self.status = int(dict(headers)[b":status"])
                case DataReceived(data=data, flow_controlled_length=length):
                    self.body += data
                    self._h2.acknowledge_received_data(length, self._stream)
                case StreamEnded() | StreamReset():
                    self.at_end = True
        self._flush()

    def until(self, claim: Callable[["H2Client"], bool]) -> Self:
        """Read until the claim holds; fail when the answer ends before."""
        while not claim(self):
            assert not self.at_end, f"the answer ended first: {self.body[-500:]!r}"
            self._more()
        return self

    def until_end(self) -> Self:
        """Read to the end of the stream, or of the connection."""
        return self.until(lambda client: client.at_end)

    def cancel_stream(self) -> None:
        """Give up the stream and keep the connection, as a browser does."""
        self._h2.reset_stream(self._stream, 8)
        self._flush()
