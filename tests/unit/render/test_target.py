"""Targets: found in their folder, and written beside the default."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from sse_observe.render import targets
from sse_observe.render.bundle import DEFAULT, bundle, render_to
from sse_observe.render.target import all_targets
from tests.support.paths import ROOT
from tests.support.rendered import FILES, settings_file

MODULE = """
from sse_observe.render.target import Rendering, Target
from sse_observe.render.banner import banner


def files(rendering: Rendering) -> dict[str, str]:
    return {"elsewhere/names.txt": banner("x") + "".join(rendering.files)}


TARGET = Target(folders={"elsewhere": ("*.txt",)}, render=files)
"""


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put one more module into the folder of the targets."""
    (tmp_path / "elsewhere.py").write_text(MODULE)
    monkeypatch.setattr(targets, "__path__", [*targets.__path__, str(tmp_path)])
    all_targets.cache_clear()
    yield
    all_targets.cache_clear()


def test_every_module_of_the_folder_is_a_target() -> None:
    """The default is one of them."""
    modules = {path.stem.replace("_", "-") for path in Path(targets.__path__[0]).glob("[a-z]*.py")}

    assert all_targets().keys() == modules
    assert DEFAULT in modules


def test_no_two_targets_share_a_folder() -> None:
    """A target never removes a file of another."""
    for one, other in combinations(all_targets().values(), 2):
        assert not one.folders.keys() & other.folders.keys()


@pytest.mark.parametrize("name", all_targets())
def test_a_target_writes_into_its_own_folders_alone(name: str) -> None:
    """Its patterns find every file of its own again, so that an old one can be removed."""
    target = all_targets()[name]
    rendered = bundle(None, [name]).files
    own = [Path(path) for path in rendered if name == DEFAULT or path not in FILES]

    assert own
    for path in own:
        folder, patterns = path.parts[0], target.folders[path.parts[0]]
        assert any(path.relative_to(folder).match(pattern) for pattern in patterns), path


def test_a_new_module_is_a_target_at_once(another: None, tmp_path: Path) -> None:
    """No other file changes: it is rendered, and its files go when it is not asked for."""
    written, *_ = render_to(tmp_path / "out", None, ["elsewhere"])

    names = tmp_path / "out/elsewhere/names.txt"
    assert names in written
    assert "alerts/sse-alerts.yaml" in names.read_text()
    render_to(tmp_path / "out", None)
    assert not names.exists()


@pytest.mark.slow
def test_words_of_the_user_stay_words_in_every_target(tmp_path: Path) -> None:
    """In a label, an annotation, a name or a page of his own: nothing of it is a key or is run."""
    word = "a\"'`\\: |\n- evil: yes # ${evil} << 7*7 >> <% evil %> {{ evil }} \x85\u2028\u00e9</p>"
    page = (ROOT / "sse_observe/catalog/alerts/SSEEventsOversized.md").read_text()
    summary = json.dumps(word.replace("{{ evil }}", ""))
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "SSEOurs.md").write_text(
        re.sub("^summary:.*$", lambda _: f"summary: {summary}", page, flags=re.MULTILINE).replace(
            "\n## Meaning\n", "\n## Meaning\n\n<< 7*7 >> <% raw %> {{ evil }}\n"
        )
    )
    settings = {
        "extra_alerts": "pages",
        "labels": {"team": word},
        "annotations": {"note": word},
        "alerts": {"SSEMessageLoss": {"labels": {"more": word}}},
        "grafana_alerting": {"folder": word, "contact_point": word},
        "provisioning": {"job": word, "labels": {"env": word}},
    }
    rendered = bundle(settings_file(tmp_path, json.dumps(settings)), all_targets()).files

    for name, text in rendered.items():
        if name.endswith((".yaml", ".yml", ".json")):
            found = list(yaml.load_all(text, yaml.CSafeLoader))
            assert not [key for key in keys(found) if "evil" in key], name
    assert "<< 7*7 >> <% raw %> {{ evil }}" in rendered["runbooks/SSEOurs.md"]


def keys(found: object) -> Iterator[str]:
    """Yield every key, however deep."""
    if isinstance(found, dict):
        yield from map(str, found)
    for below in found.values() if isinstance(found, dict) else found:
        if isinstance(below, dict | list):
            yield from keys(below)
