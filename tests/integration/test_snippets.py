"""Whatever the documents show to be copied runs, and names what exists."""

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import promql_parser
import pytest
import requests
import yaml

from sse_observe.check.truth import script
from sse_observe.lab.drill.faults import FAULTS
from sse_observe.lab.programs.process import free_port
from sse_observe.probe import config
from sse_observe.render.bundle import bundle
from sse_observe.render.settings import FILE_NAME, Settings
from sse_observe.render.settings_file import load_settings
from tests.support.documents.commands import group
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.raw_server import RawServer, chunked, serving
from tests.support.servers import RawClient, serve_process
from tests.support.snippets import Snippet, commands, snippets

SECONDS = 60


class Asked(NamedTuple):
    """A request to an application of a snippet, and how its stream is then labelled."""

    path: str
    route: str | None = None
    segment: str = "all"
    body: bytes = b""
    reason: str = "completed"


APPLICATIONS = {
    "README.md:0": Asked("/metrics"),
    "docs/browser.md:0": Asked("/sse/sse-observe.js"),
    "docs/declare.md:0": Asked("/metrics"),
    "docs/drain.md:0": Asked("/ready"),
    "docs/drain.md:1": Asked("/feed", "/feed", reason="rotated"),
    "docs/endpoint.md:0": Asked("/api/v1/stream", "/api/v1/stream"),
    "docs/from/instrumentator.md:0": Asked("/metrics"),
    "docs/from/opentelemetry.md:0": Asked("/metrics"),
    "docs/from/starlette-exporter.md:0": Asked("/metrics"),
    "docs/goodput.md:0": Asked("/api/v1/stream"),
    "docs/segments.md:0": Asked("/metrics"),
    "docs/segments.md:1": Asked(
        "/v1/chat/completions", "/v1/chat/completions", "gpt-5", b'{"model": "gpt-5"}'
    ),
    "docs/spans.md:0": Asked("/metrics"),
    "docs/start/asgi.md:0": Asked("/api/v1/stream"),
    "docs/start/asgi.md:1": Asked("/api/v1/stream"),
    "docs/start/django.md:0": Asked("/chat/7", "/chat/{chat_id}"),
    "docs/start/fastapi.md:0": Asked("/chat/7", "/chat/{chat_id}"),
    "docs/start/fastapi.md:1": Asked("/plain", "/plain"),
    "docs/start/litestar.md:0": Asked("/chat/7", "/chat/{chat_id}"),
    "docs/start/starlette.md:0": Asked("/ticks", "/ticks"),
    "docs/unconfirmed.md:0": Asked("/sse/sse-observe.js"),
}
"""What to ask each application for, by its snippet."""
TOLD_APART = {"docs/python-client.md:0", "docs/resumable.md:0"}
"""Those that have a test of their own below."""
IMPORTED = {
    "docs/start/workers.md:0",
    "docs/start/workers.md:1",
    "docs/resumable.md:1",
    "docs/spans.md:1",
    "docs/upstreams.md:0",
}
"""Those of which nothing can be asked; each is only run."""

PYTHON = {snippet.name: snippet for snippet in snippets("python")}
PROGRAMS = {
    *("cd", "curl", "docker", "echo", "grep", "kubectl", "make", "mimirtool", "mkdir", "pip"),
    *("python", "rm", "sse-observe", "uvicorn"),
}


def test_every_python_snippet_has_a_proof() -> None:
    """A block that is added without one fails here."""
    assert set(PYTHON) == set(APPLICATIONS) | TOLD_APART | IMPORTED


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_of_the_documents_answers_and_is_counted(name: str, tmp_path: Path) -> None:
    """Whoever pastes it into a file gets what the page says, and finds its streams counted."""
    asked = APPLICATIONS[name]
    (tmp_path / "snippet.py").write_text(PYTHON[name].text)

    with serve_process("snippet:app", "--app-dir", str(tmp_path)) as server:
        method, headers = (
            ("POST", {"Content-Type": "application/json"}) if asked.body else ("GET", {})
        )
        url = f"{server.url}{asked.path}"
        with RawClient(url, method=method, headers=headers, body=asked.body) as client:
            client.until_end()
        assert client.status == 200
        if asked.route is not None:
            assert client.payloads
            labels = f'route="{asked.route}",user_segment="{asked.segment}"'
            closed = f'reason="{asked.reason}",{labels}}} 1.0'
            deadline = time.monotonic() + SECONDS
            # The client has the last byte a moment before the application has returned.
            while closed not in requests.get(f"{server.url}/metrics", timeout=SECONDS).text:
                assert time.monotonic() < deadline, "it was never counted"
                time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_a_snippet_without_an_application_runs(name: str) -> None:
    """Its names exist, and its arguments are taken."""
    text = PYTHON[name].text.replace("9464", str(free_port()))

    env = {**os.environ, "OPENAI_API_KEY": "k"}
    command = [sys.executable, "-W", "error", "-c", text]
    subprocess.run(command, env=env, check=True, timeout=SECONDS)


