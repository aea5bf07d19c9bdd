"""An Alertmanager of the lab: what it is configured to do, and under which name it is found."""

import json
from pathlib import Path

import pytest

from sse_observe.lab.programs.alertmanager import Alertmanager, program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a PATH with nothing in it yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, name: str) -> str:
    file = folder / name
    file.write_text("")
    file.chmod(0o755)
    return str(file)


def test_its_own_name_goes_before_debians(path: Path) -> None:
    """A newer one that was installed beside the package is the one that is meant."""
    debian = install(path, "prometheus-alertmanager")
    first = program()
    own = install(path, "alertmanager")

    assert (first, program()) == (debian, own)


def test_each_group_is_posted_to_the_webhook_at_once(path: Path, tmp_path: Path) -> None:
    """Nobody is spared here, and what resolves is posted too."""
    install(path, "alertmanager")
    Alertmanager(tmp_path / "am", webhook="http://h/hook", group_by=("alertname", "route"))
    config = json.loads((tmp_path / "am/alertmanager.yml").read_text())

    assert config["route"]["group_by"] == ["alertname", "route"]
    assert config["route"]["group_wait"] == "0s"
    assert config["receivers"] == [
        {"name": "drill", "webhook_configs": [{"url": "http://h/hook", "send_resolved": True}]}
    ]
