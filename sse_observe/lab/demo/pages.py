"""Web pages of the lab: the rendered runbooks as HTML, so that every link of an alert opens."""

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode

from markdown_it import MarkdownIt

_VARIABLE = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
"""A dashboard's variable, as Grafana fills it in."""

_BANNER = re.compile(r"\A<!--.*?-->\n")
"""What tells an editor where a rendered file comes from; nothing for a reader."""

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
  body { font: 17px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
         padding: 0 1rem; }
  h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2rem;
       border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .8rem 1rem;
        border: 1px solid var(--line); border-radius: .4rem; }
  code { font: .88em ui-monospace, monospace; }
  table { border-collapse: collapse; } td, th { border: 1px solid var(--line);
          padding: .25rem .6rem; text-align: left; vertical-align: top; }
</style>
<main>
$body
</main>
</html>
""")


# Stop the demo and start it again on the same port to see every status come and go.
_LIVE = """
<p>A stream like those of the synthetic users: <strong id="status"></strong></p>
<p id="answer" style="min-height: 6em"></p>
<script type="module">
  import { ResilientEventSource } from "/sse/sse-observe.js";
  const answer = document.getElementById("answer");
  const status = document.getElementById("status");
  const read = () => {
    answer.textContent = "";
    const source = new ResilientEventSource("/api/v1/stream");
    source.bindStatus(status);
    source.onmessage = ({ data }) => answer.append(JSON.parse(data).c);
    source.addEventListener("gap", () => answer.append("[…] "));
    source.addEventListener("status", ({ status }) => {
      if (status === "complete" || status === "failed") setTimeout(read, 3000);
    });
  };
  read();
</script>
"""


def page(title: str, body: str) -> str:
    """Return a whole HTML page; `title` is text, `body` is HTML that the caller vouches for."""
    return _PAGE.substitute(title=escape(title), body=body)


def bundle_pages(files: Mapping[str, str], prometheus: str | None) -> dict[str, str]:
    """
    Return the pages of a rendered bundle by path: runbooks as HTML, dashboards as lists of queries.

    Every link that the bundle's alerts carry opens here; without a Grafana, a dashboard's page
    offers its JSON and leads to each query in `prometheus`. Raw HTML in the Markdown stays text.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    pages: dict[str, str] = {}
    boards: list[str] = []
    for name, text in files.items():
        if name.startswith("runbooks/"):
            pages[f"/{name}"] = page(Path(name).stem, reader.render(_BANNER.sub("", text)))
        elif name.startswith("dashboards/"):
            board = json.loads(text)
            pages[f"/{name}"] = text
            pages[f"/d/{board['uid']}"] = page(
                board["title"], _board(board, name, prometheus, reader)
            )
            boards.append(f'<li><a href="/d/{board["uid"]}">{escape(board["title"])}</a></li>')
    pages["/"] = page(
        "sse-observe demo",
        f"<h1>sse-observe demo</h1>{_LIVE}<ul>"
        '<li><a href="/metrics">Metrics of the service</a></li>'
        '<li><a href="/runbooks/README.md">Runbooks</a></li>'
        f"{''.join(boards)}</ul>",
    )
    return pages


def _board(board: Mapping[str, Any], name: str, prometheus: str | None, reader: MarkdownIt) -> str:
    panels = [
        panel
        for entry in board["panels"]
        for panel in (entry, *entry.get("panels", ()))
        if panel.get("targets")
    ]
    items = []
    for panel in panels:
        queries = [_VARIABLE.sub(_sample, target["expr"]) for target in panel["targets"]]
        shown = "".join(f"<pre><code>{escape(query)}</code></pre>" for query in queries)
        if prometheus is not None:
            asked = urlencode(
                {
                    f"g{n}.{key}": value
                    for n, query in enumerate(queries)
                    for key, value in (("expr", query), ("tab", "0"), ("range_input", "15m"))
                }
            )
            shown += f'<p><a href="{prometheus}/graph?{escape(asked)}">See it in Prometheus</a></p>'
        items.append(
            f"<h2>{escape(panel['title'])}</h2>{reader.render(panel['description'])}{shown}"
        )
    return (
        f"<h1>{escape(board['title'])}</h1>"
        f'<p>Grafana draws this board from <a href="/{name}">{name}</a>; '
        f"here are its queries.</p>{''.join(items)}"
    )


def _sample(variable: re.Match[str]) -> str:
    return "1m" if variable[1].startswith("__") else ".+"


class Pages:
    """An ASGI application that answers GET and HEAD with pages held in memory, else 404."""

    def __init__(self) -> None:
        self._pages: dict[str, bytes] = {}

    def add(self, pages: Mapping[str, str]) -> None:
        """Serve these texts from now on, by path."""
        self._pages |= {path: text.encode() for path, text in pages.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        """Answer one request."""
        body = self._pages.get(scope["path"])
        status = 200 if body is not None else 404
        if body is None:
            body = page("Not found", "<h1>Not found</h1>").encode()
        kind = b"application/json" if scope["path"].endswith(".json") else b"text/html"
        headers = [
            (b"content-type", kind + b"; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )
