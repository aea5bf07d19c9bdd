"""Where things lie in the repository."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"


def tracked() -> list[Path]:
    """Return the files that git knows, as paths from the root."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = map(Path, listed.stdout.splitlines())
    # One that is being moved is known, and not there.
    return [path for path in paths if (ROOT / path).is_file()]
