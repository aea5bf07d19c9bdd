"""The line in every rendered file."""

from sse_observe.render.banner import MARK, banner


def test_nobody_is_sent_to_a_file_that_they_do_not_have() -> None:
    """Whoever installed the package changes the settings; their own page is theirs to change."""
    ours, users = banner("sse_observe/catalog/alerts/X.md"), banner("pages/MyAlert.md")

    assert ours.startswith(f"{MARK} from its own catalog/alerts/X.md: change sse-observe.yaml")
    assert "change pages/MyAlert.md" not in ours
    assert users.startswith(f"{MARK} from pages/MyAlert.md: change that or sse-observe.yaml")
