"""The file that `--out` names: checked before anything is asked, written whole or not at all."""

import contextlib
import os
from pathlib import Path

from sse_observe.errors import ReportError


def check_path(path: Path, option: str = "--out") -> None:
    """Refuse a path that cannot be written to, before minutes are spent on asking."""
    try:
        reason = _obstacle(path)
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise ReportError(f"{option} {path}: {reason}; name a file, such as incident.html")


def _obstacle(path: Path) -> str:
    folder = path.resolve().parent
    if path.is_dir():
        return "is a folder"
    if path.exists() and not path.is_file():
        return "is not a regular file"
    if not folder.is_dir():
        return f"there is no folder {path.parent}"
    return "" if os.access(folder, os.W_OK) else f"the folder {path.parent} is not writable"


def write(path: Path, text: str, option: str = "--out") -> None:
    """Write a file at once: the old one stays until the new one is whole."""
    # The target of a link is written, the link is kept.
    target = path.resolve()
    draft = target.with_name(f".{os.getpid()}.draft")
    try:
        # Where others may write too, one may have laid a link there to a file of ours.
        draft.unlink(missing_ok=True)
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        draft.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        reason = error.strerror or error
        raise ReportError(f"{option} {path}: {reason}; choose another path") from None
