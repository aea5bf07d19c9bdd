"""
HTML that no text can break: every text is escaped, unless it is Markup.

Knows elements and attributes; knows no report.
"""

import json
from collections.abc import Iterable
from html import escape

_VOID = {"meta", "link", "br", "hr"}


class Markup(str):
    """A piece of HTML that may stand as it is; only this package's own words become one."""

    __slots__ = ()


Child = str | Markup | None

Row = tuple[Child, ...]
"""The cells of a table's row."""


def text(words: str) -> Markup:
    """
    Return text as HTML.

    What cannot be seen (controls, marks that turn the direction of writing, line separators, lone
    surrogates) is shown by its code: it could pretend to be something else.
    """
    return Markup(escape(visible(words)))


def visible(words: str) -> str:
    """Return a text with everything invisible shown by its code."""
    return "".join(map(_visible, words))


def _visible(char: str) -> str:
    if char.isprintable() or char in "\n\t":
        return char
    return "\N{SYMBOL FOR NULL}" if char == "\0" else f"\\u{ord(char):04x}"


def tag(name: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """
    Return an element; `class_` is its class, `aria_label` its `aria-label`.

    An attribute of None or False is left out, one of True stands bare.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        parts.append(f" {attribute}" if value is True else f' {attribute}="{text(value)}"')
    parts.append(">")
    if name not in _VOID:
        parts += [inner(*children), f"</{name}>"]
    return Markup("".join(parts))


def inner(*children: Child) -> Markup:
    """Return children one after the other, text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else text(child)
            for child in children
            if child is not None
        )
    )


def table(caption: str, head: Iterable[str], rows: Iterable[Row], **attributes: str) -> Markup:
    """
    Return a table whose first column names its rows.

    On a narrow screen each row is a card, and each cell says its column; between, it scrolls.
    """
    head = tuple(head)
    body = [
        tag("tr", tag("th", row[0], scope="row"), *map(_cell, row[1:], head[1:])) for row in rows
    ]
    whole = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(tag("th", word, scope="col") for word in head))),
        tag("tbody", *body),
        class_="cards",
        **attributes,
    )
    return tag("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def _cell(content: Child, column: str) -> Markup:
    # Numbers stay on one line, sentences may wrap.
    long = content is not None and (len(content) > 30) and "<span" not in content
    return tag("td", content, class_="wide" if long else None, data_column=column)


def data_block(value: object, id_: str) -> Markup:
    """Return a block of data for scripts, in which no text can end the block."""
    # ASCII only: no line separator, no lone surrogate; and no `<`, so no tag.
    written = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    safe = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(f'<script type="application/json" id="{text(id_)}">{safe}</script>')
