"""A company's own names for severities, wherever somebody or something reads them."""

from pathlib import Path

import pytest
import yaml

from tests.support.rendered import files, rules
from tests.support.settings import refusal

OWN = "severities: {critical: P1, warning: ticket, info: nobody}\n"


def test_every_alert_carries_the_companys_name(tmp_path: Path) -> None:
    """Also those of the burn rate, each pair of windows with its own."""
    rendered = files(tmp_path, OWN)
    found = {rule["labels"]["severity"] for rule in rules(rendered) if "alert" in rule}

    assert found == {"P1", "ticket", "nobody"}
    assert "| P1, ticket |" in rendered["runbooks/README.md"]
    assert "| P1 | 1h | 5m |" in rendered["runbooks/SSEErrorBudgetBurn.md"]
    assert "P1. Fires when" in rendered["runbooks/SSEMessageLoss.md"]


def test_alertmanager_routes_by_the_same_names(tmp_path: Path) -> None:
    """Each has its receiver, and what wakes somebody holds back what does not."""
    example = yaml.safe_load(files(tmp_path, OWN)["alerts/sse-alertmanager.yml"])
    routes = {route["matchers"][1]: route["receiver"] for route in example["route"]["routes"]}
    held = [rule for rule in example["inhibit_rules"] if 'severity="P1"' in rule["source_matchers"]]

    assert routes == {
        'severity="P1"': "sse-page",
        'severity="ticket"': "sse-tickets",
        'severity="nobody"': "sse-notes",
    }
    assert [rule["target_matchers"][1] for rule in held] == ['severity="ticket"']


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("severities: {critical: ''}", "severities.critical: '': no name; write it like page"),
        ("severities: {info: 'a\"b'}", "severities.info: 'a\"b': no name"),
        ("severities: {fatal: P1}", "severities.fatal: no such key; known are critical, warning"),
    ],
)
def test_a_name_that_is_none_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    """The key, the value, the remedy."""
    assert words in refusal(tmp_path, text + "\n")
