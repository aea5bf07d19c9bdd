"""Real programs of the machine: found, or the test that needs one ends and says so."""

import os
import shutil
from typing import NoReturn

import pytest


def needs(program: str) -> str:
    """
    Return a program's path; without it fail in CI, and skip with the reason elsewhere.

    `SSE_OBSERVE_PROMETHEUS=/path` (or another program's name) takes another version of it.
    """
    path = shutil.which(os.environ.get(f"SSE_OBSERVE_{program.upper()}", program))
    if path is None:
        absent(f"{program} is not installed; `make setup` installs it")
    return path


def absent(reason: str) -> NoReturn:
    """End a test that lacks a part: a failure in CI, a skip with its reason elsewhere."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    raise AssertionError(reason)
