"""Django applications that share a process: its settings are global, and whoever is first sets."""

from collections.abc import Sequence
from typing import Any

urlpatterns: list[Any] = []
"""Those of the process, which no application uses."""


def handler(urls: Any, middleware: Sequence[str] = ()) -> Any:
    """Return an ASGI application with URL patterns and middleware of its own."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None
        )
        django.setup()
    from django.core.handlers.asgi import ASGIHandler
    from django.test import override_settings

    class Handler(ASGIHandler):
        def create_request(self, *args: Any) -> Any:
            request, refusal = super().create_request(*args)
            if request is not None:
                request.urlconf = urls
            return request, refusal

    # It loads its middleware once, when it is made.
    with override_settings(MIDDLEWARE=list(middleware)):
        return Handler()
