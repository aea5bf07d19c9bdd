"""Path templates: what a route is called, and which paths it stands for."""

import pytest

from sse_observe.errors import SettingsError
from sse_observe.middleware.templates import Template, template_of


@pytest.mark.parametrize(
    ("text", "label", "method", "matches", "misses"),
    [
        ("/chat/{id}", "/chat/{id}", None, "/chat/7", "/chat/7/8"),
        ("/files/{p:path}", "/files/{p}", None, "/files/a/b", "/file/a"),
        ("POST /mcp", "POST /mcp", "POST", "/mcp", "/mcp/1"),
        ("GET /a/{n:int}", "GET /a/{n}", "GET", "/a/1", "/a/"),
    ],
)
def test_a_template_names_its_paths(
    text: str, label: str, method: str | None, matches: str, misses: str
) -> None:
    """The converters go, the method stays, and paths match as a router matches them."""
    template = Template(text)

    assert (template.label, template.method) == (label, method)
    assert template.matches(matches)
    assert not template.matches(misses)


@pytest.mark.parametrize("text", ["chat", "get /chat", "POST chat", "/a/{", "/a/{1}", "POST  /a"])
def test_what_is_no_template_is_refused_with_an_example(text: str) -> None:
    """One line says how to write it; where a framework names it, it is only left alone."""
    with pytest.raises(SettingsError, match="is no path template; write it like"):
        Template(text)
    assert template_of(text) is None
