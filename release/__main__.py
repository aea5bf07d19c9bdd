"""
`python -m release VERSION`: write the version, build, check, and say what is left to do.

Nothing is uploaded, committed or tagged here.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from release.archives import ReleaseError, committed_at, npm_package, project, python_archives
from release.bill import bill
from sse_observe.errors import SSEObserveError

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
_UNRELEASED = "## Unreleased\n"
_LEFT = """
Left to do, in this order:

  git commit -am 'release: {version}' && git tag v{version}
  rm -r dist && make release VERSION={version}   # archives are as old as this commit
  git push origin main v{version}   # the workflow `release` uploads, with attestations

By hand instead:

  twine upload dist/*.whl dist/*.tar.gz
  npm publish dist/*.tgz
"""


def check_version(text: str, now: str) -> None:
    """Refuse what is no version, or older than what there is."""
    try:
        wanted = Version(text)
    except InvalidVersion:
        raise ReleaseError(f"VERSION={text}: no version; write it like 0.2.0") from None
    if wanted < Version(now):
        raise ReleaseError(f"VERSION={text}: older than {now}")


def with_version(pyproject: str, changelog: str, version: str, day: str) -> tuple[str, str]:
    """Return pyproject.toml and the changelog as a release has them; again, it changes nothing."""
    pyproject = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', pyproject, count=1)
    if f"\n## {version} " in changelog:
        return pyproject, changelog
    head, mark, rest = changelog.partition(_UNRELEASED)
    coming, _, _ = rest.partition("\n## ")
    if not mark or not coming.strip():
        raise ReleaseError("CHANGELOG.md: nothing under Unreleased; say what this release brings")
    return pyproject, f"{head}{mark}\n## {version} - {day}\n{rest}"


def check_contract() -> None:
    """Refuse a difference from the last release that the changelog does not name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.contract"], cwd=ROOT, check=False, text=True
    )
    if done.returncode:
        raise ReleaseError("the contract differs from the last release; the lines above say how")


def write_version(version: str) -> None:
    """Write the version into the tree, and the contract that it begins."""
    day = datetime.fromtimestamp(committed_at(ROOT), UTC).date().isoformat()
    paths = ROOT / "pyproject.toml", ROOT / "CHANGELOG.md"
    before = [path.read_text(encoding="utf-8") for path in paths]
    for path, text in zip(paths, with_version(before[0], before[1], version, day), strict=True):
        path.write_text(text, encoding="utf-8", newline="\n")
    subprocess.run(
        [sys.executable, "-m", "tests.support.contract", "--release", version],
        cwd=ROOT,
        check=True,
    )


def build(out: Path) -> list[Path]:
    """Build everything twice, and refuse archives whose bytes differ."""
    built = [*python_archives(ROOT, out), npm_package(ROOT, out)]
    with tempfile.TemporaryDirectory() as folder:
        again = [*python_archives(ROOT, Path(folder)), npm_package(ROOT, Path(folder))]
        for first, second in zip(built, again, strict=True):
            if first.read_bytes() != second.read_bytes():
                raise ReleaseError(f"{first.name}: a second build has other bytes")
    return built


def check_archives(archives: list[Path]) -> None:
    """Refuse what the index would refuse."""
    python = [str(path) for path in archives if path.suffix != ".tgz"]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *python],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ReleaseError(f"twine check: {done.stdout.strip()}")


def check_wheel(wheel: Path) -> None:
    """Refuse a wheel that does not work in an empty environment of each Python that is here."""
    test = (sys.executable, "-m", "pytest", "-q", "tests/integration/test_wheel.py")
    environment = {**os.environ, "SSE_OBSERVE_WHEEL": str(wheel)}
    if subprocess.run(test, cwd=ROOT, env=environment, check=False).returncode:
        raise ReleaseError(f"{wheel.name}: fails in an empty environment; the lines above say how")


def write_bill(out: Path, version: str) -> Path:
    """Write the bill of materials; refuse a part whose licence is unknown."""
    document = bill(version)
    unknown = [
        part["name"] for part in document["components"] if not part["licenses"][0]["expression"]
    ]
    if unknown:
        raise ReleaseError(f"{', '.join(unknown)}: no licence is stated; see release/bill.py")
    path = out / "sse-observe.cdx.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Do it all, or say in one line why not."""
    version = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        check_version(version, project(ROOT)["version"])
        if DIST.exists() and any(DIST.iterdir()):
            raise ReleaseError(f"{DIST}: not empty; move away what is there")
        check_contract()
        write_version(version)
        archives = build(DIST)
        check_archives(archives)
        check_wheel(next(path for path in archives if path.suffix == ".whl"))
        archives.append(write_bill(DIST, version))
    except SSEObserveError as error:
        sys.exit(f"release: {error}")
    for path in archives:
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(ROOT))  # noqa: T201
    print(_LEFT.format(version=version))  # noqa: T201


if __name__ == "__main__":
    main()
