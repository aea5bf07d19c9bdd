"""The progress bar: for somebody who watches, and for nobody else."""

import pytest

from sse_observe.report.output.progress import progress_bar


def test_a_bar_is_shown_to_somebody_who_watches_and_to_nobody_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the queries are counted; a pipe gets none of it."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with progress_bar() as on_progress:
        on_progress(3, 10)
    assert capsys.readouterr().err == ""

    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar() as on_progress:
        on_progress(12, 10)
    assert "10/10" in capsys.readouterr().err
