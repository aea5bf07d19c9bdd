"""The bundle as the Thanos ruler takes it: a rule file that says what happens in a gap."""

import msgspec

from sse_observe.render.rule_document import rule_groups, yaml_text
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill

FOLDER = "thanos"
FILES = ("sse-observe.yaml", "README.md")


def rules(rendering: Rendering) -> dict[str, str]:
    """Return the rule file, and how to load it, by path."""
    strategy = rendering.settings.thanos.partial_response
    groups = [
        # Beside the interval, before the rules, where a reader looks for it.
        {
            "name": group.name,
            "interval": group.interval,
            "partial_response_strategy": strategy,
            "rules": msgspec.to_builtins(group.rules),
        }
        for group in rule_groups(rendering)
    ]
    return {
        f"{FOLDER}/sse-observe.yaml": yaml_text({"groups": groups}),
        f"{FOLDER}/README.md": fill(f"{FOLDER}/README.md.j2", settings=rendering.settings),
    }


TARGET = Target(folders={FOLDER: FILES}, render=rules)
