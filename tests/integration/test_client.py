"""The client module without a browser: its own tests under node, its size, and its types."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hatch_build import minified
from sse_observe.beacon.client_module import NAME
from tests.support.npm import needs_package
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.samples import SAMPLES

CLIENT = ROOT / "sse_observe" / "client"
SUITES = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))


def as_served() -> str:
    """Return what a wheel carries, and `beacon_app()` sends."""
    return minified((CLIENT / NAME).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("served", [False, True], ids=["as written", "as served"])
@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_the_clients_own_tests_pass(suite: Path, served: bool, tmp_path: Path) -> None:
    """Node's own runner, on the file and on what the build makes of it."""
    if served:
        without = shutil.ignore_patterns("node_modules")
        for folder in (suite.parent, SAMPLES):
            shutil.copytree(folder, tmp_path / folder.relative_to(ROOT), ignore=without)
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
source.addEventListener("sse.status", ({{ status, attempt }}) => show(status, attempt));
source.addEventListener("sse.gap", ({{ lost }}) => show(lost ? "live" : "failed", lost ?? 0));
source.addEventListener("error", ({{ reason, data, httpStatus }}) =>
  show(reason === "interrupted" ? "failed" : "waiting", httpStatus ?? data?.length ?? 0));
const onToken = (event: MessageEvent<string>) => document.body.append(event.data);
source.addEventListener("token", onToken);
source.removeEventListener("token", onToken);
const unbind: () => void = source.bindStatus(document.body, {{ live: "Da" }});
new ResilientEventSource("/private", {{
  fetch: {{ headers: async (refused) => ({{ Authorization: `Bearer ${{refused ?? "first"}}` }}) }},
}});
function show(status: Status, n: number) {{ document.title = `${{status}} ${{n}}`; }}
class Feed {{
  source?: EventSource;
  start() {{ this.source = new ResilientEventSource("/feed"); }}
}}
console.log(source.readyState === ResilientEventSource.OPEN, unbind, new Feed());
new ResilientEventSource("/ask", {{
  fetch: {{ method: "POST", body: "{{}}", headers: new Headers([["Authorization", "Bearer t"]]) }},
  idempotencyKey: crypto.randomUUID(),
  resume: (stream, cursor) => new Request(`/answers/${{stream}}?after=${{cursor}}`),
  terminal: ({{ data }}) => data.startsWith("END"),
  failure: ["trouble"],
  cursorParameter: "lastEventID",
  firstEventTimeout: 60_000,
}});
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


@pytest.mark.slow
@pytest.mark.parametrize("form", ["iife", "esm"])
def test_a_bundle_of_an_application_loads_and_reports(form: str, tmp_path: Path) -> None:
    """Copied into an application and bundled, it knows no place beside it, and reports to /sse/."""
    shutil.copy(CLIENT / NAME, tmp_path)
    entry = tmp_path / "main.js"
    entry.write_text(f"""
import {{ ResilientEventSource }} from "./{NAME}";
const say = (url) => (console.log(String(url)), Promise.resolve({{ status: 403 }}));
const transport = (window, request, sink) => {{
  setTimeout(() => (sink.open(), sink.frame({{ type: "message", data: "a", id: "", own: false }})));
  return () => {{}};
}};
const window = {{ Math, performance, setTimeout, clearTimeout, fetch: say, navigator: {{}},
  location: {{ href: "https://app.example/" }}, origin: "https://app.example" }};
const source = new ResilientEventSource("/feed", {{ window, transport }});
source.onmessage = () => setTimeout(() => process.exit(), 50);
""")
    bundle = tmp_path / "bundle.mjs"
    esbuild = needs_package("esbuild") / "bin" / "esbuild"
    quiet = ("--bundle", "--minify", "--log-level=error", f"--format={form}")
    subprocess.run([str(esbuild), str(entry), *quiet, f"--outfile={bundle}"], check=True)

    ran = subprocess.run(
        [needs("node"), str(bundle)], check=False, capture_output=True, text=True, timeout=60
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "https://app.example/sse/token?path=%2Ffeed\n"


def test_no_bundler_looks_for_a_file_that_is_none() -> None:
    """Bundlers take a URL that is made of `import.meta.url` at once for a file to copy."""
    assert not re.search(r"new URL\([^;]*import\.meta", (CLIENT / NAME).read_text())


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
    """One file that imports nothing; over the wire it is at most 7,000 bytes."""
    source = (CLIENT / NAME).read_text()

    assert not re.search(r"^\s*import |\bawait import\(|\brequire\(", source, re.MULTILINE)
    assert len(gzip.compress(as_served().encode())) <= 7000


def test_what_others_see_keeps_its_name() -> None:
    """The build shortens members of the client's own objects, and neither texts nor patterns."""
    comments = re.compile(r"/\*\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
    source = comments.sub("", (CLIENT / NAME).read_text())
    served = as_served()
    own = {name for name in re.findall(r"\w+", source) if re.match(r"_[a-z]", name)} - {"_code"}

    assert own
    for name in own:
        assert not re.search(rf"(?<![\w$]){name}\b", served), name
        # Wherever it stands it is a member, or the definition of one.
        assert not re.search(rf"(?<![\w.]){name}(?=[^\w:(,])", source), name
    others = {name for name in re.findall(r"\w*_\w+", source) if name not in own}
    assert {"report_token", "_code", "RUN_STARTED"} <= others
    assert {name for name in others if name not in served} == set()
