"""
How a stream ended: one reason, from what its application, its client and its server showed.

Decides and changes nothing; how servers and frameworks show an ending is known here and nowhere
else.
"""

from sse_observe.middleware.server_state import exiting, peek
from sse_observe.middleware.stream import Stream


def delivered(stream: Stream) -> str:
    """Return which kind of a good end this is; a route may demand a terminal event."""
    if stream.overrides.polled:
        return "completed" if stream.terminal else "polled"
    if stream.terminal:
        again = stream.resumed and not stream.has_payload
        return "already_complete" if again else "completed"
    return "server_error" if stream.counts.config.terminal_events else "completed"


def client_left(stream: Stream) -> str:
    """Return the end of a stream whose client is gone: who has read the end is not cut off."""
    return "completed" if stream.terminal else "client_disconnected"


def returned(stream: Stream) -> str:
    """Return the end of a stream whose application has returned."""
    if stream.accepted_at is not None or stream.terminal:
        return delivered(stream)
    if is_gone(stream):
        return "client_disconnected"
    return "shutdown" if exiting() else "server_error"


def raised(stream: Stream, error: BaseException) -> str:
    """Return the end of a stream whose application has raised, or was cancelled."""
    failed = isinstance(error, Exception)
    if stream.terminal:
        return delivered(stream)
    if stream.accepted_at is not None:
        return "server_error" if failed else delivered(stream)
    if isinstance(error, OSError) or is_gone(stream):
        return "client_disconnected"
    if failed:
        return "server_error"
    # Cancelled. Where the server shows that it is not exiting, the application did it.
    return "server_error" if exiting() is False else "shutdown"


def shut_down(stream: Stream) -> str:
    """Return the end of a stream that is open while its server shuts down."""
    if stream.accepted_at is not None:
        return delivered(stream)
    # Who is stuck in a send() for a lost client has had no occasion to be asked about.
    return "client_disconnected" if is_gone(stream) else "shutdown"


def is_gone(stream: Stream) -> bool:
    """Tell whether the client is gone, as far as the server has reported or shows it."""
    return stream.gone or peek(stream.receive) is True
