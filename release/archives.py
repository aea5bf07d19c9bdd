"""Wheel, source archive and npm package: the same tree gives the same bytes."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from hatch_build import SMALL, minified
from sse_observe.errors import SSEObserveError

CLIENT = Path("sse_observe/client")
NPM_NAME = "sse-observe"


class ReleaseError(SSEObserveError):
    """Something that is not fit to be released; nothing was uploaded."""


def project(root: Path) -> dict[str, Any]:
    """Return what pyproject.toml says of the project: the one place of its version."""
    found: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return found


def committed_at(root: Path) -> int:
    """Return the Unix time of the last commit: the age of everything in an archive."""
    return int(_run("git", "log", "-1", "--format=%ct", cwd=root))


def python_archives(root: Path, out: Path) -> list[Path]:
    """Build the source archive from a tree, and the wheel from that archive; needs no network."""
    out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(committed_at(root))}
    target = str(out.resolve())
    build = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", target)
    _run(*build, cwd=root, environment=environment)
    (sdist,) = out.glob("*.tar.gz")
    alone = ("--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir")
    wheel = (sys.executable, "-m", "pip", "wheel", *alone, "-w", target, str(sdist.resolve()))
    _run(*wheel, cwd=root, environment=environment)
    return sorted([sdist, *out.glob("*.whl")])


def npm_package(root: Path, out: Path) -> Path:
    """Pack the browser client for npm, as it is read and small; needs no network."""
    folder = out / "npm"
    folder.mkdir(parents=True)
    facts = project(root)
    source = (root / CLIENT / "sse-observe.js").read_text(encoding="utf-8")
    small = Path(SMALL).name
    files = {
        "sse-observe.js": source,
        small: minified(source),
        "sse-observe.d.ts": (root / CLIENT / "sse-observe.d.ts").read_text(encoding="utf-8"),
        "LICENSE": (root / "LICENSE").read_text(encoding="utf-8"),
        "README.md": _README,
        "package.json": json.dumps(_manifest(facts, small), indent=2) + "\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        (folder / name).chmod(0o644)  # whatever the umask
        os.utime(folder / name, (committed_at(root),) * 2)
    _run("npm", "pack", "--pack-destination", str(out.resolve()), cwd=folder)
    shutil.rmtree(folder)
    (packed,) = out.glob("*.tgz")
    return packed


def _manifest(facts: dict[str, Any], small: str) -> dict[str, Any]:
    types = "./sse-observe.d.ts"
    return {
        "name": NPM_NAME,
        "version": facts["version"],
        "description": "An EventSource that recovers, and reports what only the browser sees.",
        "license": facts["license"],
        "keywords": ["server-sent-events", "eventsource", "sse"],
        "type": "module",
        "sideEffects": False,
        "types": types,
        "exports": {
            ".": {"types": types, "default": "./sse-observe.js"},
            "./min": {"types": types, "default": f"./{small}"},
        },
        "files": ["sse-observe.js", small, "sse-observe.d.ts"],
    }


_README = """# sse-observe

An `EventSource` that recovers. Replacing one by the other is one word:

```js
import { ResilientEventSource } from "sse-observe";
const source = new ResilientEventSource("/chat");
```

In plain HTML import `./sse-observe.min.js` in a `<script type="module">`.
The server's half is the Python package of the same name.
Every option is described in `sse-observe.d.ts`.
"""


def _run(*command: str, cwd: Path, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise ReleaseError(f"{command[0]}: no such program; install it first") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ReleaseError(f"{' '.join(command[:4])}: {''.join(last)}")
    return done.stdout