@pytest.mark.slow
def test_the_python_client_reads_an_answer_and_tells_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever pastes it sees each word, and the server's own words where it fails."""
    client: dict[str, Any] = {}
    exec(PYTHON["docs/python-client.md:0"].text, client)  # noqa: S102 - it is ours
    failure = b'event: error\ndata: {"type":"busy","message":"Later."}\n\n'

    async def main() -> None:
        scripts = (chunked(b"data: Hi\n\n"), chunked(b"data: H\n\n", failure))
        async with serving(RawServer(*scripts)) as url:
            for _ in scripts:
                await client["show"](url, "?")

    asyncio.run(main())

    assert capsys.readouterr().out == "Hi\nH\nfailed: error_event busy Later.\n"


@pytest.mark.slow
def test_a_resumable_answer_is_read_again(tmp_path: Path) -> None:
    """Begun by POST, read again by the name in hello, stopped by DELETE."""
    (tmp_path / "snippet.py").write_text(PYTHON["docs/resumable.md:0"].text)
    wish = {"Accept": "text/event-stream;resumable=1"}

    with serve_process("snippet:app", "--app-dir", str(tmp_path)) as server:
        url = f"{server.url}/v1/chat/completions"
        bare = requests.post(url, json={}, timeout=SECONDS).text
        begun = requests.post(url, json={}, headers=wish, timeout=SECONDS).text
        name = re.search(r'"stream": ?"([^"]+)"', begun)
        assert name is not None, begun
        stream = f"{server.url}/v1/streams/{name[1]}"
        again = requests.get(stream, timeout=SECONDS).text
        assert requests.delete(stream, timeout=SECONDS).status_code == 200

    words = ("whatever", "your", "model", "says")
    assert bare == again == "".join(f"data: {word}\n\n" for word in words)


