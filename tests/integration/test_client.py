"""The client module without a browser: its own tests under node, its size, and its types."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sse_observe.beacon.client_module import NAME, without_comments
from tests.support.paths import ROOT
from tests.support.programs import needs

CLIENT = ROOT / "sse_observe" / "client"
SUITES = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))


def as_served() -> str:
    return "".join(f"{line}\n" for line in without_comments((CLIENT / NAME).read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("served", [False, True], ids=["as written", "as served"])
@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_the_clients_own_tests_pass(suite: Path, served: bool, tmp_path: Path) -> None:
    """Node's own runner, on the file and on what is left of it on the wire."""
    if served:
        shutil.copytree(suite.parent, tmp_path / "tests" / "js")
        module = tmp_path / CLIENT.relative_to(ROOT) / NAME
        module.parent.mkdir(parents=True)
        module.write_text(as_served())
        suite = tmp_path / "tests" / "js" / suite.name
    ran = subprocess.run(
        [needs("node"), str(suite)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr


def test_no_test_of_the_client_sleeps() -> None:
    """A suite that waits for real time is slow, or lies."""
    for suite in SUITES:
        assert not re.search(r"setTimeout\(|timers/promises", suite.read_text()), suite.name


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["the module", "code that uses it"])
def test_typescript_has_nothing_to_say(strict: bool, tmp_path: Path) -> None:
    """The module under `@ts-check`; its declarations as strict code sees them."""
    user = tmp_path / "user.ts"
    user.write_text(f"""
import {{ ResilientEventSource, type Status }} from "{CLIENT}/sse-observe.js";
const source = new ResilientEventSource("/s", {{ maxRetries: 3, storage: sessionStorage }});
source.onmessage = (event) => document.body.append(event.data);
source.addEventListener("status", ({{ status, attempt }}) => show(status, attempt));
source.addEventListener("gap", ({{ lost }}) => show(lost === null ? "failed" : "live", lost ?? 0));
source.addEventListener("custom", (event) => document.body.append(event.data));
const unbind: () => void = source.bindStatus(document.body, {{ live: "Da" }});
function show(status: Status, n: number) {{ document.title = `${{status}} ${{n}}`; }}
const asNative: EventTarget & {{ readyState: number; close(): void }} = source;
console.log(asNative.readyState === ResilientEventSource.OPEN, unbind);
""")
    options = {
        "noEmit": True,
        "skipDefaultLibCheck": True,
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "node",
        "lib": ["es2022", "dom", "dom.iterable"],
        "types": [],
        **({"strict": True} if strict else {"allowJs": True, "checkJs": True}),
    }
    files = [str(user if strict else CLIENT / NAME)]
    config = tmp_path / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": options, "files": files}))

    ran = subprocess.run(
        [needs("tsc"), "--project", str(config)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert ran.returncode == 0, ran.stdout


def test_every_name_that_is_declared_is_exported() -> None:
    """The declarations name nothing that the module does not have."""
    name = re.compile(r"^export (?:class|function|const) (\w+)", re.MULTILINE)
    declared = name.findall((CLIENT / "sse-observe.d.ts").read_text())
    exported = name.findall((CLIENT / NAME).read_text())

    assert sorted(declared) == sorted(exported)


def test_every_option_is_declared_and_has_its_default_told() -> None:
    """Every option that the module reads stands in the declarations."""
    source = (CLIENT / NAME).read_text()
    declared = (CLIENT / "sse-observe.d.ts").read_text()
    options = set(re.findall(r"\boptions\??\.(\w+)", source)) | {"reportTo", "reportEvery"}

    for option in options:
        assert re.search(rf"^  {option}\?:", declared, re.MULTILINE), option


def test_it_needs_nothing_and_is_small() -> None:
    """One file that imports nothing; over the wire it is at most 7 KB."""
    source = (CLIENT / NAME).read_text()

    assert not re.search(r"^\s*import |\bawait import\(|\brequire\(", source, re.MULTILINE)
    assert len(gzip.compress(as_served().encode())) <= 7 * 1024
