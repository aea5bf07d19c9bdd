"""
The YAML of a settings file: what it says, or one line about what is wrong with the writing.

Knows no key. YAML itself lets a key stand twice and drops the first; that is refused here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from sse_observe.errors import SettingsError

MOST_BYTES = 1_000_000
"""A hundred times what all keys and comments take; a log or a dump, given by mistake, is more."""


class Document(NamedTuple):
    """A file as values, and as it is written."""

    value: object
    root: yaml.Node | None

    def written(self, keys: list[str]) -> str | None:
        """Return a single value as the user wrote it: `no`, where YAML reads false."""
        node = self.root
        for key in keys:
            node = _below(node, key)
        return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def read(path: Path) -> Document:
    """Return what a file says; SettingsError is one line: file, line, what is wrong, the remedy."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"{path}: {reason}; --settings takes a YAML file") from None
    if len(raw) > MOST_BYTES:
        raise SettingsError(
            f"{path}: larger than {MOST_BYTES // 1_000_000} MB; --settings takes a short YAML file"
        )
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        for problem in _problems(root):
            raise SettingsError(f"{path}: {problem}")
        value = loader.construct_document(root) if root else None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: {_where(error)}; correct the YAML") from None
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply; correct the YAML") from None
    except ValueError as error:
        # A date such as 2026-99-99.
        raise SettingsError(f"{path}: {error}; put it in quotes") from None
    return Document(value or {}, root)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}{getattr(error, 'problem', None) or 'not readable'}"


def _problems(root: yaml.Node | None) -> Iterator[str]:
    """Yield each key that stands twice or is no text, in the order of the file."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        # An alias is the node that it names.
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            found |= _of_keys(node)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    yield from (found[line] for line in sorted(found))


def _of_keys(node: yaml.MappingNode) -> dict[int, str]:
    """Return what is wrong with the keys of a mapping, by line."""
    found: dict[int, str] = {}
    first: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            found[line] = f"line {line}: a key is a word; correct the YAML"
        elif key.tag == "tag:yaml.org,2002:merge":
            continue
        elif key.tag != "tag:yaml.org,2002:str":
            found[line] = (
                f'line {line}: {key.value}: YAML takes this key for no text; write "{key.value}"'
            )
        elif key.value in first:
            found[line] = (
                f"line {line}: {key.value}: stands in line {first[key.value]} already, and YAML "
                "keeps only the last; write all of it under one"
            )
        else:
            first[key.value] = line
    return found


def _below(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        found: list[yaml.Node] = [
            below
            for name, below in node.value
            if isinstance(name, yaml.ScalarNode) and name.value == key
        ]
        return found[-1] if found else None
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        item: yaml.Node = node.value[int(key)]
        return item
    return None
