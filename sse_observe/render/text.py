"""
Templates filled in; the only module that knows jinja2.

Templates use `<< >>` and `<% %>`: Prometheus' own `{{ }}` passes through untouched.
"""

import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from sse_observe.render.banner import banner


def fill(template: str, **values: object) -> str:
    """Return a template's text, ended by one line feed; an unknown word is an error."""
    path = f"sse_observe/render/templates/{template}"
    return _jinja().get_template(template).render(path=path, **values).rstrip("\n") + "\n"


@cache
def _jinja() -> Environment:
    jinja = Environment(
        loader=PackageLoader("sse_observe.render"),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (YAML and Markdown; strings enter YAML through `quoted`)
    )
    jinja.filters["quoted"] = quoted
    jinja.globals["banner"] = banner
    return jinja


def quoted(value: str) -> str:
    """Write a string so that YAML reads it back as it is."""
    # JSON's own escape for what lies beyond 16 bits is a pair, which YAML reads as two characters.
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
