"""The page: one file, safe against whatever stands in metrics and logs, readable by everybody."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_observe.report.output.html import data, tag, text
from sse_observe.report.output.page import MOST_BYTES, page
from sse_observe.report.output.plots import Hues
from sse_observe.report.run import Findings, Order, carry_out
from sse_observe.report.units import said
from tests.support.programs import needs
from tests.support.report_source import NOW, FakePrometheus, Rows, stalled

HOSTILE = "/x</script><script>window.broken=1</script>\"'><img src=x onerror=window.broken=2>"
HOSTILE += "<a href='javascript:window.broken=3'>\u2028\u202e&lt;%{y}$x$"
STRANGE = ("\u202elive\u2066", "</script>", "__proto__", "constructor", "<!--", "$&", "{{route}}")
_LOG = f"2026-09-21T12:30:00Z ERROR app upstream prematurely closed {HOSTILE}\n"


class Outline(HTMLParser):
    """What a page is made of: its tags with their attributes, and its headings' levels."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name in names]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Return the findings of a source and a log that mean ill."""
    log = tmp_path_factory.mktemp("log") / "app.log"
    log.write_text(_LOG, encoding="utf-8")
    with FakePrometheus(stalled(HOSTILE)) as fake:
        # One board is enough to see; a page with all three is drawn where a real one is read.
        order = Order(prometheus=fake.url, logs=log, alert="SSEStreamsStalled")
        return carry_out(order, now=lambda: NOW)


@pytest.fixture(scope="module")
def strange() -> str:
    """Return the page about routes whose names mean something to somebody else."""
    rows: Rows = [({"route": name, "le": "1048576.0"}, 0.2) for name in STRANGE]
    with FakePrometheus([("ALERTS", []), ("", rows)]) as fake:
        order = Order(prometheus=fake.url, alert="SSEEventsOversized")
        return page(carry_out(order, now=lambda: NOW))


def drawn(html: str) -> list[dict[str, Any]]:
    """Return the figures of a page."""
    written = html.partition('id="figures">')[2].partition("</script>")[0]
    return list(json.loads(written)["figures"].values())


def looks(html: str) -> dict[str, set[tuple[str, str]]]:
    """Return how the lines of each of the strange routes look, over all plots."""
    found: dict[str, set[tuple[str, str]]] = {}
    for trace in (trace for figure in drawn(html) for trace in figure["data"]):
        name = unescape(trace.get("name", ""))
        if name in STRANGE or "\\u202e" in name:
            look = trace["line"]["color"], trace["line"].get("dash", "solid")
            found.setdefault(name, set()).add(look)
    return found


@pytest.fixture(scope="module")
def html(hostile: Findings) -> str:
    """Return its page."""
    return page(hostile)


@pytest.fixture(scope="module")
def outline(html: str) -> Outline:
    """Return what the page is made of."""
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


