"""Scripts and styles of pages: whole, and read once."""

import pytest

from sse_observe.report.output.scripts import PLOTLY, asset


@pytest.mark.parametrize("name", [PLOTLY, "charts.js", "report.js", "report.css"])
def test_every_script_and_style_is_there(name: str) -> None:
    """A page without its script shows nothing; none may end the element that it stands in."""
    text = asset(name)

    assert len(text) > 500
    assert "</script" not in text.replace("<\\/script", "")
    assert asset(name) is text
