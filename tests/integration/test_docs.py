"""The documents are true: snippets run, tables are current, commands and names exist."""

import asyncio
import inspect
import re
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sse_observe.cli.extras import commands
from sse_observe.render.settings import FILE_NAME
from sse_observe.render.settings_file import load_settings
from tests.support import examples
from tests.support.documents import BLOCKS, written
from tests.support.paths import ROOT
from tests.support.raw_server import RawServer, chunked, serving
from tests.support.servers import RawClient, serve_process

README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("document", BLOCKS)
def test_generated_tables_are_as_their_sources_have_them(document: str) -> None:
    """A metric, alert or dashboard that a document lacks fails here; `make render` adds it."""
    assert written(document) == (ROOT / document).read_text(), "run: make render"


def test_the_readme_names_the_two_commands_that_do_all_the_set_up() -> None:
    """A stranger finds `make demo` and `make test`, and both exist."""
    makefile = (ROOT / "Makefile").read_text()

    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_local_link_of_the_readme_leads_somewhere(link: str) -> None:
    """A reader who clicks finds a file."""
    assert (ROOT / link).exists()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "DESIGN.md"])
def test_every_path_that_a_document_names_exists(name: str) -> None:
    """A path in a document that moved away sends a newcomer nowhere."""
    text = (ROOT / name).read_text()
    named = re.findall(r"`((?:sse_observe|tests|dashboards|alerts|runbooks)/[\w./-]*)`", text)

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_decision_keeps_its_form_and_is_short() -> None:
    """Context, decision, price, in 120 words at most; the numbers go on without a gap."""
    design = (ROOT / "DESIGN.md").read_text()
    decisions = re.findall(r"^### (\d+)\. .*\n\n((?:.+\n)+)", design, re.MULTILINE)

    assert [int(number) for number, _ in decisions] == list(range(1, len(decisions) + 1))
    assert len(decisions) == design.count("\n### ")
    for number, text in decisions:
        parts = re.findall(r"^\*(\w+)\.\*", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Price"], number
        assert len(text.split()) <= 120, number


def test_every_option_of_the_commands_is_in_their_help() -> None:
    """Whoever asks for help sees each command with one line of its own."""
    command = [sys.executable, "-m", "sse_observe", "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert commands()
    for name in commands():
        function = getattr(import_module(f"sse_observe.cli.{name}"), name)
        summary = inspect.getdoc(function).splitlines()[0]
        assert re.search(
            rf"^  {name.replace('_', '-')} +{re.escape(summary)}$", shown, re.MULTILINE
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "path", "route"),
    [(0, "/chat/7", "/chat/{chat_id}"), (1, "/ticks", "/ticks"), (2, "/api/v1/stream", None)],
    ids=["fastapi", "starlette", "asgi"],
)
def test_the_snippets_of_the_readme_run(
    number: int, path: str, route: str | None, tmp_path: Path
) -> None:
    """Whoever pastes the one line into a service gets streams, and finds them counted."""
    assert len(SNIPPETS) == 5
    (tmp_path / "snippet.py").write_text(SNIPPETS[number])

    with serve_process("snippet:app", "--app-dir", str(tmp_path)) as server:
        with RawClient(f"{server.url}{path}") as client:
            client.until_end()
        assert client.status == 200
        assert client.payloads
        if route is not None:
            closed = f'reason="completed",route="{route}",user_segment="all"}} 1.0'
            deadline = time.monotonic() + 60
            # The client has the last byte a moment before the application has returned.
            while closed not in requests.get(f"{server.url}/metrics", timeout=60).text:
                assert time.monotonic() < deadline, "it was never counted"
                time.sleep(0.05)


@pytest.mark.slow
def test_the_readmes_client_reads_an_answer_and_tells_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever pastes it sees each word, and the server's own words where it fails."""
    client: dict[str, Any] = {}
    exec(SNIPPETS[3], client)  # noqa: S102 - it is ours
    failure = b'event: error\ndata: {"type":"busy","message":"Later."}\n\n'

    async def main() -> None:
        scripts = (chunked(b"data: Hi\n\n"), chunked(b"data: H\n\n", failure))
        async with serving(RawServer(*scripts)) as url:
            for _ in scripts:
                await client["show"](url, "?")

    asyncio.run(main())

    assert capsys.readouterr().out == "Hi\nH\nfailed: error_event busy Later.\n"


@pytest.mark.slow
def test_the_answer_of_the_readme_is_read_again(tmp_path: Path) -> None:
    """The lines about resumable answers: begun by POST, read again by the name in hello."""
    (tmp_path / "snippet.py").write_text(SNIPPETS[4])
    wish = {"Accept": "text/event-stream;resumable=1"}

    with serve_process("snippet:app", "--app-dir", str(tmp_path)) as server:
        url = f"{server.url}/v1/chat/completions"
        bare = requests.post(url, json={}, timeout=60).text
        begun = requests.post(url, json={}, headers=wish, timeout=60).text
        name = re.search(r'"stream": ?"([^"]+)"', begun)
        assert name is not None, begun
        stream = f"{server.url}/v1/streams/{name[1]}"
        again = requests.get(stream, timeout=60).text
        assert requests.delete(stream, timeout=60).status_code == 200

    words = ("whatever", "your", "model", "says")
    assert bare == again == "".join(f"data: {word}\n\n" for word in words)


def test_the_settings_of_the_readme_are_accepted(tmp_path: Path) -> None:
    """The keys that the README shows exist, and take the values that it shows."""
    (shown,) = [text for text in YAML if "runbook_url" in text]
    path = tmp_path / "sse-observe.yaml"
    path.write_text(shown)

    settings = load_settings(path)

    assert settings.objectives.completion == 0.999
    assert settings.group_by == ("cluster",)
    assert set(yaml.safe_load(shown)["alerts"]) == set(settings.alerts)


def test_the_examples_are_as_the_targets_render_them() -> None:
    """One of each target stands in the repository, byte for byte; `make render` writes them."""
    there = {
        path.relative_to(examples.FOLDER).as_posix(): path.read_text()
        for path in examples.FOLDER.rglob("*")
        if path.is_file() and path != examples.FOLDER / FILE_NAME
    }

    assert there == examples.targets(), "run: make render"
