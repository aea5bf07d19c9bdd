"""Real programs of the machine: found, or the test that needs one ends and says so."""

import os
import shutil
import subprocess
from typing import NoReturn

import pytest

from tests.support.paths import ROOT

# Those in Go look for garbage seldom: that is a fifth of what Prometheus works. Memory is bounded.
os.environ.setdefault("GOGC", "400")
os.environ.setdefault("GOMEMLIMIT", "4GiB")


def needs(program: str) -> str:
    """
    Return a program's path; without it fail in CI, and skip with the reason elsewhere.

    `SSE_OBSERVE_PROMETHEUS=/path` (or another program's name) takes another version of it.
    """
    path = shutil.which(os.environ.get(f"SSE_OBSERVE_{program.upper()}", program))
    if path is None:
        absent(f"{program} is not installed; `make setup` installs it")
    return path


def needs_newer(program: str) -> str:
    """Return a program of a later Debian, beside the system's own; without it as `needs`."""
    path = ROOT / "tests/newer/bin" / program
    if not path.is_file():
        absent(f"a newer {program} was not fetched; `make setup` fetches it")
    return str(path)


def absent(reason: str) -> NoReturn:
    """End a test that lacks a part: a failure in CI, a skip with its reason elsewhere."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    raise AssertionError(reason)


def isolated(*kinds: str) -> list[str]:
    """Return the command that runs another in namespaces of its own; skip where there are none."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    command = [needs("unshare"), *user, *kinds]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        absent("this machine allows no namespaces")
    return command
