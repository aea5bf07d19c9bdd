"""Settings of single targets that have the right type and are wrong: one line each."""

from pathlib import Path

import pytest

from tests.support.settings import refusal

WRONG = {
    "mimir: {address: mimir}": "mimir.address: 'mimir': no web address; write it like https://",
    "mimir: {tenant: 'a b'}": "mimir.tenant: 'a b': no tenant; write it like team-a",
    "mimir: {tenant: ''}": "mimir.tenant: '': no tenant",
    "mimir: {groups: 0}": "mimir.groups: 0: a limit is above 0",
    "mimir: {rules_per_group: -1}": "mimir.rules_per_group: -1: a limit is above 0",
    "grafana_alerting: {datasource_uid: 'a/b'}": "grafana_alerting.datasource_uid: 'a/b': no uid",
    "grafana_alerting: {folder: ' '}": "grafana_alerting.folder: '': no name",
    "datadog: {endpoint: localhost}": "datadog.endpoint: 'localhost': no web address",
    "datadog: {service: Chat!}": "datadog.service: 'Chat!': no tag",
    "thanos: {partial_response: maybe}": "thanos.partial_response: 'maybe'",
    "mimir: {tenants: a}": "mimir.tenants: no such key; did you mean tenant?",
}


@pytest.mark.parametrize("text", WRONG, ids=str)
def test_wrong_value_is_one_line(text: str, tmp_path: Path) -> None:
    """Key, value, what to write instead."""
    assert WRONG[text] in refusal(tmp_path, text)
