"""
The file `sse-observe.yaml`: read into settings, or refused in one line.

Knows YAML and the words of its reader library, which no user ever sees.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from sse_observe.catalog.model import Severity, Window
from sse_observe.catalog.nearest import did_you_mean
from sse_observe.catalog.promql import matchers
from sse_observe.errors import SettingsError
from sse_observe.render.settings import FILE_NAME, AlertSettings, Settings
from sse_observe.render.settings_problems import problems
from sse_observe.render.settings_yaml import Document, read

_DURATIONS = {"scrape_interval", "rule_interval", "window", "for", "keep_firing_for"}
# By the key that they stand under; the entries of `labels` and `annotations` are text.
_ENTRIES: Mapping[str, type] = {"alerts": AlertSettings, "and": float}
_KINDS = {"str": "text", "object": "a mapping", "array": "a list", "bool": "true or false"}


def load_settings(path: Path | None) -> Settings:
    """
    Return the settings of a file; without a path `./sse-observe.yaml` if it exists, else defaults.

    SettingsError is one line: file, key, value, what is wrong, the remedy.
    """
    if path is None:
        path = Path(FILE_NAME)
        if not path.exists():
            return Settings()
    given = read(path)
    try:
        settings = msgspec.convert(given.value, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {_printable(_explain(str(error), given))}") from None
    for problem in problems(settings):
        raise SettingsError(f"{path}: {_printable(problem)}")
    if settings.extra_alerts is not None:
        # A folder is relative to the file that names it.
        folder = str(path.parent / settings.extra_alerts)
        settings = msgspec.structs.replace(settings, extra_alerts=folder)
    return msgspec.structs.replace(
        settings,
        runbook_url=settings.runbook_url.rstrip("/"),
        grafana_url=settings.grafana_url.rstrip("/"),
        # One way to write it: `a="b", c=~"d"`.
        selector=", ".join(map(str, matchers(settings.selector) or ())),
    )


class _Place(NamedTuple):
    """Where a file is wrong: the keys that lead there, and the value that stands there."""

    keys: list[str]
    value: object


def _explain(message: str, given: Document) -> str:
    """Turn msgspec's sentence into `key: value: what is wrong; remedy`."""
    what, _, where = message.partition(" - at ")
    keys, value = _place(where, given.value)
    unknown = re.search(r"unknown field `(.*)`", what)
    if unknown:
        wrong, known = unknown[1], _fields(keys)
        remedy = did_you_mean(wrong, known, f"known are {', '.join(known)}")
        return f"{'.'.join([*keys, wrong])}: no such key; {remedy}"
    expected = re.search(r"xpected `([^`]*)`, got `([^`]*)`", what)
    wrong = f"expected {_plain(expected[1])}, got {_plain(expected[2])}" if expected else what
    remedy = "correct it or leave it out"
    key = keys[-1] if keys else ""
    if key == "severity":
        wrong, remedy = "no such severity", f"choose from {', '.join(get_args(Severity))}"
    elif key in _DURATIONS:
        remedy = "write a duration like 90s or 5m"
    if value is None:
        remedy = "write it, or leave out the key"
    elif "text" in wrong.partition(", got")[0] and not isinstance(value, str | dict | list):
        remedy = f'write "{given.written(keys)}"' if key not in _DURATIONS else remedy
    name = f"{'.'.join(keys)}: " if keys else ""
    shown = (
        "" if value is None or isinstance(value, dict | list) else f"{_shown(value, given, keys)}: "
    )
    return f"{name}{shown}{wrong}; {remedy}"


def _shown(value: object, given: Document, keys: list[str]) -> str:
    """Return a value as it is written; text in quotes, so that a blank is seen."""
    return repr(value) if isinstance(value, str) else given.written(keys) or repr(value)


def _place(where: str, given: object) -> _Place:
    """Follow msgspec's path into what was given."""
    keys = re.findall(r"[^.\[\]`$]+|\.\.\.", where)
    value = given
    for at, key in enumerate(keys):
        if key == "..." and isinstance(value, dict):
            # msgspec does not say which entry of a mapping is meant: the first refused alone.
            keys[at] = _refused(value, keys[at - 1])
        if isinstance(value, list):
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value.get(keys[at])
        else:
            break
    return _Place(keys, value)


def _printable(text: str) -> str:
    """Keep one line one line, whatever a key holds."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _refused(entries: Mapping[object, object], key: str) -> str:
    """Return the name of the first entry that is not valid under its key."""
    for name, entry in entries.items():
        try:
            msgspec.convert(entry, _ENTRIES.get(key, str))
        except msgspec.ValidationError:
            return str(name)
    return "…"


def _plain(kind: str) -> str:
    """Name a type as a YAML file shows it."""
    parts = [part.strip() for part in kind.split("|")]
    kinds = [_KINDS.get(part, "a number" if part in ("float", "int") else part) for part in parts]
    return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null")) or "nothing"


def _fields(keys: list[str]) -> list[str]:
    """Return the keys that may stand at a path."""
    parts = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    kind = parts.get(keys[0]) if keys else Settings
    if keys and keys[0] == "alerts":
        kind = Window if "windows" in keys else AlertSettings
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return []
    return [field.encode_name for field in msgspec.structs.fields(kind)]
