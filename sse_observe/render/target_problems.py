"""
Problems of single targets' settings: each key judged by itself, one line for each.

What depends on the rules (a limit that they exceed) is for the target.
"""

import re
from collections.abc import Iterator

from sse_observe.render.target_settings import Datadog, GrafanaAlerting, Mimir
from sse_observe.render.urls import url_problems

# Mimir's: it becomes a folder of its object store.
_TENANT = re.compile(r"[\w.*'()!-]{1,150}", re.ASCII)
# Datadog's.
_TAG = re.compile(r"[a-z][a-z0-9_./-]{0,99}")
# Grafana's.
_UID = re.compile(r"[\w-]{1,40}", re.ASCII)


def mimir_problems(given: Mimir) -> Iterator[str]:
    """Yield each value of `mimir` that has the right type and is wrong."""
    yield from url_problems("mimir.address", given.address)
    if not _TENANT.fullmatch(given.tenant):
        yield f"mimir.tenant: {given.tenant!r}: no tenant; write it like team-a"
    for key in ("rules_per_group", "groups"):
        value = getattr(given, key)
        if value < 1:
            yield f"mimir.{key}: {value}: a limit is above 0; write that of your tenant"


def grafana_alerting_problems(given: GrafanaAlerting) -> Iterator[str]:
    """Yield each value of `grafana_alerting` that has the right type and is wrong."""
    if not _UID.fullmatch(given.datasource_uid):
        yield (
            f"grafana_alerting.datasource_uid: {given.datasource_uid!r}: no uid; copy it from the "
            "address of the data source's page"
        )
    if not given.folder.strip():
        yield "grafana_alerting.folder: '': no name; write one such as SSE"


def datadog_problems(given: Datadog) -> Iterator[str]:
    """Yield each value of `datadog` that has the right type and is wrong."""
    yield from url_problems("datadog.endpoint", given.endpoint)
    if not _TAG.fullmatch(given.service):
        yield f"datadog.service: {given.service!r}: no tag; write small letters, digits, _ - . /"
