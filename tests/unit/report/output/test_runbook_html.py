"""Runbooks as HTML."""

from sse_observe.report.output.runbook_html import runbook_reader, without_banner


def test_a_runbook_is_read_without_its_banner_and_its_html_stays_text() -> None:
    """A page of a user's own runs nothing; a wide table scrolls by itself."""
    text = "<!-- banner -->\n# A\n\n<b onclick=x>\n\n| a |\n|---|\n| b |\n"

    html = runbook_reader().render(without_banner(text))

    assert "banner" not in html
    assert "<b " not in html
    assert html.count('<div class="scroll"') == html.count("</table></div>") == 1
