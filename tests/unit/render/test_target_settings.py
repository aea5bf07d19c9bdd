"""Settings of single targets: their defaults are those of the systems."""

import msgspec
import pytest

from sse_observe.render.settings import Settings
from sse_observe.render.target_settings import (
    Datadog,
    GrafanaAlerting,
    Mimir,
    Thanos,
    VictoriaMetrics,
)


def test_limits_of_mimir_are_its_own_defaults() -> None:
    """A tenant without limits of its own has these."""
    assert (Mimir().rules_per_group, Mimir().groups) == (20, 70)


@pytest.mark.parametrize("kind", [Datadog, GrafanaAlerting, Mimir, Thanos, VictoriaMetrics])
def test_each_is_a_part_of_the_settings(kind: type[msgspec.Struct]) -> None:
    """Whoever writes nothing gets what the class says."""
    parts = {type(part): part for part in msgspec.structs.astuple(Settings())}

    assert parts[kind] == kind()
