"""
Path templates: what a route is called, and which paths it stands for.

Knows text alone. A template may be preceded by a method: `GET /mcp` stands for GET alone.
"""

import re
from functools import lru_cache

from sse_observe.errors import SettingsError

# Converters have the names of Starlette's, which an application may add to.
_PARAMETER = re.compile(r"\{([A-Za-z_]\w*)(?::([A-Za-z_]\w*))?\}")
_WITH_METHOD = re.compile(r"([A-Z]+) (/.*)", re.DOTALL)
MOST_REMEMBERED = 256


class Template:
    """
    One path: `{name}` stands for one segment, `{name:path}` for all that follow.

    `method` is None where it stands for all. Raises SettingsError for what is no template.
    """

    def __init__(self, text: str) -> None:
        found = _WITH_METHOD.fullmatch(text)
        self.method: str | None = found[1] if found else None
        path = found[2] if found else text
        literals = _PARAMETER.sub("", path)
        if not path.startswith("/") or set(literals) & set("{}"):
            raise SettingsError(
                f"routes: {text!r} is no path template; write it like '/chat/{{id}}', or with a "
                "method, like 'POST /chat/{id}'"
            )
        self.path = label_of(path)
        self.label = self.path if self.method is None else f"{self.method} {self.path}"
        self.shape = shape_of(path)
        pattern, at = "", 0
        for parameter in _PARAMETER.finditer(path):
            pattern += re.escape(path[at : parameter.start()])
            pattern += ".*" if parameter[2] == "path" else "[^/]+"
            at = parameter.end()
        self.literal = at == 0
        self.matches = re.compile(pattern + re.escape(path[at:]), re.DOTALL).fullmatch


def label_of(path: str) -> str:
    """Return a template without its converters: how an id is parsed is no part of its name."""
    return _PARAMETER.sub(r"{\1}", path)


def shape_of(path: str) -> str:
    """Return a template without the names of its parameters: equal shapes match equal paths."""
    return _PARAMETER.sub("{}", path)


@lru_cache(MOST_REMEMBERED)
def template_of(text: str) -> Template | None:
    """Return a template, or None for what is none: frameworks may have other names."""
    try:
        return Template(text)
    except SettingsError:
        return None


def is_partial(template: str, path: str) -> bool:
    """Tell whether a template lacks something of a path: a router's prefix, what a mount hides."""
    found = template_of(template)
    return found is None or found.matches(path) is None
