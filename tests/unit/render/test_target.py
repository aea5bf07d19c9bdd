"""Targets: found in their folder, and written beside the default."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from sse_observe.render import targets
from sse_observe.render.bundle import DEFAULT, bundle, render_to
from sse_observe.render.target import all_targets
from tests.support.rendered import FILES

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
