"""The ways in which a request gets no answer that can be read, each as one line with its remedy."""

import errno
import socket
import ssl
from typing import Literal

from sse_observe.errors import SSEObserveError

Kind = Literal[
    "url",
    "dns",
    "refused",
    "unreachable",
    "timeout",
    "tls",
    "reset",
    "not_http",
    "forbidden",
    "redirect",
    "credentials",
]

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
_EXPIRED, _WRONG_NAME, _SELF_SIGNED = 10, 62, (18, 19, 20, 21)
"""Verification results of OpenSSL, `X509_V_ERR_…`."""


class AskError(SSEObserveError):
    """No answer that can be read; `kind` is one word for a metric's label."""

    def __init__(self, kind: Kind, line: str) -> None:
        super().__init__(line)
        self.kind = kind


def dns_failure(host: str, error: OSError) -> AskError:
    """Return the failure to find a host's addresses."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return AskError("dns", f"{host}: the name server does not answer; check the network")
    return AskError("dns", f"{host}: no such host; check the name")


def connect_failure(where: str, error: OSError) -> AskError:
    """Return the failure to connect to an address."""
    if isinstance(error, ConnectionRefusedError):
        return AskError("refused", f"{where}: connection refused; nothing listens there")
    if error.errno in _UNREACHABLE:
        return AskError("unreachable", f"{where}: not reachable; check the route and the firewall")
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return AskError("timeout", f"{where}: no connection in time; a firewall drops packets?")
    return AskError("unreachable", f"{where}: {error.strerror or error}; check the address")


def tls_failure(where: str, error: Exception) -> AskError:
    """Return the failure of a TLS handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            reason = "the certificate has expired; renew it"
        elif error.verify_code == _WRONG_NAME or "mismatch" in error.verify_message.lower():
            reason = "the certificate is for another name; check the host, or the certificate"
        elif error.verify_code in _SELF_SIGNED:
            reason = "nobody known signed the certificate; give its authority with --ca FILE"
        else:
            reason = f"the certificate is not valid: {error.verify_message}"
        return AskError("tls", f"{where}: TLS: {reason}")
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
            return AskError("tls", f"{where}: TLS: that port speaks no TLS; use http://")
        reason = (error.reason or str(error)).lower().replace("_", " ")
        return AskError("tls", f"{where}: TLS: {reason}; check its TLS settings")
    return AskError("tls", f"{where}: TLS: the connection was cut during the handshake; check it")
