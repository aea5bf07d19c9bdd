"""
The client module inside applications: built by the bundlers that people use, run in a browser.

Each application is what a team writes: the module copied beside its own code, and no option that
names a bundler.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release.archives import npm_package
from sse_observe import SSEMetrics
from sse_observe.beacon.client_module import NAME
from tests.apps.site import counting, site
from tests.support.npm import FOLDER, needs_package
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.site_tab import served, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

CLIENT = ROOT / "sse_observe" / "client"
MAIN = """
import { ResilientEventSource } from "./sse-observe.js";
const source = new ResilientEventSource("/api/v1/stream", { reportEvery: 500 });
const shown = document.body.dataset;
source.onmessage = ({ data }) => (shown.text = (shown.text ?? "") + data);
"""
PAGE = """
"use client";
import { useEffect, useState } from "react";
import { ResilientEventSource } from "./sse-observe.js";
export default function Page() {
  const [text, show] = useState("");
  useEffect(() => {
    const source = new ResilientEventSource("/api/v1/stream", { reportEvery: 500 });
    const shown = document.body.dataset;
    source.onmessage = ({ data }) => (shown.text = (shown.text ?? "") + data);
    source.addEventListener("sse.status", ({ status }) => show(status));
    return () => source.close();
  }, []);
  return <p>{text}</p>;
}
"""
LAYOUT = "export default ({ children }) => <html><body>{children}</body></html>;"
HTML = '<!doctype html><title>app</title><body><script type="module" src="%s"></script>'
KINDS = {".html": b"text/html", ".js": b"text/javascript", ".css": b"text/css"}


def node(app: Path, *arguments: object) -> None:
    """Run a program of npm in the application's folder."""
    ran = subprocess.run(
        [needs("node"), *map(str, arguments)],
        cwd=app,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "CI": "1", "NEXT_TELEMETRY_DISABLED": "1"},
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]


def webpack(app: Path) -> Path:
    """Build by webpack's defaults for production."""
    package = needs_package("webpack")
    (app / "build.cjs").write_text(f"""
const webpack = require({json.dumps(str(package))});
const output = {{ path: {json.dumps(str(app / "out"))} }};
const all = {{ mode: "production", context: __dirname, entry: "./src/main.js", output }};
webpack(all, (error, done) => {{
  if (error || done.hasErrors()) throw error ?? new Error(done.toString());
}});
""")
    node(app, app / "build.cjs")
    (app / "out" / "index.html").write_text(HTML % "/main.js")
    return app / "out"


def vite(app: Path) -> Path:
    """Build by Vite's defaults for production."""
    (app / "index.html").write_text(HTML % "/src/main.js")
    program = needs_package("vite") / "bin" / "vite.js"
    node(app, program, "build", "--outDir", "out", "--logLevel", "error")
    return app / "out"


def esbuild(app: Path) -> Path:
    """Build by esbuild's defaults: a script that is no module."""
    program = needs_package("esbuild") / "bin" / "esbuild"
    bundle = ("--bundle", "--minify", "--log-level=error", "--outfile=out/main.js")
    subprocess.run([str(program), "src/main.js", *bundle], cwd=app, check=True, timeout=300)
    (app / "out" / "index.html").write_text('<!doctype html><body><script src="/main.js"></script>')
    return app / "out"


def nextjs(app: Path) -> Path:
    """Build by `next build`, as files."""
    program = needs_package("next") / "dist" / "bin" / "next"
    for package in ("react", "react-dom"):
        needs_package(package)
    shutil.copytree(app / "src", app / "app")
    shutil.rmtree(app / "src")
    (app / "app" / "main.js").unlink()
    (app / "app" / "page.js").write_text(PAGE)
    (app / "app" / "layout.js").write_text(LAYOUT)
    (app / "node_modules").symlink_to(FOLDER)
    # The packages lie outside of the application here.
    root = json.dumps(os.path.commonpath([app, FOLDER]))
    (app / "next.config.mjs").write_text(
        f'export default {{ output: "export", turbopack: {{ root: {root} }} }};'
    )
    node(app, program, "build")
    return app / "out"


def unpacked(folder: Path) -> None:
    """Put the npm package where `npm install` puts it."""
    needs("npm")
    archive = npm_package(ROOT, folder / "packed")
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    home = folder / "node_modules" / "sse-observe"
    home.parent.mkdir()
    (folder / "package").rename(home)


def installed(app: Path) -> Path:
    """Build by Vite, the client installed from npm and imported by its name."""
    unpacked(app)
    main = app / "src" / "main.js"
    main.write_text(main.read_text().replace(f"./{NAME}", "sse-observe"))
    (app / "src" / NAME).unlink()
    return vite(app)


def plain(app: Path) -> Path:
    """Build nothing: HTML that imports the small file of the npm package by its path."""
    unpacked(app)
    script = (app / "src" / "main.js").read_text()
    script = script.replace(f"./{NAME}", "/node_modules/sse-observe/sse-observe.min.js")
    (app / "index.html").write_text(
        f'<!doctype html><title>app</title><body><script type="module">{script}</script>'
    )
    return app


BUILDS = [webpack, vite, esbuild, nextjs, installed, plain]


def files(folder: Path) -> Any:
    """Return an ASGI application that serves a folder."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = folder / scope["path"].lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        status, body = (200, path.read_bytes()) if path.is_file() else (404, b"")
        kind = KINDS.get(path.suffix, b"application/octet-stream")
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.parametrize("build", BUILDS, ids=lambda b: b.__name__)
def test_an_application_streams_and_reports(
    build: Callable[[Path], Path], window: Any, metrics: SSEMetrics, tmp_path: Path
) -> None:
    """It builds as it is, shows each event once, throws nothing, and its report is accepted."""
    source = tmp_path / "src"
    source.mkdir()
    shutil.copy(CLIENT / NAME, source)
    (source / "main.js").write_text(MAIN)
    (tmp_path / "package.json").write_text('{ "private": true }')
    built = files(build(tmp_path))

    def reports() -> float | None:
        wanted = {"result": "accepted"}
        return metrics.registry.get_sample_value("sse_client_reports_total", wanted)

    with served(site(counting(5, 0.01), metrics, more={"/": built})) as proxy:
        tab = window.tab(proxy.url)
        tab.until("document.body.dataset.text === '01234'")
        wait_for(lambda: bool(reports()), lambda: tab.errors)

    assert tab.errors == []
