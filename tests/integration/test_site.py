"""The documentation as a site: built strictly, opened in a browser, walked by strangers."""

import functools
import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest

from sse_observe.render.settings import FILE_NAME
from tests.support.paths import ROOT
from tests.support.snippets import snippets

pytestmark = pytest.mark.slow

TELEPHONE = {"width": 390, "height": 844}
SECONDS = 120


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does, without a network."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    dead = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    env = {**os.environ, **dead, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=SECONDS)
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site."""
    handler = functools.partial(Silent, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Links(HTMLParser):
    """The links of one page, and what they may lead to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = {""}
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what may be followed."""
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag in ("a", "link", "script", "img"):
            self.found.append(given.get("href") or given.get("src") or "")


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """To a file of the site, and to a heading that is there."""
    pages = {path: Links(path) for path in site.rglob("*.html") if path.name != "404.html"}

    broken = [
        f"{path.relative_to(site)}: {link}"
        for path, links in pages.items()
        for link in links.found
        if not link.startswith(("http:", "https:", "mailto:", "data:"))
        if not _leads(path, link, pages)
    ]

    assert len(pages) > 80
    assert broken == []


def _leads(path: Path, link: str, pages: dict[Path, Links]) -> bool:
    name, _, heading = unquote(link).partition("#")
    target = (path.parent / name).resolve() if name else path
    target = target / "index.html" if target.is_dir() else target
    return target.is_file() and (target not in pages or heading in pages[target].ids)


@pytest.mark.long
def test_every_page_opens_without_an_error_and_fits_a_telephone(
    site: Path, address: str, window: Any
) -> None:
    """Nothing in the console, nothing from another place, and nothing to be scrolled sideways."""
    tab = window.tab("about:blank")
    tab.call(tab.page.set_viewport_size(TELEPHONE))
    # What is searched is the same on every page, and to read it takes as long as the page.
    index = json.loads((site / "search/search_index.json").read_text())
    index["docs"] = index["docs"][:1]

    async def searched(route: Any) -> None:
        await route.fulfill(json=index)

    tab.call(tab.page.route("**/search_index.json", searched))
    complaints: list[str] = []
    tab.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    tab.on(
        "request",
        lambda asked: None if asked.url.startswith(address) else complaints.append(asked.url),
    )
    wide: dict[str, int] = {}

    for path in sorted(site.rglob("*.html")):
        page = path.relative_to(site).as_posix()
        tab.call(tab.page.goto(f"{address}/{page}"))
        width = tab.run("document.documentElement.scrollWidth")
        if width > TELEPHONE["width"]:
            wide[page] = width

    assert [*complaints, *tab.errors] == []
    assert wide == {}


def test_the_arithmetic_of_completion_follows_its_numbers(address: str, window: Any) -> None:
    """The reader's own numbers, and the sentence that stands there without a script."""
    tab = window.tab(f"{address}/completion.html")
    output = "document.querySelector('output').textContent"
    as_written = tab.run(output)
    tab.call(tab.page.fill("[name=cancelled]", "34"))
    assert tab.run(output) == as_written
    tab.call(tab.page.fill("[name=completed]", "830"))

    assert tab.run(output).endswith("= 110 lost; completion 88.3 %")
    assert tab.errors == []


def test_the_search_finds_an_alert(address: str, window: Any) -> None:
    """Whoever is on call types its name."""
    tab = window.tab(address)
    tab.call(tab.page.click("input[name=query]"))
    tab.call(tab.page.keyboard.type("SSEIdleTimeoutCliff"))

    tab.until("!!document.querySelector('.md-search-result__link[href*=SSEIdleTimeoutCliff]')")


def test_llms_txt_maps_the_pages(site: Path) -> None:
    """A program that reads finds every page with a sentence about it."""
    text = (site / "llms.txt").read_text()
    entries = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): .+\.$", text, re.MULTILINE)

    assert len(entries) > 70
    assert all((site / page).exists() for page in entries)


_TEXT = (ROOT / "docs/tasks.md").read_text()
TASKS = dict(re.findall(r"^## (.*?)$(.*?)(?=^## |\Z)", _TEXT, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("task", TASKS)
def test_a_stranger_gets_there_by_links_alone(task: str, site: Path) -> None:
    """Each step of the path is a link on the page before, on the site that was built."""
    [path] = [line for line in TASKS[task].splitlines() if "→" in line]
    steps = [urljoin("docs/tasks.md", link) for link in re.findall(r"\]\(([^)]+)\)", path)]
    pages = [site / _address(step) for step in steps]

    assert steps[0] == "README.md"
    for here, there in pairwise(pages):
        targets = {(here.parent / link).resolve() for link in Links(here).found}
        assert there.resolve() in targets, f"{here.name} does not lead to {there.name}"


def _address(source: str) -> str:
    """Return where a page of the repository is on the site."""
    page = source.removeprefix("docs/").removesuffix(".md") + ".html"
    return page.replace("README.html", "index.html")


@pytest.mark.parametrize("task", TASKS)
def test_the_commands_of_a_task_run(task: str, tmp_path: Path) -> None:
    """In an empty folder, with the settings that the page shows."""
    shown = next(s.text for s in snippets("yaml") if s.name == "docs/settings.md:0")
    (tmp_path / FILE_NAME).write_text(shown)
    ours = re.findall(r"`(sse-observe [^`]*)`", TASKS[task])

    for command in ours:
        words = [sys.executable, "-m", "sse_observe", *shlex.split(command)[1:]]
        subprocess.run(words, cwd=tmp_path, check=True, timeout=SECONDS, capture_output=True)
    if "threshold" in task:
        rules = (tmp_path / "monitoring/alerts/sse-alerts.yaml").read_text()
        [rule] = re.findall(r"- alert: SSEHighReconnectLatency\n.*?for: \w+", rules, re.DOTALL)
        assert "> 0.1" in rule
        assert rule.endswith("for: 15m")
    if "Mimir" in task:
        assert (tmp_path / "monitoring/mimir/sse-observe.yaml").exists()
