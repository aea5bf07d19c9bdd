"""
How the socket under a stream is found, and how it is read without holding on to it.

Owns none of the server's descriptors: it remembers a number, or two addresses, and the kernel's
own mark of that socket, the cookie, against which every answer is checked. Linux only.
"""

import socket
import struct
from typing import Protocol
from weakref import finalize

from sse_observe.asgi import Scope

# tcp_info of <linux/tcp.h>, which only ever grows at its end: state, milliseconds since data came
# in, smoothed round trip in µs, segments sent again, bytes not sent yet, data segments sent.
_INFO = struct.Struct("=B51xI12xI28xI40xI8xI")
# Linux's numbers: elsewhere these names are missing, and the import must not fail for that.
_TCP_INFO, _SO_COOKIE = 11, 57
# Bound once: they are used for every reading.
_Loan = socket.SocketType
_INET, _STREAM = int(socket.AF_INET), int(socket.SOCK_STREAM)
_SOCKET, _TCP = socket.SOL_SOCKET, socket.IPPROTO_TCP
_COOKIE_BYTES = 8
_ESTABLISHED, _CLOSE_WAIT = 1, 8

# What carried the request has just received it, however slow the loop was to look.
_REQUEST_AGE_MS = 2000
# These hold addresses of the server or of pages, whoever asks.
_NO_CLIENTS = (b"host", b"origin", b"referer")

Facts = tuple[int, int, int, int, int, int]


class Probe(Protocol):
    """A way to one socket."""

    cookie: bytes

    def read(self) -> Facts:
        """Return the kernel's numbers; OSError once the socket is gone."""


class Descriptor:
    """Reads a socket by the number of the server's descriptor."""

    __slots__ = ("_fd", "cookie")

    def __init__(self, fd: int, cookie: bytes) -> None:
        self._fd = fd
        self.cookie = cookie

    @classmethod
    def find(cls, fd: int) -> tuple["Descriptor", Facts]:
        """Return the way to a socket and its numbers now."""
        info, cookie = _ask(fd)
        return cls(fd, cookie), facts(info)

    def read(self) -> Facts:
        """Return the kernel's numbers; OSError once the number means another socket."""
        info, cookie = _ask(self._fd)
        if cookie != self.cookie:
            raise ConnectionError
        return facts(info)


def _ask(fd: int) -> tuple[bytes, bytes]:
    """Return tcp_info and cookie of the socket that a number means now."""
    # A loan that is handed back: a duplicate would hold back the FIN of a server that closes.
    loan = _Loan(_INET, _STREAM, _TCP, fd)
    try:
        # No more than is read: a larger answer is allocated elsewhere, and slower.
        info = loan.getsockopt(_TCP, _TCP_INFO, _INFO.size)
        # Afterwards: who is the right one now was it before.
        return info, loan.getsockopt(_SOCKET, _SO_COOKIE, _COOKIE_BYTES)
    finally:
        loan.detach()


class Diagnosis:
    """The kernel's own answers about sockets by their two addresses (sock_diag); no privilege."""

    _ANY = b"\xff" * _COOKIE_BYTES
    _BY_FAMILY, _REQUEST, _WITH_INFO, _INFO_ATTRIBUTE = 20, 1, 2, 2
    _HEAD = struct.Struct("=IHHII")
    _KIND = struct.Struct("=BBBxI")
    _ATTRIBUTE = struct.Struct("=HH")
    # After the head: four bytes, then the socket's id, whose last eight are its cookie.
    _COOKIE_AT, _ATTRIBUTES_AT = 16 + 4 + 40, 16 + 72

    def __init__(self) -> None:
        # SOCK_DIAG has no name in Python's socket module; it is protocol 4.
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
        self._asked = 0
        # With the last probe that asks here.
        finalize(self, self._netlink.close)

    def ask(self, family: int, ends: bytes, cookie: bytes = _ANY) -> tuple[bytes, bytes]:
        """Return tcp_info and cookie of the socket between two ends; OSError where none is."""
        self._asked = self._asked + 1 & 0xFFFFFFFF
        kind = self._KIND.pack(family, socket.IPPROTO_TCP, self._WITH_INFO, 0xFFFFFFFF)
        body = kind + ends + bytes(4) + cookie
        length = self._HEAD.size + len(body)
        self._netlink.send(
            self._HEAD.pack(length, self._BY_FAMILY, self._REQUEST, self._asked, 0) + body
        )
        # The answer is there before `send` returns: the kernel writes it in our own call.
        answer = self._netlink.recv(4096, socket.MSG_DONTWAIT)
        _, kind_of_answer, _, serial, _ = self._HEAD.unpack_from(answer)
        if kind_of_answer != self._BY_FAMILY or serial != self._asked:
            raise ConnectionError
        at = self._ATTRIBUTES_AT
        while at + self._ATTRIBUTE.size <= len(answer):
            size, name = self._ATTRIBUTE.unpack_from(answer, at)
            if name == self._INFO_ATTRIBUTE:
                info = answer[at + self._ATTRIBUTE.size : at + size]
                return info, answer[self._COOKIE_AT : self._COOKIE_AT + _COOKIE_BYTES]
            at += max(size + 3 & ~3, self._ATTRIBUTE.size)
        raise ConnectionError


