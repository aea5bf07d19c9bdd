"""The middleware's own options: what could never be right is refused, in one line."""

from sse_observe.errors import SettingsError


def check_options(app: object, **switches: object) -> None:
    """Raise SettingsError for an application that is none, and for a switch that is no bool."""
    if not callable(app):
        raise SettingsError(
            f"SSEObserveMiddleware: {app!r} is no ASGI application; write SSEObserveMiddleware(app)"
        )
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise SettingsError(
                f"SSEObserveMiddleware: {name}={value!r} is wrong; give True or False"
            )