def test_the_page_is_one_file_of_bounded_size(html: str, outline: Outline) -> None:
    """It asks nobody for anything, and fits into an e-mail."""
    assert len(html.encode()) <= MOST_BYTES
    assert [one for one in outline.tags if {"src", "srcset"} & one[1].keys()] == []
    (policy,) = [str(m["content"]) for m in outline.named("meta") if m.get("http-equiv")]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_a_large_report_is_thinned_until_it_fits(
    hostile: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer points rather than a file that cannot be sent; and it says so."""
    whole = len(page(hostile).encode())
    monkeypatch.setattr("sse_observe.report.output.page.MOST_BYTES", whole - 1000)

    smaller = page(hostile)

    assert len(smaller.encode()) < whole - 1000
    assert "plots show only some of their points" in smaller


def test_headings_landmarks_and_tables_lead_a_screen_reader(outline: Outline) -> None:
    """No level is skipped, every section has a name, every plot words, every table a caption."""
    levels = [int(name[1]) for name, _ in outline.tags if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(outline.named(landmark)) == 1
    ids = [str(attributes["id"]) for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(section["aria-labelledby"] in ids for section in outline.named("section"))
    plots = [attributes for _, attributes in outline.tags if "data-figure" in attributes]
    assert len(plots) > 10
    assert all(plot["role"] == "img" and len(str(plot["aria-label"])) > 20 for plot in plots)
    tables = outline.named("table")
    assert len(tables) == len(outline.named("caption")) > 10
    assert all(head["scope"] in ("row", "col") for head in outline.named("th") if "scope" in head)
    targets = [str(link["href"])[1:] for link in outline.named("a") if str(link["href"])[:1] == "#"]
    assert set(targets) <= set(ids)


def test_names_that_mean_something_elsewhere_are_names_here(strange: str) -> None:
    """Each of them stands in the page as text, and no character that cannot be seen does."""
    scripts = Outline(strange).named("script")
    assert [script.get("type") for script in scripts] == ["application/json", None, None]
    body = strange.partition("<body>")[2].partition("<script>")[0]
    assert not set(body) & set("\u202e\u2066\x1b\x00")
    assert looks(strange).keys() == {"\\u202elive\\u2066", *STRANGE[1:]}


def test_a_route_has_one_colour_in_every_plot_and_no_other_has_it(strange: str) -> None:
    """However long their names are: a legend of equal colours says nothing."""
    (*several,) = looks(strange).values()
    assert {len(look) for look in several} == {1}
    assert len(set.union(*several)) == len(STRANGE)

    hues = Hues()
    asked = [hues.of("{{route}}", f"/{number}") for number in range(28)]
    assert len(set(asked)) == 28
    assert [hues.of("{{route}}", f"/{number}") for number in range(28)] == asked


def test_axes_say_0_2_and_not_200m(strange: str) -> None:
    """Half an event a second is not 500 thousandths of one; a megabyte is no power of ten."""
    for figure in drawn(strange):
        for axis in ("xaxis", "yaxis"):
            assert not figure["layout"].get(axis, {}).get("tickformat", "").endswith("s")
    assert "e+0" not in strange.partition("<body>")[2].partition("<script>")[0]


def test_tables_of_runbooks_scroll_on_a_narrow_screen(hostile: Findings) -> None:
    """A page that is wider than its screen cannot be read in the hand."""
    books = {"SSEErrorBudgetBurn": "# X\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"}
    html = page(replace(hostile, incident=replace(hostile.incident, runbooks=books)))

    assert re.search(r'<div class="scroll"[^>]*><table>\s*<thead>', html)
    assert html.count("<table>") == html.count('tabindex="0"><table>')


def test_what_is_missing_is_said(hostile: Findings) -> None:
    """A partial report says so before its first table."""
    from sse_observe.report.query.batch import Failure

    failed = (Failure("SSE / Stream Health: Bytes sent", "too <b>slow</b>"),)
    html = page(replace(hostile, incident=replace(hostile.incident, failures=failed)))

    front = html.partition("<main")[0]
    assert "This report is partial." in front
    assert "SSE / Stream Health: Bytes sent: too &lt;b&gt;slow&lt;/b&gt;" in front


@settings(max_examples=40)
@given(st.text())
def test_any_text_survives_as_text(words: str) -> None:
    """A reader of HTML gets back what was written, and nothing else is in it."""
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            seen.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert (tag, attrs) == ("p", [])

    reader = Reader()
    reader.feed(tag("p", words))
    reader.close()
    shown = "".join(seen)
    shown.encode()  # no lone surrogate is left
    if all(char.isprintable() or char in "\n\t" for char in words):
        assert shown == words


@settings(max_examples=40)
@given(st.text())
def test_no_text_ends_a_block_of_data(words: str) -> None:
    """A script's end tag in a label would end the script."""
    block = data({"name": words}, "figures")
    inside = block.removeprefix('<script type="application/json" id="figures">')

    assert not set(inside.removesuffix("</script>")) & set("<>&\u2028\u2029")
    assert block.isascii()


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.99871, "ratio", "99.87 %"),
        (-0.00001, "ratio", "0.00 %"),
        (0.0042, "seconds", "4.2 ms"),
        (7.5, "seconds", "7.50 s"),
        (5400.0, "seconds", "1h30m"),
        (1536.0, "bytes", "1.5 KiB"),
        (2_500_000.0, "short count", "2.5 M"),
        (12_345.0, "events/s", "12.3 k/s"),
        (0.0312, "operations/s", "0.0312/s"),
    ],
)
def test_numbers_are_said_with_their_unit(value: float, unit: str, words: str) -> None:
    """As many digits as count, and the unit that a person would say."""
    assert said(value, unit) == words


def test_what_cannot_be_seen_is_shown_by_its_code() -> None:
    """A mark that turns the direction of writing could make a line read as another."""
    assert text("a\u202eb\0") == "a\\u202eb\N{SYMBOL FOR NULL}"


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
    """Every plot is drawn, nothing is asked of the network, nothing hostile is run or followed."""
    place = tmp_path / "incident.html"
    place.write_text(html, encoding="utf-8")
    said: list[str] = []
    asked: list[str] = []

    with browser.window() as window:  # type: ignore[attr-defined]
        window.offline(True)
        tab = window.tab("about:blank")
        tab.on("console", lambda message: said.append(message.text))
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
        sizes = "[...document.querySelectorAll('.plot')].map((p) => p._fullLayout?.width ?? 0)"
        printed = tab.run(sizes)
        tab.run("dispatchEvent(new Event('afterprint'))")
        fits = "(p) => !p._fullLayout || Math.abs(p._fullLayout.width - p.clientWidth) < 2"
        back = tab.run(f"[...document.querySelectorAll('.plot')].every({fits})")

    assert said == []
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
