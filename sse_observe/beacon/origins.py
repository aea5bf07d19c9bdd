"""
Origins: whose web pages may report and ask for tokens.

Reads what browsers state of themselves, which no web page can forge. Other programs state
nothing; there the token decides.
"""

from collections.abc import Iterable

from sse_observe.asgi import Header, Scope, header
from sse_observe.errors import SettingsError


class Origins:
    """Our own origin, and the declared ones, as in `https://app.example.com`."""

    def __init__(self, declared: Iterable[str]) -> None:
        if isinstance(declared, str):
            raise SettingsError(
                f"beacon_app: origins={declared!r} is one text; write origins=[{declared!r}]"
            )
        for origin in declared:
            if "://" not in origin or origin.count("/") != 2:
                raise SettingsError(
                    f"beacon_app: origins: {origin!r} is no origin; write 'https://app.example.com'"
                )
        self._declared = frozenset(origin.encode() for origin in declared)

    def allow(self, scope: Scope) -> bool:
        """Tell whether the web page that asks is of our origin, or of a declared one."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin in self._declared:
            return True
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return bool(site == b"same-origin")
        return origin is None or origin.partition(b"://")[2] == headers.get(b"host")

    def cors(self, scope: Scope) -> tuple[Header, ...]:
        """Return the headers that let a web page of a declared origin read the answer."""
        if not self._declared:
            return ()
        origin = header(scope["headers"], b"origin")
        if origin is None or origin not in self._declared:
            return ()
        return (b"access-control-allow-origin", origin), (b"vary", b"Origin")
