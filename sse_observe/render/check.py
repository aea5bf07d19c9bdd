"""A folder compared with its rendering: missing, stale and orphaned files."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from sse_observe.render.bundle import DEFAULT, bundle, changes_in, orphans


@dataclass(frozen=True)
class Differences:
    """Differences by kind; `diff` is a unified diff from the folder to the rendering."""

    missing: tuple[str, ...]
    stale: tuple[str, ...]
    orphans: tuple[str, ...]
    """Files of ours that the rendering no longer has; `cure` removes them."""

    forgotten: tuple[str, ...]
    """Targets that some of the orphans came from."""

    diff: str
    cure: str
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many files differ."""
        return len(self.missing) + len(self.stale) + len(self.orphans)

    def lines(self) -> list[str]:
        """Return a line for each file that differs, and the command that mends all of them."""
        named = [
            f"{word} {name}"
            for word, names in (
                ("missing", self.missing),
                ("stale", self.stale),
                ("orphan", self.orphans),
            )
            for name in names
        ]
        if not named:
            return []
        files = "1 file differs" if self.count == 1 else f"{self.count} files differ"
        return [*named, f"{files}; run: {self.cure}{self._removes()}"]

    def _removes(self) -> str:
        """Say what the cure deletes, and how it is kept: somebody may have left out an option."""
        if not self.orphans:
            return ""
        kept = " ".join(f"--target {name}" for name in self.forgotten)
        keep = f"; to keep them add {kept}" if kept else ""
        return f" (this removes each orphan{keep})"


def check(out: Path, settings_file: Path | None, targets: Collection[str] = ()) -> Differences:
    """Compare a folder with what would be rendered; writes nothing."""
    rendered = bundle(settings_file, targets, out)
    missing: list[str] = []
    stale: list[str] = []
    diff: list[str] = []
    for name, text in rendered.files.items():
        try:
            there = (out / name).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            missing.append(name)
            continue
        if there != text:
            stale.append(name)
            diff += unified_diff(
                there.splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"{out / name}",
                f"{name} as rendered",
            )
    options = "".join(
        [
            f" --out {out}" if out != Path() else "",
            f" --settings {settings_file}" if settings_file else "",
            *(f" --target {name}" for name in targets),
        ]
    )
    gone = orphans(rendered.files, out)
    return Differences(
        missing=tuple(missing),
        stale=tuple(stale),
        orphans=tuple(gone),
        forgotten=tuple(sorted({*gone.values()} - {DEFAULT, *targets})),
        diff="".join(line if line.endswith("\n") else f"{line}\n" for line in diff),
        cure=f"sse-observe render{options}",
        warnings=(*rendered.warnings, *changes_in(out, rendered.files)),
    )
