"""User segments: what the application calls its kinds of users, bounded by declaration."""

import inspect
from collections.abc import Callable, Sequence

from sse_observe.asgi import Scope
from sse_observe.errors import SettingsError
from sse_observe.metrics import ALL_USERS, NETWORKS, OTHER

# Each declared segment costs 60 series per route and process.
_MOST_SEGMENTS = 20

Resolver = Callable[[Scope], str]


class Segments:
    """
    The declared segments, and the function that names one for a request.

    `on_error` is called when the function failed; the request is then `other`. Raises SettingsError
    for a declaration that cannot be right; `where` is named in it.
    """

    def __init__(
        self,
        declared: Sequence[str],
        resolve: Resolver | None,
        *,
        on_error: Callable[[], None],
        where: str = "",
    ) -> None:
        _check(declared, resolve, f"{where}: " if where else "")
        self.names = tuple(dict.fromkeys(declared)) or (ALL_USERS,)
        self._resolve = resolve
        self._on_error = on_error
        # One tuple for all streams with the same labels.
        self._labels = {
            network: {segment: (segment, network) for segment in (*self.names, OTHER)}
            for network in NETWORKS
        }

    def labels(self, scope: Scope, network: str) -> tuple[str, str]:
        """Return the user segment and the network type of a request, as one shared tuple."""
        return self._labels[network][ALL_USERS if self._resolve is None else self.of(scope)]

    def of(self, scope: Scope) -> str:
        """Return the segment of a request; never raises."""
        if self._resolve is None:
            return ALL_USERS
        try:
            found = self._resolve(scope)
        except Exception:  # noqa: BLE001 - the function is the user's, the stream must not pay
            self._on_error()
            return OTHER
        return found if found in self.names else OTHER


def _check(declared: Sequence[str], resolve: Resolver | None, where: str) -> None:
    if isinstance(declared, str) or not all(isinstance(name, str) and name for name in declared):
        raise SettingsError(
            f'{where}segments={declared!r} is wrong; give a tuple of names, as ("free",)'
        )
    if bool(declared) != (resolve is not None):
        raise SettingsError(f"{where}segments and segment belong together; give both or none")
    if resolve is not None and (not callable(resolve) or inspect.iscoroutinefunction(resolve)):
        raise SettingsError(
            f"{where}segment={resolve!r} is wrong; give a plain function of the scope"
        )
    if len(declared) > _MOST_SEGMENTS:
        raise SettingsError(
            f"{where}segments: {len(declared)} names; {_MOST_SEGMENTS} are the most"
        )
