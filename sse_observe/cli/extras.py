"""
The commands, by their files, and the extra that each needs.

Reads files and our own metadata, and imports nothing that an extra brings.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sse_observe.errors import MissingExtraError

_EXTRA = re.compile(r'^EXTRA = "(\w+)"$', re.MULTILINE)
_NAME = re.compile(r"[\w.-]+")


@cache
def commands() -> dict[str, str]:
    """
    Return the extra that each command needs, by the name of the command's module.

    A module of this package that states an `EXTRA` is a command. It is read and not imported,
    because it imports what the extra brings.
    """
    texts = {file.stem: file.read_text("utf-8") for file in Path(__file__).parent.glob("*.py")}
    found = {name: _EXTRA.search(text) for name, text in sorted(texts.items())}
    return {name: stated[1] for name, stated in found.items() if stated}


def check_extra(arguments: Sequence[str]) -> None:
    """Refuse a command whose extra is not installed; MissingExtraError says how to install it."""
    name = next((word for word in arguments if not word.startswith("-")), "")
    extra = commands().get(name.replace("-", "_"))
    if extra is None:
        # `--help` and a misspelt command need typer and nothing else.
        name, extra, lacks = "sse-observe", "render", find_spec("typer") is None
    else:
        lacks = bool(lacking(extra))
    if lacks:
        raise MissingExtraError(
            f"{name} needs the [{extra}] extra; run: pip install 'sse-observe[{extra}]'"
        )


def lacking(extra: str) -> list[str]:
    """Return the distributions of an extra that are not installed; our metadata names them."""
    # Imported here because it takes a quarter of the time of `--help`, which does not need it.
    from importlib.metadata import PackageNotFoundError, distribution, requires

    try:
        stated = requires("sse-observe") or []
    except PackageNotFoundError:
        return []  # a source tree that is not installed has no metadata
    wanted = f"extra == '{extra}'"
    found = []
    for requirement, _, marker in (line.partition(";") for line in stated):
        if marker.strip().replace('"', "'") == wanted and (name := _NAME.match(requirement)):
            try:
                distribution(name[0])
            except PackageNotFoundError:
                found.append(name[0])
    return found
