"""A release: one version, the same bytes each time, parts and licences named."""

import json
import os
import time
from pathlib import Path

import pytest

from release.__main__ import check_archives, check_version, with_version
from release.archives import ReleaseError, npm_package, python_archives
from release.bill import bill
from tests.support.paths import ROOT
from tests.support.programs import needs

CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-01-01\n"


def test_the_version_moves_once() -> None:
    """The workflow asks for the same release again, and finds it done."""
    pyproject, changelog = with_version('version = "0.1.0"\n', CHANGELOG, "0.2.0", "2026-02-03")

    assert pyproject == 'version = "0.2.0"\n'
    assert "## Unreleased\n\n## 0.2.0 - 2026-02-03\n\n### Added" in changelog
    assert with_version(pyproject, changelog, "0.2.0", "2026-02-04") == (pyproject, changelog)


@pytest.mark.parametrize(
    ("version", "wrong"),
    [("", "no version"), ("soon", "no version"), ("0.0.9", "older than 0.1.0")],
)
def test_a_wrong_version_gets_one_line(version: str, wrong: str) -> None:
    """Nothing is built under a name that no index takes."""
    with pytest.raises(ReleaseError, match=wrong):
        check_version(version, "0.1.0")


def test_a_release_without_news_is_refused() -> None:
    """Whoever reads the changelog would find an empty heading."""
    with pytest.raises(ReleaseError, match="nothing under Unreleased"):
        with_version("", "# Changelog\n\n## Unreleased\n\n## 0.1.0 - x\n", "0.2.0", "")


def test_the_bill_of_materials_is_valid_and_names_each_licence() -> None:
    """A part whose licence is unknown would be found by somebody's lawyer."""
    document = bill("0.2.0")

    # Here: it builds forty grammars, and each worker would wait for them.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    names = {part["name"] for part in document["components"]}
    assert {"prometheus_client", "msgspec", "grafanalib", "plotly", "redis", "h2"} <= names
    assert not [part for part in document["components"] if not part["licenses"][0]["expression"]]
    assert document["metadata"]["component"]["purl"] == "pkg:pypi/sse-observe@0.2.0"
    assert bill("0.2.0") == document


@pytest.mark.slow
def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    """Whoever builds the tag gets the files that are on the index, whatever his umask."""
    needs("npm")
    first, second = tmp_path / "first", tmp_path / "second"
    built = [*python_archives(ROOT, first), npm_package(ROOT, first)]
    time.sleep(1.1)
    usual = os.umask(0o077)
    try:
        again = [*python_archives(ROOT, second), npm_package(ROOT, second)]
    finally:
        os.umask(usual)

    assert [path.name for path in built] == [path.name for path in again]
    assert [path.read_bytes() for path in built] == [path.read_bytes() for path in again]
    check_archives(built)
