"""`sse-observe probe`: what is wrong with a call is one line, and nothing is asked."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.errors import CheckError
from tests.support.probing import written


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["probe", *words])
    if isinstance(done.exception, CheckError):
        return str(done.exception)
    assert done.exception is None
    return done.output


def test_a_file_can_be_looked_at_before_it_is_used(tmp_path: Path) -> None:
    """In CI, before a deploy."""
    assert "1 modules, 0 targets" in run("--config", str(written(tmp_path)), "--check-config")


@pytest.mark.parametrize("address", ["9470", "host:port", "127.0.0.1:99999", "192.0.2.1:9470"])
def test_a_wrong_address_is_one_line(tmp_path: Path, address: str) -> None:
    """So is one that this machine does not have."""
    assert f"--listen {address}" in run("--config", str(written(tmp_path)), "--listen", address)


def test_a_busy_port_is_one_line(tmp_path: Path) -> None:
    """With the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        words = run("--config", str(written(tmp_path)), "--listen", address)

    assert words.endswith("choose another address")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """Its name comes first."""
    path = tmp_path / "no.yaml"

    assert run("--config", str(path)).startswith(f"{path}: no such file")
