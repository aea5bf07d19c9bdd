"""Wrong settings, and the one line that each gets."""

from pathlib import Path

import pytest

from sse_observe.errors import SSEObserveError
from sse_observe.render.bundle import bundle
from tests.support.rendered import settings_file


def refusal(folder: Path, text: str, *targets: str) -> str:
    """Return the line that a settings file is refused with, without the file's name."""
    path = settings_file(folder, text)
    with pytest.raises(SSEObserveError) as caught:
        bundle(path, targets)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert "; " in message or "did you mean" in message
    return message.removeprefix(f"{path}: ")