@pytest.mark.parametrize("snippet", snippets("console"), ids=lambda snippet: snippet.name)
def test_a_command_of_the_documents_exists(snippet: Snippet) -> None:
    """Programs, targets of make, extras, and the options of our own commands."""
    makefile = (ROOT / "Makefile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    found = list(commands(snippet.text))

    assert found, "no line begins with `$ `"
    for program, *arguments in found:
        assert program in PROGRAMS
        if program == "make":
            assert re.search(rf"^{arguments[0]}:", makefile, re.MULTILINE)
        elif program == "pip":
            named = re.findall(r"\[(\w+)\]", " ".join(arguments))
            assert set(named) <= set(extras)
        elif program == "sse-observe":
            command = group().commands[arguments[0]]
            context = command.make_context(arguments[0], arguments[1:], resilient_parsing=True)
            if context.params.get("alert"):
                assert (ROOT / f"runbooks/{context.params['alert']}.md").exists()
            if arguments[0] == "drill":
                assert {*context.params["fault"]} <= {fault.name for fault in FAULTS}


@pytest.mark.parametrize("snippet", snippets("yaml"), ids=lambda snippet: snippet.name)
def test_a_yaml_snippet_is_taken_by_the_program_that_reads_it(
    snippet: Snippet, tmp_path: Path
) -> None:
    """Settings, probes, scripts, Prometheus, Kubernetes, and GitHub's action."""
    first = yaml.safe_load(snippet.text)
    path = tmp_path / "snippet.yaml"
    path.write_text(snippet.text)
    keys = {field.encode_name for field in msgspec.structs.fields(Settings)}

    if isinstance(first, list):
        inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
        assert set(first[0]["with"]) <= set(inputs)
    elif "kind" in first:
        _is_a_deployment(first)
    elif "runs" in first:
        assert script.read(path).runs
    elif "modules" in first:
        (tmp_path / "question.json").write_text("{}")
        text = snippet.text.replace("/var/lib/sse-observe", str(tmp_path))
        path.write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CHAT_TOKEN", "k")
            assert config.load(path)
    elif "receivers" in first:
        path.write_text(yaml.safe_dump(first["receivers"]["prometheus"]["config"]))
        _is_taken_by_prometheus(path)
    elif set(first) <= keys:
        settings = load_settings(path)
        assert set(first.get("alerts", ())) == set(settings.alerts)
    else:
        _is_taken_by_prometheus(path)


def _is_taken_by_prometheus(path: Path) -> None:
    subprocess.run([needs("promtool"), "check", "config", path], check=True, timeout=SECONDS)


def _is_a_deployment(deployment: dict[str, Any]) -> None:
    """The settings above it find its port, and a stop lasts longer than all that it waits for."""
    shown = next(s.text for s in snippets("yaml") if s.name == "docs/start/kubernetes.md:0")
    scraped = yaml.safe_load(shown)["kubernetes"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    ports = {port["name"] for port in container["ports"]}
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"] + int(container["args"][-1]) + 20

    assert deployment["spec"]["selector"] == {"matchLabels": scraped["selector"]}
    assert scraped["port"] in ports
    assert pod["terminationGracePeriodSeconds"] > waits


@pytest.mark.parametrize("snippet", snippets("promql"), ids=lambda snippet: snippet.name)
def test_a_query_of_the_documents_can_be_asked(snippet: Snippet) -> None:
    """It is PromQL."""
    promql_parser.parse(snippet.text)


@pytest.mark.parametrize("snippet", snippets("js"), ids=lambda snippet: snippet.name)
def test_a_script_of_the_documents_uses_what_is_declared(snippet: Snippet, tmp_path: Path) -> None:
    """It is JavaScript, and each option of the client stands in its declarations."""
    path = tmp_path / "snippet.mjs"
    path.write_text(snippet.text)
    declared = (ROOT / "sse_observe/client/sse-observe.d.ts").read_text()

    subprocess.run([needs("node"), "--check", path], check=True, timeout=SECONDS)
    for option in re.findall(r"^  (\w+):", snippet.text, re.MULTILINE):
        assert re.search(rf"^  {option}\?:", declared, re.MULTILINE), option


def test_an_alert_of_ones_own_renders_as_its_page_says(tmp_path: Path) -> None:
    """The page to copy becomes a rule, a runbook, and a line in the index."""
    [page] = snippets("markdown")
    (tmp_path / "our-alerts").mkdir()
    (tmp_path / "our-alerts/SSESegmentCompletionLow.md").write_text(page.text)
    (tmp_path / FILE_NAME).write_text("extra_alerts: our-alerts\n")

    files = bundle(tmp_path / FILE_NAME).files

    assert "- alert: SSESegmentCompletionLow\n" in files["alerts/sse-alerts.yaml"]
    assert "## First five minutes" in files["runbooks/SSESegmentCompletionLow.md"]
    assert "SSESegmentCompletionLow" in files["runbooks/README.md"]


WORDS = ["one", "two", "three", "four", "five", "six"]
SLOW = """
import asyncio

import snippet
from sse_observe import beacon_app
from starlette.responses import HTMLResponse

app = snippet.app
app.mount("/sse", beacon_app())


async def answer(body):
    for word in "one two three four five six".split():
        yield f"data: {word}\\n\\n"
        await asyncio.sleep(0.3)
    yield "data: [DONE]\\n\\n"


snippet.answer = answer


@app.get("/")
def page():
    return HTMLResponse("<script type=module src=/snippet.js></script>")


@app.get("/snippet.js")
def script():
    return HTMLResponse(open("SCRIPT").read(), media_type="text/javascript")
"""


@pytest.mark.slow
def test_the_answer_of_the_page_goes_on_after_a_reload(tmp_path: Path, window: Any) -> None:
    """Half of it before the reload, the other half after it, and nothing is produced twice."""
    [shown] = [s for s in snippets("js") if s.page == "docs/resumable.md"]
    (tmp_path / "snippet.py").write_text(PYTHON["docs/resumable.md:0"].text)
    (tmp_path / "snippet.js").write_text(
        shown.text.replace("console.log(", "((word) => (sessionStorage.words += ` ${word}`))(")
    )
    (tmp_path / "slow.py").write_text(SLOW.replace("SCRIPT", str(tmp_path / "snippet.js")))

    with serve_process("slow:app", "--app-dir", str(tmp_path)) as server:
        tab = window.tab(server.url)
        tab.until("sessionStorage.words?.includes('two')")
        assert "six" not in tab.run("sessionStorage.words")
        tab.call(tab.page.reload())
        tab.until("sessionStorage.words.includes('six')")

        # What came in the instant of the reload was shown as well.
        assert tab.run("sessionStorage.words").split()[1:] == WORDS
        assert tab.errors == []


def test_snippets_are_no_secret_language() -> None:
    """A block says what it is, so that it is coloured, and tested."""
    known = {"python", "console", "yaml", "js", "promql", "markdown", "text"}
    found = {
        (path.name, language)
        for path in (ROOT / "docs").rglob("*.md")
        for language in re.findall(
            r"^ *```+(\w*)\n(?:.*?)^ *```+$", path.read_text(), re.MULTILINE | re.DOTALL
        )
        if "examples" not in path.parts and "reference" not in path.parts
    }

    assert {(name, language) for name, language in found if language not in known} == set()


def test_the_modules_named_are_there() -> None:
    """`sse_observe.…` in a text is a module, or a name in one."""
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"`(sse_observe(?:\.\w+)+)[`(]", path.read_text()):
            assert _exists(name), f"{path.name}: {name}"


def _exists(name: str) -> bool:
    module, _, last = name.rpartition(".")
    try:
        found: ModuleType = importlib.import_module(module)
    except ImportError:
        return False
    return hasattr(found, last) or bool(importlib.util.find_spec(name))