class Address:
    """Reads a socket by its two ends, where the server keeps it out of reach."""

    __slots__ = ("_diagnosis", "_ends", "_family", "cookie")

    def __init__(self, diagnosis: Diagnosis, family: int, ends: bytes, cookie: bytes) -> None:
        self._diagnosis = diagnosis
        self._family = family
        self._ends = ends
        self.cookie = cookie

    @classmethod
    def find(cls, diagnosis: Diagnosis, family: int, ends: bytes) -> tuple["Address", Facts]:
        """Return the way to a socket and its numbers now; OSError where it is not the one."""
        info, cookie = diagnosis.ask(family, ends)
        now = facts(info)
        state, received_ms, *_ = now
        # A listening socket answers for whom it has not met.
        if state not in (_ESTABLISHED, _CLOSE_WAIT) or received_ms > _REQUEST_AGE_MS:
            raise ConnectionError
        return cls(diagnosis, family, ends, cookie), now

    def read(self) -> Facts:
        """Return the kernel's numbers; OSError once another socket has these ends."""
        return facts(self._diagnosis.ask(self._family, self._ends, self.cookie)[0])


def facts(info: bytes) -> Facts:
    """Read a tcp_info; what an old kernel does not tell is 0."""
    return _INFO.unpack_from(info.ljust(_INFO.size, b"\0"))


def descriptor_under(receive: object, send: object) -> int | None:
    """
    Return the descriptor under a stream as its server holds it, or None where none is shown.

    OSError where it is closed already.

    uvicorn keeps its transport beside `receive`, hypercorn its writer three `send`s down.
    """
    holder = getattr(getattr(receive, "__self__", None), "transport", None)
    for _ in range(3):
        if holder is not None:
            break
        owner = getattr(send, "__self__", None)
        holder, send = getattr(owner, "writer", None), getattr(owner, "send", None)
    if holder is None:
        return None
    if holder.is_closing():
        # Its number may be another's already.
        raise ConnectionError
    found = holder.get_extra_info("socket")
    return None if found is None else found.fileno()


def ends_of(scope: Scope) -> tuple[int, bytes] | None:
    """
    Return address family and both ends of a request's connection, as sock_diag wants them.

    None where they may not be the connection's own: a client that a header names was written
    into the scope by whoever trusts that header.
    """
    client, server = scope.get("client"), scope.get("server")
    # A Unix socket has no port, and a client without one was named by a header.
    if not (client and server and client[1] and server[1]):
        return None
    if scope.get("http_version", "1.1")[:1] == "3":
        return None
    host = client[0].lower().encode()
    if any(host in value.lower() for name, value in scope["headers"] if name not in _NO_CLIENTS):
        return None
    there, here = _packed(client[0]), _packed(server[0])
    # A server that listens everywhere may give that as its end (granian does).
    if there is not None and here is not None and not any(here):
        here = _facing(there)
    if there is None or here is None or len(there) != len(here):
        return None
    # granian gives ports as text.
    ports = struct.pack("!HH", int(server[1]), int(client[1]))
    family = socket.AF_INET if len(here) == 4 else socket.AF_INET6
    return family, ports + here.ljust(16, b"\0") + there.ljust(16, b"\0")


def _packed(host: str) -> bytes | None:
    mapped = host.lower().removeprefix("::ffff:")
    for family, text in ((socket.AF_INET, mapped), (socket.AF_INET6, host)):
        try:
            return socket.inet_pton(family, text)
        except OSError:
            continue
    return None


def _facing(there: bytes) -> bytes | None:
    """Return the address from which this machine speaks to another; nothing is sent."""
    family = socket.AF_INET if len(there) == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((socket.inet_ntop(family, there), 9))
        return _packed(probe.getsockname()[0])
