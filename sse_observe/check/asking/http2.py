"""One exchange over HTTP/2, through h2: a single stream on a connection of its own."""

from collections.abc import AsyncGenerator, Iterator

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

from sse_observe.check.asking.connection import Connection
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.http1 import Ended, Head, Part, Piece, hung_up, received
from sse_observe.check.asking.question import Header, Question

# No sender shall wait for us: 64 KB, the default, are a second of a brisk stream.
_WINDOW_BYTES = 1 << 24
# The server's side of a stream that ended well.
_NO_ERROR = 0


async def converse(
    connection: Connection, question: Question, headers: list[Header]
) -> AsyncGenerator[Part, None]:
    """Ask, and give the parts of the answer as they arrive; AskError where it is no HTTP/2."""
    # Headers that HTTP/2 forbids are a finding, not a reason to stop reading.
    http = H2Connection(H2Configuration(validate_inbound_headers=False, header_encoding="latin-1"))
    http.initiate_connection()
    http.increment_flow_control_window(_WINDOW_BYTES)
    stream = http.get_next_available_stream_id()
    asked = [
        (":method", question.method),
        (":scheme", question.origin.scheme),
        (":authority", str(question.origin)),
        (":path", question.target),
        *((name.lower(), value) for name, value in headers),
    ]
    if question.body:
        asked.append(("content-length", str(len(question.body))))
    http.send_headers(stream, asked, end_stream=not question.body)
    body = question.body
    answered = False
    while True:
        if body:
            body = _send_some(http, stream, body)
        await connection.send(http.data_to_send())
        for part in _parts(http, stream, await received(connection), question):
            if isinstance(part, Ended) and not answered:
                raise AskError("reset", hung_up(question))
            answered = True
            yield part
            if isinstance(part, Ended):
                return


def _parts(http: H2Connection, stream: int, data: bytes, question: Question) -> Iterator[Part]:
    if not data:
        yield Ended(complete=False)
        return
    try:
        events = http.receive_data(data)
    except ProtocolError as error:
        raise AskError(
            "not_http", f"{question.origin}: the answer is no HTTP/2 ({error}); check the port"
        ) from None
    for event in events:
        match event:
            case ResponseReceived(headers=headers) if headers:
                pairs = [(str(name).lower(), str(value)) for name, value in headers]
                status = next((value for name, value in pairs if name == ":status"), "0")
                plain = [pair for pair in pairs if not pair[0].startswith(":")]
                yield Head("2", int(status) if status.isdigit() else 0, plain)
            case DataReceived(data=data, flow_controlled_length=length):
                if length:
                    http.acknowledge_received_data(length, stream)
                yield Piece(bytes(data or b""), frame_ends=True)
            case StreamEnded():
                yield Ended(complete=True)
            case StreamReset(error_code=code) | ConnectionTerminated(error_code=code):
                # A GOAWAY without an error lets the stream end by itself.
                if isinstance(event, StreamReset) or code != _NO_ERROR:
                    yield Ended(complete=False)


def _send_some(http: H2Connection, stream: int, body: bytes) -> bytes:
    """Send of the body what the server takes now; return the rest."""
    while body:
        room = min(http.local_flow_control_window(stream), http.max_outbound_frame_size)
        if room <= 0:
            return body
        piece, body = body[:room], body[room:]
        http.send_data(stream, piece, end_stream=not body)
    return b""
