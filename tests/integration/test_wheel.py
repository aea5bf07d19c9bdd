"""The built wheel, installed far from the source tree, does what the documentation says."""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import pytest

from hatch_build import minified
from sse_observe.cli.extras import commands
from sse_observe.render.bundle import DEFAULT
from sse_observe.render.settings import FILE_NAME
from sse_observe.render.targets import names
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long]
# With pip each environment takes most of a minute of a core.
UV = Path(sys.executable).with_name("uv")
FOLDERS = ("dashboards", "alerts", "runbooks")


def run(*command: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command as a stranger would: nothing of this process' Python paths."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def pythons() -> list[str]:
    """
    Return the interpreters of this machine that we support, this one first.

    One of each version, and the system's own, whatever its last number: the README says so.
    """
    found = {sys.version_info[:2]: sys.executable}
    system = version("/usr/bin/python3")
    if system and system != sys.version_info[:3]:
        found[system] = "/usr/bin/python3"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in SUPPORTED:
        for path in (f"python{name}", *sorted(map(str, pyenv.glob(f"{name}.*/bin/python")))):
            if number := version(path):
                found.setdefault(number[:2], path)
    return list(found.values())


def free_threaded() -> str | None:
    """Return a Python without the GIL, where there is one: no Debian brings it."""
    names = (os.environ.get("SSE_OBSERVE_FREE_THREADED", ""), "python3.14t", "python3.13t")
    return next((path for name in names if (path := shutil.which(name)) and version(path)), None)


def version(python: str) -> tuple[int, ...] | None:
    """Return an interpreter's version; None where it is none of ours, or a shim that fails."""
    path = shutil.which(python)
    if path is None:
        return None
    code = "import ensurepip, sys; print(*sys.version_info[:3])"
    done = subprocess.run([path, "-c", code], check=False, capture_output=True, text=True)
    number = tuple(map(int, done.stdout.split()))
    return number if ".".join(map(str, number[:2])) in SUPPORTED else None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that a release has built, or one from the source tree."""
    if given := os.environ.get("SSE_OBSERVE_WHEEL"):
        return Path(given)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", out, ROOT, cwd=out)
    return next(out.glob("*.whl"))


def installed(python: str, home: Path, requirement: str) -> Path:
    """Return the bin folder of a new environment with one requirement in it."""
    run(UV, "venv", "-q", "--python", python, home / "venv", cwd=home)
    install = (UV, "pip", "install", "-q", "--python", home / "venv", requirement)
    # What was fetched once needs no network again.
    again = subprocess.run([*install, "--offline"], cwd=home, check=False, capture_output=True)
    if again.returncode:
        run(*install, cwd=home)
    return home / "venv" / "bin"


Environments = Mapping[str, Future[Path]]


@pytest.fixture(scope="module")
def environments(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """Make all environments at once, since each mostly waits: one bare, one for each Python."""
    wanted = {"base": (sys.executable, str(wheel))}
    wanted |= {python: (python, f"{wheel}[render]") for python in pythons()}
    if without_gil := free_threaded():
        wanted["free-threaded"] = (without_gil, str(wheel))
    with ThreadPoolExecutor(len(wanted)) as pool:
        yield {
            name: pool.submit(installed, python, tmp_path_factory.mktemp("home"), requirement)
            for name, (python, requirement) in wanted.items()
        }


@pytest.fixture(scope="module")
def base(environments: Environments) -> Path:
    """Return the bin folder of an environment with the wheel and no extra."""
    return environments["base"].result()


@pytest.fixture(scope="module", params=pythons())
def bundle(request: pytest.FixtureRequest, environments: Environments) -> Path:
    """Return the bin folder of an environment with the wheel and its [render] extra."""
    return environments[request.param].result()


def test_the_base_install_counts_and_serves_metrics(base: Path, tmp_path: Path) -> None:
    """A service that installs no extra has the middleware, the reference endpoint and /metrics."""
    code = """
import asyncio
from sse_observe import SSEObserveMiddleware, metrics_app
from sse_observe.reference import reference_app

async def get(app, path, read):
    sent = []
    async def receive():
        if sent:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
             "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
             "root_path": "", "headers": [], "client": ("127.0.0.1", 1), "server": ("h", 1)}
    await asyncio.wait_for(app(scope, receive, send), 30)
    return b"".join(m.get("body", b"") for m in sent)

async def main():
    app = SSEObserveMiddleware(reference_app(), routes={"/api/v1/stream": __import__(
        "sse_observe").StreamRoute()})
    stream = await get(app, "/api/v1/stream", None)
    assert b"event: done" in stream, stream
    text = (await get(metrics_app(), "/metrics", None)).decode()
    assert 'reason="completed",route="/api/v1/stream",user_segment="all"} 1.0' in text, text

