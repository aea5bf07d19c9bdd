"""
Report tokens: a browser shows one to have its reports counted under the labels that we chose.

Signs and reads them; knows neither HTTP nor metrics. A browser can keep a token or lose it, but
not change the route, segment or network type in it.
"""

import binascii
import hmac
import logging
import multiprocessing
import os
import secrets
import time
from collections.abc import Callable

import msgspec

from sse_observe.errors import SettingsError

SECRET_VARIABLE = "SSE_OBSERVE_SECRET"  # noqa: S105 - its name is none
_SHORTEST_SECRET = 16
# A stream may stay open for a working day, and its last report come from a laptop reopened.
_LIFETIME_SECONDS = 86_400
# 128 bits of SHA-256: beyond guessing, and 22 characters instead of 43.
_SIGNATURE_BYTES = 16
_LONGEST = 1024
_LOGGER = logging.getLogger("sse_observe")


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """The content of a token: a stream's labels, until when, and what tells two tokens apart."""

    route: str
    user_segment: str
    network_type: str
    expires: int
    nonce: str


_write = msgspec.json.encode
_read = msgspec.json.Decoder(Grant).decode


class Tokens:
    """
    Issues and reads tokens under one secret.

    Without `secret` that of the environment is used, and without that a random one, which no
    other process knows. `clock` is Unix time.
    """

    def __init__(
        self,
        secret: str | None = None,
        *,
        lifetime_seconds: int = _LIFETIME_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = _key(secret)
        self._lifetime = lifetime_seconds
        self._clock = clock
        self._began_at = clock()

    def issue(
        self, route: str, user_segment: str, network_type: str, nonce: str | None = None
    ) -> str:
        """Return a token for one connection of a stream; `nonce` is its name in the accounts."""
        expires = int(self._clock()) + self._lifetime
        nonce = nonce or secrets.token_urlsafe(9)
        payload = _write(Grant(route, user_segment, network_type, expires, nonce))
        return _spell(payload, self._sign(payload))

    def read(self, token: str) -> Grant | None:
        """Return what a token grants, or None for one that is foreign, changed or expired."""
        if len(token) > _LONGEST:
            return None
        body, _, signature = token.partition(".")
        try:
            payload, signed = _bytes(body), _bytes(signature)
        except ValueError:
            return None
        # Spelled as we spell it: a token with two spellings could be used to report twice.
        if not hmac.compare_digest(signed, self._sign(payload)) or token != _spell(payload, signed):
            return None
        # Signed by us, so of our form.
        grant = _read(payload)
        return grant if self.is_alive(grant) else None

    def is_alive(self, grant: Grant) -> bool:
        """Tell whether a grant holds still."""
        # Not by `seconds_left`: a call more is a hundredth of all that a report costs.
        return grant.expires > self._clock()

    def is_of_our_time(self, grant: Grant) -> bool:
        """Tell whether a grant was given since this process began."""
        return grant.expires - self._lifetime > self._began_at

    def seconds_left(self, grant: Grant) -> float:
        """Return how long a grant holds still."""
        return grant.expires - self._clock()

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")[:_SIGNATURE_BYTES]


def _key(secret: str | None) -> bytes:
    given = secret if secret is not None else os.environ.get(SECRET_VARIABLE)
    if given is None:
        if _shares_work():
            _LOGGER.warning(
                "%s is not set: browser reports that reach another worker or host than the one "
                "that served their stream are refused; set it to one random value everywhere",
                SECRET_VARIABLE,
            )
        return secrets.token_bytes(32)
    if len(given.encode()) < _SHORTEST_SECRET:
        where = SECRET_VARIABLE if secret is None else "beacon_app: secret"
        raise SettingsError(
            f"{where}: shorter than {_SHORTEST_SECRET} bytes; make one by "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return given.encode()


def _shares_work() -> bool:
    """Tell whether this process is probably one of several workers."""
    several = os.environ.get("WEB_CONCURRENCY", "1")
    return (
        "PROMETHEUS_MULTIPROC_DIR" in os.environ
        or (several.isdigit() and int(several) > 1)
        or multiprocessing.parent_process() is not None
    )


def _spell(payload: bytes, signature: bytes) -> str:
    return f"{_text(payload)}.{_text(signature)}"


def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
