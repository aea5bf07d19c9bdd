"""Quart's router is asked, which is Werkzeug's."""

import pytest

from sse_observe import SSEObserveMiddleware
from sse_observe.middleware.frameworks import werkzeug
from tests.apps.framework_apps import TEMPLATES, quart_app
from tests.support.asgi import drive, http_scope
from tests.support.route_label import counted_route, route_label


@pytest.mark.parametrize("root", ["", "/behind"])
@pytest.mark.parametrize(("path", "template"), TEMPLATES["quart"].items())
def test_route_is_the_rule_that_quart_matched(metrics, path, template, root):
    """Blueprints and converters are part of it; an error page has none."""
    assert route_label(metrics, quart_app(), path, root) == template


def test_method_is_asked_for_too(metrics):
    """A rule for POST is not the route of a GET."""
    assert route_label(metrics, quart_app(), "/calls", method="POST") == "/calls"


def test_application_may_be_wrapped_from_within(metrics):
    """Quart's documentation wraps `asgi_app`, a method of the application."""
    app = quart_app()
    app.asgi_app = SSEObserveMiddleware(app.asgi_app, metrics=metrics)

    drive(app, http_scope("/chat/7", headers={"host": "localhost"}))

    assert counted_route(metrics) == "/chat/{chat_id}"


def test_rules_of_a_subdomain_are_found():
    """An application that serves several names has rules for each."""
    app = quart_app()
    app.subdomain_matching = True
    app.config["SERVER_NAME"] = "example.test"
    app.add_url_rule("/sub/<x>", "sub", lambda x: x, subdomain="api")
    router = werkzeug.router_of(app)

    def asked(host):
        return router.template(http_scope("/sub/1", headers={"host": host}), "/sub/1")

    assert asked("api.example.test") == "/sub/{x}"
    assert asked("example.test") is None
