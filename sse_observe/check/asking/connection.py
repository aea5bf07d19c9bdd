"""One connection, TCP and TLS, with the time of each phase: no pool, no retry."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from sse_observe.check.asking.addresses import Address, Judge, any_address, resolve
from sse_observe.check.asking.failures import AskError, connect_failure, tls_failure
from sse_observe.check.asking.question import Origin

Phase = Literal["dns", "connect", "tls", "headers"]
"""The phases of a request, each named by what ends it."""

# As browsers offer them.
_ALPN = ("h2", "http/1.1")
# A chunk of a reader; an event that is larger arrives in several.
READ_BYTES = 1 << 16


class Trust(NamedTuple):
    """Whose certificates are believed: those of `authority` beside the system's, or anybody's."""

    authority: Path | None = None
    anybody: bool = False


SYSTEM = Trust()


@dataclass(frozen=True)
class Dialing:
    """How a connection is made: in how many seconds, to which addresses, with what trust."""

    seconds: float = 10.0
    judge: Judge = any_address
    trust: Trust = SYSTEM
    alpn: Sequence[str] = _ALPN
    to: tuple[str, int] | None = None
    """Where to connect in place of the host, which is asked for all the same."""
    receive_bytes: int | None = None
    """The kernel's buffer for what we have not read; None for its own choice."""


@cache
def tls_context(trust: Trust, alpn: tuple[str, ...] = _ALPN) -> ssl.SSLContext:
    """
    Return a TLS context; AskError where the authority's file has no certificates.

    It is made once, since reading the authorities takes 20 ms.
    """
    context = ssl.create_default_context()
    if trust.authority is not None:
        try:
            context.load_verify_locations(cafile=trust.authority)
        except (OSError, ssl.SSLError):
            raise AskError("tls", f"--ca {trust.authority}: no certificates in it") from None
    if trust.anybody:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(alpn))
    return context


@dataclass
class Connection:
    """An open connection; `protocol` is what both sides agreed on, None without TLS."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str
    protocol: str | None = None
    tls: str | None = None
    certificate_expires: float | None = None
    """Unix time."""

    async def read(self) -> bytes:
        """Return what arrives next; empty at the end."""
        return await self.reader.read(READ_BYTES)

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait until the kernel has taken most of them."""
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Hang up at once; what was not read is of no interest."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.transport.abort()


async def connect(origin: Origin, dialing: Dialing, reached: Callable[[Phase], None]) -> Connection:
    """
    Open a connection; `reached` is called with the name of each phase as it ends.

    AskError says in one line which phase failed.
    """
    try:
        async with asyncio.timeout(dialing.seconds):
            host, port = dialing.to or (origin.host, origin.port)
            addresses = await resolve(host, port, dialing.judge)
    except TimeoutError:
        line = f"{origin.host}: DNS: no answer within {dialing.seconds:g} s; check the network"
        raise AskError("timeout", line) from None
    reached("dns")
    made, address = await _dial(origin, addresses, dialing)
    reached("connect")
    if origin.scheme == "http":
        return Connection(*await asyncio.open_connection(sock=made), address)
    return await _secure(origin, made, address, dialing, reached)


async def _dial(
    origin: Origin, addresses: Sequence[Address], dialing: Dialing
) -> tuple[socket.socket, str]:
    """Connect to the first address that answers."""
    loop = asyncio.get_running_loop()
    last: OSError = OSError("no address")
    for each in addresses:
        made = socket.socket(each.family, socket.SOCK_STREAM)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if dialing.receive_bytes is not None:
            # Before the connection: the window is agreed on with it.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, dialing.receive_bytes)
        try:
            async with asyncio.timeout(dialing.seconds / len(addresses)):
                await loop.sock_connect(made, each.address)
        except OSError as error:
            last = error
            made.close()
        except BaseException:
            made.close()
            raise
        else:
            return made, str(each)
    raise connect_failure(str(origin), last)


async def _secure(
    origin: Origin,
    made: socket.socket,
    address: str,
    dialing: Dialing,
    reached: Callable[[Phase], None],
) -> Connection:
    try:
        async with asyncio.timeout(dialing.seconds):
            reader, writer = await asyncio.open_connection(
                sock=made,
                ssl=tls_context(dialing.trust, tuple(dialing.alpn)),
                server_hostname=origin.host,
            )
    except TimeoutError:
        made.close()
        raise AskError("timeout", f"{origin}: TLS: no answer within the time limit") from None
    except (OSError, ValueError) as error:
        made.close()
        raise tls_failure(str(origin), error) from None
    reached("tls")
    secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = secured.getpeercert() or {}
    expires = certificate.get("notAfter")
    return Connection(
        reader,
        writer,
        address,
        protocol=secured.selected_alpn_protocol(),
        tls=secured.version(),
        certificate_expires=ssl.cert_time_to_seconds(expires) if isinstance(expires, str) else None,
    )
