"""
The bundle as Mimir takes it, Grafana Cloud's Prometheus too: one namespace of rule groups.

Amazon Managed Service for Prometheus takes the same file.
"""

from sse_observe.errors import SettingsError
from sse_observe.render.rule_document import rule_groups, yaml_text
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill

FOLDER = "mimir"
NAMESPACE = "sse-observe"
"""Named by the file, as `mimirtool` does where the file itself says nothing."""

FILES = (f"{NAMESPACE}.yaml", "README.md")
# Of one file: Amazon's limit.
_MOST_BYTES = 1_000_000


def namespace(rendering: Rendering) -> dict[str, str]:
    """
    Return the file of rules, and how to load it, by path.

    SettingsError where the ruler's limits, as the settings give them, would refuse it.
    """
    given = rendering.settings.mimir
    groups = rule_groups(rendering)
    where = f"{rendering.source}: mimir"
    if len(groups) > given.groups:
        raise SettingsError(
            f"{where}.groups: {given.groups}: the bundle has {len(groups)} groups; raise "
            "ruler_max_rule_groups_per_tenant of this tenant, and this number with it"
        )
    for group in groups:
        if len(group.rules) > given.rules_per_group:
            raise SettingsError(
                f"{where}.rules_per_group: {given.rules_per_group}: {group.name} has "
                f"{len(group.rules)} rules; raise ruler_max_rules_per_rule_group of this tenant, "
                "and this number with it"
            )
    text = yaml_text({"groups": groups})
    if len(text.encode()) > _MOST_BYTES:
        raise SettingsError(
            f"{rendering.source}: labels and annotations: the rules take {len(text.encode())} "
            f"bytes, and Amazon takes {_MOST_BYTES}; make them shorter"
        )
    return {
        f"{FOLDER}/{NAMESPACE}.yaml": text,
        f"{FOLDER}/README.md": fill(
            f"{FOLDER}/README.md.j2", settings=rendering.settings, namespace=NAMESPACE
        ),
    }


TARGET = Target(folders={FOLDER: FILES}, render=namespace)
