"""BlackSheep's router is asked."""

import pytest

from tests.apps.framework_apps import TEMPLATES, blacksheep_app
from tests.support.route_label import route_label


@pytest.mark.parametrize(("path", "template"), TEMPLATES["blacksheep"].items())
def test_route_is_the_pattern_that_blacksheep_matched(metrics, path, template):
    """Each notation of a parameter, routers within routers, mounts and their routes."""
    assert route_label(metrics, blacksheep_app(), path) == template
