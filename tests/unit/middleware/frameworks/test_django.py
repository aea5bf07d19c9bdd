"""Django's URL patterns are asked, and what they say is read as a template."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.middleware.frameworks.django import template_of_route
from tests.apps.framework_apps import TEMPLATES, django_app
from tests.support.route_label import route_label


@pytest.mark.parametrize("root", ["", "/behind"])
@pytest.mark.parametrize(("path", "template"), TEMPLATES["django"].items())
def test_route_is_what_django_resolved(metrics, path, template, root):
    """Paths and regular expressions, each included in the other; patterns chosen per request."""
    assert route_label(metrics, django_app(), path, root) == template


def test_application_that_dispatches_by_hand_is_seen_through(metrics):
    """A function that hands most paths to Django is the usual entry beside websockets."""
    inner = django_app()

    async def dispatch(scope, receive, send):
        await inner(scope, receive, send)

    assert route_label(metrics, dispatch, "/chat/7") == "/chat/{chat_id}"


@pytest.mark.parametrize(
    ("route", "template"),
    [
        (r"^a/(?P<x>(b|c)\)d)/$", "/a/{x}/"),
        (r"\Aa/[^/]+/\d{2,3}\Z", "/a/{part}/{part}"),
        (r"a/.*", "/a/{part}"),
        (r"^(?:v1/)?(\w+)$", "/v1/{part}"),
        (r"a\.b\-c", "/a.b-c"),
        ("<path:rest>", "/{rest:path}"),
    ],
)
def test_regular_expressions_read_as_templates(route, template):
    """Groups are parameters, anchors and repetitions are not part of a name."""
    assert template_of_route(route) == template


@given(st.text(st.sampled_from(r"()[]{}<>?:P^$\*+.|ab1/-"), max_size=30))
def test_any_regular_expression_gives_one_line(route):
    """Whatever a pattern says, reading it ends, and the same pattern has the same name."""
    assert template_of_route(route).startswith("/")
    assert not re.search(r"[\r\n]", template_of_route(route))
