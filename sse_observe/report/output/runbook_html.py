"""Runbooks as HTML: read by markdown-it, in which raw HTML stays text."""

import re
from functools import cache

from markdown_it import MarkdownIt

# Names the source of a rendered file; of no use to a reader.
_BANNER = re.compile(r"\A<!--.*?-->\n")
# A table is as wide as it likes, on a screen of any width.
_AROUND = '<div class="scroll" role="region" aria-label="Table" tabindex="0">'


@cache
def runbook_reader() -> MarkdownIt:
    """Return what reads a runbook's Markdown and writes its HTML."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", lambda *_: f"{_AROUND}<table>")
    reader.add_render_rule("table_close", lambda *_: "</table></div>")
    return reader


def without_banner(text: str) -> str:
    """Return a rendered runbook without its first line."""
    return _BANNER.sub("", text)
