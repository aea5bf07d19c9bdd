"""Web pages of the lab: the rendered runbooks as HTML, so that every link of an alert opens."""

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from markdown_it import MarkdownIt

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
  pre { overflow-x: auto; padding: .8rem 1rem; border: 1px solid var(--line);
        border-radius: .4rem; }
  code { font: .88em ui-monospace, monospace; }
  table { border-collapse: collapse; } td, th { border: 1px solid var(--line);
          padding: .25rem .6rem; text-align: left; vertical-align: top; }
  #status { font-weight: 600; } #answer { white-space: pre-wrap; }
</style>
<main>
$body
</main>
</html>
""")


def page(title: str, body: str) -> str:
    """Return a whole HTML page; `title` is text, `body` is HTML that the caller vouches for."""
    return _PAGE.substitute(title=escape(title), body=body)


def runbook_pages(runbooks: Mapping[str, str]) -> dict[str, str]:
    """
    Return each rendered runbook as a page: file name without `.md` → HTML.

    Raw HTML in the Markdown stays text; links between runbooks lose their `.md`.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    pages: dict[str, str] = {}
    for name, text in runbooks.items():
        tokens = reader.parse(text)
        for token in (child for block in tokens for child in block.children or ()):
            href = str(token.attrs.get("href", ""))
            if token.type == "link_open" and "://" not in href:
                target, mark, place = href.partition("#")
                token.attrSet("href", target.removesuffix(".md") + mark + place)
        body = reader.renderer.render(tokens, reader.options, {})
        pages[name] = page(name, body)
    return pages


class Pages:
    """An ASGI application that answers GET and HEAD with pages held in memory, else 404."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self._pages = {path: text.encode() for path, text in pages.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        """Answer one request."""
        body = self._pages.get(scope["path"])
        status = 200 if body is not None else 404
        if body is None:
            body = page("Not found", "<h1>Not found</h1>").encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )
