"""Web pages in memory: their HTML, and the ASGI application that serves them."""

from collections.abc import Mapping
from html import escape
from string import Template

from sse_observe.asgi import Receive, Scope, Send, answer

_DOCUMENT = Template("""<!doctype html>
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


def web_page(title: str, body: str) -> str:
    """Return a whole HTML document; `title` is text, `body` is HTML that the caller vouches for."""
    return _DOCUMENT.substitute(title=escape(title), body=body)


class WebPages:
    """An ASGI application that answers GET and HEAD with pages held in memory, else 404."""

    def __init__(self) -> None:
        self._pages: dict[str, bytes] = {}

    def add(self, pages: Mapping[str, str]) -> None:
        """Serve these texts from now on, by path."""
        self._pages |= {path: text.encode() for path, text in pages.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request."""
        path = scope["path"]
        body = self._pages.get(path)
        kind = b"application/json" if path.endswith(".json") else b"text/html"
        await answer(
            send,
            404 if body is None else 200,
            web_page("Not found", "<h1>Not found</h1>").encode() if body is None else body,
            (b"content-type", kind + b"; charset=utf-8"),
            head=scope["method"] == "HEAD",
        )