asyncio.run(main())
"""
    run(base / "python", "-c", code, cwd=tmp_path)


@pytest.mark.parametrize("environment", ["base", "free-threaded"])
def test_scrapes_from_other_threads_lose_nothing(
    environments: Environments, environment: str, tmp_path: Path
) -> None:
    """With the GIL and without it, which no import of ours switches on again."""
    if environment not in environments:
        pytest.skip("no free-threaded Python is here: python3.14t, python3.13t")
    python = environments[environment].result() / "python"
    program = ROOT / "tests/apps/threads_app.py"
    found = json.loads(run(python, "-W", "error", program, cwd=tmp_path).stdout)

    assert found == {"gil": environment == "base", "events": 10_040, "streams": 40}


@pytest.mark.parametrize(("command", "extra"), commands().items())
def test_each_command_names_its_missing_extra(
    base: Path, tmp_path: Path, command: str, extra: str
) -> None:
    """Without an extra a command says in one line what to install, and exits with 1."""
    errors = run(base / "sse-observe", command, cwd=tmp_path, code=1).stderr

    assert errors.splitlines() == [
        f"sse-observe: {command} needs the [{extra}] extra; run: pip install 'sse-observe[{extra}]'"
    ]


def test_the_wheel_renders_the_committed_files(bundle: Path, tmp_path: Path) -> None:
    """Package data is complete, and a stranger gets the very bytes that were reviewed."""
    out = tmp_path / "bundle"
    run(bundle / "sse-observe", "render", "--out", out, cwd=tmp_path)

    for folder in FOLDERS:
        files = sorted(path.name for path in (ROOT / folder).iterdir())
        assert sorted(path.name for path in (out / folder).iterdir()) == files
        _, differ, odd = filecmp.cmpfiles(ROOT / folder, out / folder, files, shallow=False)
        assert (differ, odd) == ([], [])


def test_the_wheel_renders_every_committed_target(bundle: Path, tmp_path: Path) -> None:
    """Each target has its templates in the package, and so has the settings file."""
    examples = ROOT / "docs/examples/targets"
    committed = {
        str(path.relative_to(examples)): path.read_bytes()
        for path in examples.rglob("*")
        if path.is_file() and path.parent != examples
    }
    asked = [word for name in names() if name != DEFAULT for word in ("--target", name)]
    run(bundle / "sse-observe", "render", "--out", tmp_path, *asked, cwd=tmp_path)
    printed = run(bundle / "sse-observe", "render", "--print-settings", cwd=tmp_path).stdout

    rendered = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.relative_to(tmp_path).parts[0] not in FOLDERS
    }
    assert rendered == committed
    assert printed == (examples / FILE_NAME).read_text()


def test_the_wheel_serves_the_small_client(base: Path, wheel: Path, tmp_path: Path) -> None:
    """The client that was minified for the wheel reaches browsers, below 7,000 bytes of gzip."""
    code = """
import gzip, sys
from sse_observe.beacon.client_module import Module
sent = Module()._plain
assert len(gzip.compress(sent)) <= 7000, len(gzip.compress(sent))
sys.stdout.write(sent.decode())
"""
    served = run(base / "python", "-c", code, cwd=tmp_path).stdout

    assert served == minified((ROOT / "sse_observe/client/sse-observe.js").read_text())


def test_a_source_archive_builds_the_same_wheel_without_a_minifier(
    wheel: Path, tmp_path: Path
) -> None:
    """It carries the small client; one whose client was changed needs the minifier again."""
    archive = tmp_path / "archive"
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", archive, cwd=ROOT)
    run("tar", "-xzf", next(archive.glob("*.tar.gz")), cwd=tmp_path)
    tree = next(tmp_path.glob("sse_observe-*"))
    needs = (
        sys.executable,
        "-c",
        "from hatchling.build import get_requires_for_build_wheel as r; print(r())",
    )

    assert "minify" not in run(*needs, cwd=tree).stdout
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=tree)
    small = "sse_observe/client/sse-observe.min.js"
    whole, rebuilt = (ZipFile(path).read(small) for path in (wheel, next(tmp_path.glob("*.whl"))))
    assert whole == rebuilt

    (tree / "sse_observe" / "client" / "sse-observe.js").touch()
    assert "minify" in run(*needs, cwd=tree).stdout


def test_the_wheel_carries_types_and_the_licence(wheel: Path, tmp_path: Path) -> None:
    """Users' type checkers see our annotations, and the licence travels along."""
    code = f"import zipfile; print(*zipfile.ZipFile({str(wheel)!r}).namelist(), sep='\\n')"
    names = run(sys.executable, "-c", code, cwd=tmp_path).stdout.splitlines()

    assert "sse_observe/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if name.startswith(("tests/", "dashboards/"))] == []
