"""The rendered bundle, parsed: its files, rules and boards, under settings that a test gives."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sse_observe.catalog.load import load
from sse_observe.errors import SettingsError
from sse_observe.render.bundle import bundle
from sse_observe.render.grafana.boards import render_boards
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from tests.support.grafana_lint import panels

JSON = dict[str, Any]
CATALOG = load()
FILES = bundle(None).files
"""The files of the default settings by path."""


def settings_file(folder: Path, text: str) -> Path:
    """Write a settings file and return its path."""
    path = folder / "sse-observe.yaml"
    path.write_text(text)
    return path


def files(folder: Path, text: str) -> dict[str, str]:
    """Return the files that settings give, rendered from a file in a folder."""
    return bundle(settings_file(folder, text)).files


def rules(rendered: Mapping[str, str]) -> list[JSON]:
    """Return every rule of the rule files."""
    return [
        rule
        for name, text in rendered.items()
        if name.endswith(".yaml")
        for group in msgspec.yaml.decode(text)["groups"]
        for rule in group["rules"]
    ]


def boards(**changes: Any) -> dict[str, JSON]:
    """Return the boards by name, under settings that differ from the defaults."""
    settings = msgspec.structs.replace(Settings(), **changes)
    rendered = render_boards(tune(CATALOG, settings), settings)
    return {Path(path).stem: json.loads(text) for path, text in rendered.items()}


BOARDS = boards()


def panel(board: str, title: str, among: Mapping[str, JSON] = BOARDS) -> JSON:
    """Return the one panel of a board with this title."""
    found = [one for one in panels(among[board]) if one["title"] == title]
    assert len(found) == 1, f"{title} stands {len(found)} times on {board}"
    return found[0]


def steps(shown: JSON) -> list[JSON]:
    """Return the thresholds of a panel."""
    return shown["fieldConfig"]["defaults"]["thresholds"]["steps"]


@cache
def default_target(name: str) -> Mapping[str, str]:
    """Return the files of one target by their path in its folder, under default settings."""
    return _target(None, name)


def target(name: str, folder: Path, text: str) -> dict[str, str]:
    """Return the files of one target by their path in its folder, under settings as text."""
    return _target(settings_file(folder, text), name)


def _target(settings: Path | None, name: str) -> dict[str, str]:
    rendered = bundle(settings, [name]).files
    return {
        path.removeprefix(f"{name}/"): content
        for path, content in rendered.items()
        if path.startswith(f"{name}/")
    }


def refused(name: str, folder: Path, text: str) -> str:
    """Return why a target refuses settings."""
    with pytest.raises(SettingsError) as error:
        target(name, folder, text)
    return str(error.value)
