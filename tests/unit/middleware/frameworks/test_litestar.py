"""Litestar leaves the template in the scope."""

import pytest

from sse_observe.middleware.frameworks import litestar
from tests.apps.framework_apps import TEMPLATES, litestar_app
from tests.support.asgi import http_scope
from tests.support.route_label import route_label


@pytest.mark.parametrize("root", ["", "/behind"])
@pytest.mark.parametrize(("path", "template"), TEMPLATES["litestar"].items())
def test_route_is_the_template_that_litestar_left(metrics, path, template, root):
    """Routers and converters are part of it, parameters and what follows a mount are not."""
    assert route_label(metrics, litestar_app(), path, root) == template


@pytest.mark.parametrize(
    "more", [{}, {"path_template": None}, {"path_template": 7}, {"path_template": ""}]
)
def test_what_litestar_did_not_leave_is_no_template(more):
    """A scope that somebody else wrote does no harm."""
    assert litestar.template(http_scope("/chat/7", **more)) is None
