"""Alert pages: facts and prose are read from them, and a wrong one is refused."""

from pathlib import Path

import pytest

from sse_observe.catalog.alert_pages import read_page
from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert, Comparison
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.errors import CatalogError

GOOD = """---
when: route:sse_x:ratio > 0.05
and:
  - route:sse_y:increase10m >= 20
for: 10m
severity: warning
dashboard: stream-health
summary: Something is slow
description: 'slow on {{ $labels.route }}'
---
## Impact

Users wait.
"""


def page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "SSESlow.md"
    path.write_text(text)
    return path


def test_page_is_its_facts_and_its_prose(tmp_path: Path) -> None:
    """The stem names the alert; the front matter reads like a sentence."""
    alert = read_page(page(tmp_path, GOOD), "pages/SSESlow.md")

    assert alert.name == "SSESlow"
    assert (alert.signal, alert.compare, alert.threshold) == ("route:sse_x:ratio", ">", 0.05)
    assert alert.guards == (
        Comparison(signal="route:sse_y:increase10m", compare=">=", threshold=20),
    )
    assert (alert.hold_for, alert.keep_firing_for) == ("10m", None)
    assert alert.prose.startswith("## Impact\n")


@pytest.mark.parametrize("threshold", ["objective.completion", "budget.resume"])
def test_threshold_may_be_an_objective_of_the_settings(tmp_path: Path, threshold: str) -> None:
    """A page names the objective; the settings know its number."""
    alert = read_page(page(tmp_path, GOOD.replace("> 0.05", f"> {threshold}")), "p.md")

    assert alert.threshold == threshold


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("---\nwhen", "when", "no front matter"),
        ("severity: warning", "severity: ]", "line 6: "),
        ("for: 10m", "for: soon", "for: 'soon' is no duration"),
        ("for: 10m\n", "", "for: '' is no duration"),
        ("for: 10m", "fro: 10m", "contains unknown field `fro`"),
        ("severity: warning", "severity: high", "severity: Invalid enum value 'high'"),
        ("summary: Something is slow\n", "", "missing required field `summary`"),
        ("> 0.05", "is 0.05", "no comparison; write `signal > number`"),
        ("> 0.05", "=> 0.05", "no comparison"),
        ("> 0.05", "> much", "'much' is no number"),
        (">= 20", ">= few", "and: 'few' is no number"),
        ("for: 10m", "for: 10m\nwindows: []\nkeep_firing_for: x", "keep_firing_for: 'x' is no"),
        ("summary: Something is slow", "summary: 2026-99-99", "put it in quotes"),
        ("summary: Something is slow", f"summary: {'[' * 2000}", "nested too deeply"),
        (
            "for: 10m",
            "windows: [{long: 1h, short: 5m, factor: 2, for: 2m, severity: info}]",
            "`when` names {window}",
        ),
    ],
)
def test_wrong_page_is_refused_with_its_path_and_key(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """A mistake in a page stops the render with a line that names it."""
    with pytest.raises(CatalogError) as caught:
        read_page(page(tmp_path, GOOD.replace(old, new)), "pages/SSESlow.md")

    assert all(line.startswith("pages/SSESlow.md: ") for line in str(caught.value).splitlines())
    assert problem in str(caught.value)


def test_a_page_that_is_no_text_is_refused_with_its_path(tmp_path: Path) -> None:
    """An editor's other encoding is named, and nothing is guessed."""
    path = page(tmp_path, GOOD)
    path.write_bytes(path.read_bytes() + b"\xff")

    with pytest.raises(CatalogError, match=r"^p\.md: it is no UTF-8 text"):
        read_page(path, "p.md")


def test_all_problems_of_a_page_are_listed_together(tmp_path: Path) -> None:
    """A page is mended at once, not one error at a time."""
    text = GOOD.replace("> 0.05", "> much").replace("for: 10m", "for: soon")

    with pytest.raises(CatalogError) as caught:
        read_page(page(tmp_path, text), "p.md")

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("alert", load().alerts, ids=lambda alert: alert.name)
def test_alert_that_judges_a_share_has_a_minimum(alert: Alert) -> None:
    """One failure of two is 50 %: a share alone never fires."""
    signal = {s.record: s for s in SIGNALS}[alert.signals()[0]]
    # The fullest process against its limit is no share of events.
    if signal.unit == "ratio" and alert.name != "SSEStreamSaturation":
        assert alert.guards
