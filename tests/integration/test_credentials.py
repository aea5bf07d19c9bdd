"""No output of any command shows the credentials that it was given."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

import pytest
import requests
import typer

from sse_observe.catalog.load import load
from sse_observe.cli.app import app
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from tests.support.command import SSE_OBSERVE, sse_observe_here
from tests.support.json_api import JSONAPI
from tests.support.servers import serve

pytestmark = pytest.mark.slow

SECRET = "s3cret"
_HERE = "http://127.0.0.1:1/stream"
# What a command needs beside the URL to come as far as asking.
BESIDE = {
    ("drill", "--prometheus"): ["freeze", "--alertmanager", "http://127.0.0.1:1"],
    ("drill", "--alertmanager"): ["freeze", "--prometheus", "http://127.0.0.1:1"],
    ("report", "--prometheus"): [],
    ("boards", "--prometheus"): [],
    ("check", "url"): [],
    ("check", "--via"): [_HERE],
    ("check", "--origin"): [_HERE],
    ("check", "--metrics"): [_HERE],
    ("check", "--prometheus"): [_HERE, "--production"],
    ("check", "--grafana"): [_HERE, "--production"],
}
URLS = [
    f"http://me:{SECRET}@127.0.0.1:1",
    f"http://me:{SECRET}@no-such-host.invalid/x",
    f"http://me:{SECRET}@h:port",
    f"http://me:{SECRET}",
    f"me:{SECRET}@h",
    f"http://me:{SECRET}@h/a b",
    f"http://h/?token={SECRET}",
    f"ftp://me:{SECRET}@h",
]
REACHABLE = (URLS[0], URLS[1], URLS[6])
"""Those that are good, so that what is asked can fail."""
SERVES = "boards"
"""It asks when somebody looks, and goes on."""


class Option(NamedTuple):
    """An option that takes a URL."""

    command: str
    name: str


def url_options() -> Iterator[Option]:
    """Return every option of every command whose value is a URL."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        for option in command.params:
            if (option.metavar or "") == "URL":
                yield Option(name, option.opts[0])


def test_every_option_that_takes_a_url_is_tried() -> None:
    """A new one is listed above with what it needs."""
    assert set(url_options()) == set(BESIDE)


@pytest.mark.parametrize("option", sorted(BESIDE))
def test_no_failure_shows_a_password(option: Option, tmp_path: Path) -> None:
    """Nobody there, no such host, no URL at all: nothing is said of what may be a secret."""
    command, name = option
    for url in URLS:
        if command == SERVES and url in REACHABLE:
            continue
        given = [url] if name == "url" else [name, url]
        ran = sse_observe_here(command, *BESIDE[option], *given, cwd=tmp_path)

        assert ran.returncode in (1, 2), url
        assert "Traceback" not in ran.stderr
        assert SECRET not in ran.stdout + ran.stderr, url


@pytest.mark.parametrize("url", REACHABLE)
def test_no_live_board_shows_a_password(url: str) -> None:
    """Neither its first line, nor what the browser gets of a Prometheus that is away."""
    command = [*SSE_OBSERVE, SERVES, "--prometheus", url]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            live = f"{line.split()[3]}/d/sse-stream-health/live.json"
            answer = requests.get(live, timeout=30).text
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=20)
        finally:
            process.kill()

    assert answer
    assert SECRET not in line + answer + out + errors


@pytest.mark.parametrize("url", URLS)
def test_no_target_of_a_prober_shows_a_password(url: str, tmp_path: Path) -> None:
    """Neither what is wrong with its URL, nor that it stands there twice, which names it."""
    target = {"url": url, "module": "feed"}
    for targets in ([target], [target, target]):
        file = tmp_path / "probe.yaml"
        file.write_text(json.dumps({"modules": {"feed": {}}, "targets": targets}))
        ran = sse_observe_here("probe", "--config", file, "--check-config", cwd=tmp_path)

        assert (ran.returncode == 0) == (len(targets) == 1 and url in REACHABLE), ran.stderr
        assert "Traceback" not in ran.stderr
        assert SECRET not in ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["--prometheus", "--grafana"])
@pytest.mark.parametrize("url", REACHABLE)
def test_no_checklist_shows_a_password(name: str, url: str, tmp_path: Path) -> None:
    """Where the stream works, the Prometheus and the Grafana beside it are asked, in vain."""
    rules = [
        {"name": alert.name, "type": "alerting", "health": "ok"}
        for alert in tune(load(), Settings(), "test").alerts
    ]
    loaded = {"/api/v1/rules": {"data": {"groups": [{"rules": rules}]}}}
    with JSONAPI(loaded) as prometheus, serve(brief) as stream:
        around = {"--prometheus": prometheus.url, name: url}
        options = [word for pair in around.items() for word in pair]
        ran = sse_observe_here(
            "check", stream, "--production", "--timeout", "2", *options, cwd=tmp_path
        )

    [point] = [line for line in ran.stdout.splitlines() if "Alert rules configured" in line]
    assert point.startswith("- [ ]"), point
    assert "Traceback" not in ran.stderr
    assert SECRET not in ran.stdout + ran.stderr


async def brief(scope: Any, receive: Any, send: Any) -> None:
    """Serve a stream of one event."""
    kind = (b"content-type", b"text/event-stream")
    await send({"type": "http.response.start", "status": 200, "headers": [kind]})
    await send({"type": "http.response.body", "body": b"data: a\n\nevent: done\ndata: x\n\n"})


class Asking:
    """A server that wants credentials, and takes a name and a password or a token."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("authorization")
                asked.append(given)
                found: dict[str, object] = {"resultType": "vector", "result": [], "groups": []}
                body = json.dumps({"status": "success", "data": found}).encode()
                self.send_response(200 if given else 401)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: Any) -> None:
                """Keep the terminal clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def asking() -> Iterator[Asking]:
    """Ask for credentials until the test ends."""
    server = Asking()
    yield server
    server.close()


@pytest.mark.parametrize("command", ["drill", "report"])
@pytest.mark.parametrize("way", ["in the URL", "as a header", "not at all"])
def test_all_commands_sign_in_alike(command: str, way: str, asking: Asking, tmp_path: Path) -> None:
    """By a name and a password in the URL, or by --header; without, the line says how."""
    at = f"me:{SECRET}@" if way == "in the URL" else ""
    header = ["--header", f"Authorization: Bearer {SECRET}"] if way == "as a header" else []

    ran = sse_observe_here(
        command,
        *BESIDE[command, "--prometheus"],
        *("--prometheus", f"http://{at}{asking.host}", *header),
        cwd=tmp_path,
    )

    assert SECRET not in ran.stdout + ran.stderr
    assert asking.host in ran.stderr
    if way == "not at all":
        assert "it wants credentials; add --header" in ran.stderr
    else:
        assert "credentials" not in ran.stderr
        kind = "Basic " if way == "in the URL" else "Bearer "
        assert asking.asked
        assert all((given or "").startswith(kind) for given in asking.asked)
