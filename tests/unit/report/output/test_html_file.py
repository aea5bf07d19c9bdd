"""The HTML file: safe against whatever stands in metrics and logs, readable by everybody."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from sse_observe.report.output.html_file import MOST_BYTES, html_file
from sse_observe.report.output.report import Report
from sse_observe.report.query.batch import Failure
from tests.support.programs import needs
from tests.support.report_html import STRANGE, Outline, looks


@pytest.fixture(scope="module")
def outline(html: str) -> Outline:
    """Return the tags of the HTML."""
    return Outline(html)


def test_no_text_becomes_a_tag_or_an_attribute(html: str, outline: Outline) -> None:
    """Label values and log lines that hold HTML are shown, never obeyed."""
    scripts = outline.named("script")
    assert [script.get("type") for script in scripts] == ["application/json", None, None]
    assert outline.named("img", "iframe", "object", "link", "base", "form") == []
    handlers = [key for _, attributes in outline.tags for key in attributes if key[:2] == "on"]
    assert handlers == []
    links = {
        str(attributes.get("href")).split(":", maxsplit=1)[0] for attributes in outline.named("a")
    }
    assert {link for link in links if not link.startswith("#")} <= {"https", "http"}
    body = html.partition("<body>")[2].partition('<script type="application/json"')[0]
    assert "\\u202e" in body
    assert "\u202e" not in body
    assert "\u2028" not in body
    assert body.count("&lt;img src=x onerror=window.broken=2&gt;") > 5


def test_it_is_one_file_of_bounded_size(html: str, outline: Outline) -> None:
    """It asks nobody for anything, and fits into an e-mail."""
    assert len(html.encode()) <= MOST_BYTES
    assert [one for one in outline.tags if {"src", "srcset"} & one[1].keys()] == []
    (policy,) = [str(m["content"]) for m in outline.named("meta") if m.get("http-equiv")]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_a_large_report_is_thinned_until_it_fits(
    hostile: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer points rather than a file that cannot be sent; and it says so."""
    whole = len(html_file(hostile).encode())
    monkeypatch.setattr("sse_observe.report.output.html_file.MOST_BYTES", whole - 1000)

    smaller = html_file(hostile)

    assert len(smaller.encode()) < whole - 1000
    assert "charts show only some of their points" in smaller


def test_headings_landmarks_and_tables_lead_a_screen_reader(outline: Outline) -> None:
    """No level is skipped, every section has a name, every chart words, every table a caption."""
    levels = [int(name[1]) for name, _ in outline.tags if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(outline.named(landmark)) == 1
    ids = [str(attributes["id"]) for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(section["aria-labelledby"] in ids for section in outline.named("section"))
    charts = [attributes for _, attributes in outline.tags if "data-figure" in attributes]
    assert len(charts) > 10
    assert all(chart["role"] == "img" and len(str(chart["aria-label"])) > 20 for chart in charts)
    tables = outline.named("table")
    assert len(tables) == len(outline.named("caption")) > 10
    assert all(head["scope"] in ("row", "col") for head in outline.named("th") if "scope" in head)
    targets = [str(link["href"])[1:] for link in outline.named("a") if str(link["href"])[:1] == "#"]
    assert set(targets) <= set(ids)


def test_names_that_mean_something_elsewhere_are_names_here(strange: str) -> None:
    """Each of them stands in the file as text, and no character that cannot be seen does."""
    scripts = Outline(strange).named("script")
    assert [script.get("type") for script in scripts] == ["application/json", None, None]
    body = strange.partition("<body>")[2].partition("<script>")[0]
    assert not set(body) & set("\u202e\u2066\x1b\x00")
    assert looks(strange).keys() == {"\\u202elive\\u2066", *STRANGE[1:]}


def test_tables_of_runbooks_scroll_on_a_narrow_screen(hostile: Report) -> None:
    """A document that is wider than its screen cannot be read in the hand."""
    runbooks = {"SSEErrorBudgetBurn": "# X\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"}
    html = html_file(replace(hostile, incident=replace(hostile.incident, runbooks=runbooks)))

    assert re.search(r'<div class="scroll"[^>]*><table>\s*<thead>', html)
    assert html.count("<table>") == html.count('tabindex="0"><table>')


def test_missing_data_is_named_first(hostile: Report) -> None:
    """A partial report says so before its first table."""
    failed = (Failure("SSE / Stream Health: Bytes sent", "too <b>slow</b>"),)
    html = html_file(replace(hostile, incident=replace(hostile.incident, failures=failed)))

    front = html.partition("<main")[0]
    assert "This report is partial." in front
    assert "SSE / Stream Health: Bytes sent: too &lt;b&gt;slow&lt;/b&gt;" in front


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Return a headless Chromium."""
    from tests.support.chromium import Chromium

    chromium = Chromium(needs("chromium"))
    yield chromium
    chromium.close()


@pytest.mark.slow
def test_chromium_draws_it_offline_without_a_complaint(
    html: str, browser: object, tmp_path: Path
) -> None:
    """Every chart is drawn, nothing is asked of the network, nothing hostile is run or followed."""
    place = tmp_path / "incident.html"
    place.write_text(html, encoding="utf-8")
    complaints: list[str] = []
    asked: list[str] = []

    with browser.window() as window:  # type: ignore[attr-defined]
        window.offline(True)
        tab = window.tab("about:blank")
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("request", lambda request: asked.append(request.url))
        window.call(tab.page.goto(place.as_uri()))
        tab.until("document.documentElement.dataset.ready === 'yes'")
        tab.until("document.querySelectorAll('.js-plotly-plot').length > 0")
        tab.run("document.querySelectorAll('details.row').forEach((row) => { row.open = true; })")
        tab.run("dispatchEvent(new Event('beforeprint'))")
        waiting = "[...document.querySelectorAll('[data-figure]')].filter((p) => !p.dataset.drawn)"
        tab.until(f"{waiting}.length === 0", 60)
        drawn = tab.run("document.querySelectorAll('.js-plotly-plot .main-svg').length")
        names = tab.run("[...document.querySelectorAll('.legendtext')].map((n) => n.textContent)")
        wide = tab.run("document.documentElement.scrollWidth <= innerWidth")
        followed = tab.run("document.querySelectorAll('svg a').length")
        broken = tab.run("window.broken")
        sizes = "[...document.querySelectorAll('.chart')].map((p) => p._fullLayout?.width ?? 0)"
        printed = tab.run(sizes)
        tab.run("dispatchEvent(new Event('afterprint'))")
        fits = "(p) => !p._fullLayout || Math.abs(p._fullLayout.width - p.clientWidth) < 2"
        back = tab.run(f"[...document.querySelectorAll('.chart')].every({fits})")

    assert complaints == []
    assert tab.errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert drawn > 10
    # Two columns of a sheet, and the screen again.
    assert max(printed) == 314
    assert back
    assert broken is None
    assert followed == 0
    assert wide
    assert any("<img src=x onerror=window.broken=2>" in name for name in names)
