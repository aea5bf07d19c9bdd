"""Runbooks: for a tired person, with links that resolve and queries that can be copied."""

import re
from pathlib import Path

import pytest

from sse_observe.catalog.alert_pages import HEADINGS
from sse_observe.catalog.model import Alert
from sse_observe.render.bundle import catalogue
from sse_observe.render.runbooks import runbooks
from sse_observe.render.settings import Settings
from tests.support.rendered import FILES, files

TUNED, _ = catalogue(None)
# What stands after a query says how to read its answer: by a number, a name, or whether there is
# one. Nobody can see on one answer that something grew.
READABLE = re.compile(r"\d|`\w+`|[Aa]nswer|graph|alike|twice|One \w+:")
VAGUE = re.compile(
    r"\b(?:grew|rose|[Nn]ear zero|a few percent)\b|^ *(?:High|Low|As usual):", re.MULTILINE
)


@pytest.mark.parametrize("alert", TUNED.alerts, ids=lambda alert: alert.name)
def test_runbook_serves_a_tired_person(alert: Alert) -> None:
    """Facts, impact, first minutes and mitigation fit 60 lines; all headings follow in order."""
    page = runbooks(TUNED, Settings())[f"runbooks/{alert.name}.md"]
    plain = re.sub(r"^ *```.*?^ *```$", "", page, flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"^## (.+)$", plain, re.MULTILINE) == ["Alert", *HEADINGS]
    assert page.split("\n## Meaning")[0].count("\n") <= 60
    assert "<<" not in re.sub(r"```console.*?```", "", page, flags=re.DOTALL)


def test_every_link_between_runbooks_resolves() -> None:
    """Nobody lands on a page that does not exist."""
    for name, text in FILES.items():
        for target in re.findall(r"\]\((\w+\.md)\)", text):
            assert f"runbooks/{target}" in FILES, name


def test_selector_reaches_the_runbooks_queries(tmp_path: Path) -> None:
    """A query copied at night asks about the reader's own fleet; prose keeps its plain names."""
    page = files(tmp_path, "selector: 'env=\"x\"'\n")["runbooks/SSEObserverFaults.md"]

    assert 'increase(sse_observer_faults_total{env="x"}[15m])' in page
    assert "counted in `sse_observer_faults_total` and" in page


@pytest.mark.parametrize("alert", TUNED.alerts, ids=lambda alert: alert.name)
def test_each_query_is_followed_by_how_to_read_it(alert: Alert) -> None:
    """A number or a name decides, not a feeling for what is much."""
    page = runbooks(TUNED, Settings())[f"runbooks/{alert.name}.md"].split("\n## Impact\n")[1]
    steps = page.split("\n## First five minutes\n")[1].split("\n## Root-cause fix\n")[0]
    for after in re.split(r"```promql\n.*?```\n", steps, flags=re.DOTALL)[1:]:
        line = after.strip().split("\n")[0]
        assert not line or READABLE.search(line), line

    assert not VAGUE.search(steps), VAGUE.search(steps)
