"""Templates: an unknown word is an error, and a user's string is read back as it was."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from sse_observe.render.text import fill, quoted


def test_a_word_that_is_not_given_is_an_error() -> None:
    """A slip in a template never becomes an empty place in a rule."""
    with pytest.raises(UndefinedError):
        fill("prometheus/alerts.yaml.j2")


def test_a_template_names_itself_in_its_banner() -> None:
    """Whoever opens the file learns which template to change."""
    text = fill("provisioning/grafana/dashboards/sse-observe.yaml.j2")

    assert "its own render/templates/provisioning/grafana/dashboards/" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@given(st.text(st.characters(codec="utf-8")))
def test_a_string_survives_yaml(text: str) -> None:
    """Quotes, colons and line ends arrive as they were."""
    assert yaml.safe_load(f"key: {quoted(text)}") == {"key": text}
