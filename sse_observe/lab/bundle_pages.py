"""
Rendered files as web pages, so that every link of an alert opens on this machine.

Runbooks become HTML. A dashboard becomes a list of its queries, for want of a Grafana.
"""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from markdown_it import MarkdownIt

from sse_observe.lab.web_pages import web_page

# A dashboard's variable, which Grafana would replace.
_VARIABLE = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
# Names the source of a rendered file; of no use to a reader.
_BANNER = re.compile(r"\A<!--.*?-->\n")
# Raw HTML in the Markdown stays text.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def bundle_pages(files: Mapping[str, str], prometheus: str | None = None) -> dict[str, str]:
    """
    Return the web pages of a rendered bundle by path.

    The page of a dashboard offers its JSON, and leads to each query in `prometheus` if that is
    given.
    """
    pages: dict[str, str] = {}
    for name, text in files.items():
        if name.startswith("runbooks/"):
            body = _MARKDOWN.render(_BANNER.sub("", text))
            pages[f"/{name}"] = web_page(Path(name).stem, body)
        elif name.startswith("dashboards/"):
            board = json.loads(text)
            pages[f"/{name}"] = text
            pages[board_path(board)] = web_page(board["title"], _board(board, name, prometheus))
    return pages


def board_path(board: Mapping[str, Any]) -> str:
    """Return the path at which Grafana shows a dashboard, and a web page of ours too."""
    return f"/d/{board['uid']}"


def _board(board: Mapping[str, Any], name: str, prometheus: str | None) -> str:
    panels = [
        panel
        for entry in board["panels"]
        for panel in (entry, *entry.get("panels", ()))
        if panel.get("targets")
    ]
    return (
        f"<h1>{escape(board['title'])}</h1>"
        f'<p>Grafana draws this dashboard from <a href="/{name}">{name}</a>. '
        f"These are its queries.</p>{''.join(_panel(panel, prometheus) for panel in panels)}"
    )


def _panel(panel: Mapping[str, Any], prometheus: str | None) -> str:
    queries = [_VARIABLE.sub(_sample_value, target["expr"]) for target in panel["targets"]]
    shown = "".join(f"<pre><code>{escape(query)}</code></pre>" for query in queries)
    link = ""
    if prometheus is not None:
        url = escape(f"{prometheus}/graph?{_graph(queries)}")
        link = f'<p><a href="{url}">Open in Prometheus</a></p>'
    description = _MARKDOWN.render(panel["description"])
    return f"<h2>{escape(panel['title'])}</h2>{description}{shown}{link}"


def _graph(queries: Sequence[str]) -> str:
    """Return the parameters with which Prometheus draws these queries."""
    return urlencode(
        {
            f"g{number}.{key}": value
            for number, query in enumerate(queries)
            for key, value in (("expr", query), ("tab", "0"), ("range_input", "15m"))
        }
    )


def _sample_value(variable: re.Match[str]) -> str:
    """Return a value that suits most queries: one of Grafana's own intervals, or all values."""
    return "1m" if variable[1].startswith("__") else ".+"
