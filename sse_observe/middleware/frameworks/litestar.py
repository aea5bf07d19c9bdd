"""Litestar leaves the template in the scope; below a mount none, and the rest of the path."""

from urllib.parse import unquote

from sse_observe.asgi import Scope


def template(scope: Scope) -> str | None:
    """Return the template in the scope, or None."""
    found = scope.get("path_template")
    if found == "" and isinstance(raw := scope.get("raw_path"), bytes):
        # The path of a mount has no parameters: it is what stands before the rest.
        whole = unquote(raw.decode("latin-1")).removeprefix(scope.get("root_path", ""))
        rest = scope["path"].strip("/")
        found = whole.rstrip("/").removesuffix(rest).rstrip("/")
    return found if isinstance(found, str) and found else None
