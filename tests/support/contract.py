"""
Names that a release may not break unnoticed, a line for each, compared with the last release's.

`python -m tests.support.contract` names each difference that the changelog does not name, and
fails. A release makes what is now the contract, with `--release VERSION`. Before the first one
there is nothing to keep: the file only has to be true, and `--render` writes it.
"""

import re
import sys
from collections.abc import Iterator

import msgspec

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Catalog
from sse_observe.catalog.series import RAW, series_in
from sse_observe.metrics import METRICS
from sse_observe.render.settings import AlertSettings, Settings
from tests.support.paths import ROOT
from tests.support.public_names import commands, javascript, python

SNAPSHOT = ROOT / "docs/reference/contract.txt"
CHANGELOG = ROOT / "CHANGELOG.md"
BREAKING = ("Renamed", "Removed", "Changed", "Breaking")
"""Headings under which the changelog names what is gone, or is no longer what it was."""

_UNRELEASED = re.compile(r"^## Unreleased\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^### (\w+)[^\n]*\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)


def lines() -> list[str]:
    """Return the contract as it is now, sorted."""
    catalog = load()
    return sorted(
        {
            *python(),
            *javascript(),
            *commands(),
            *_metrics(),
            *_bundle(catalog),
            *(f"setting {key}" for key in _settings(Settings())),
        }
    )


def _metrics() -> Iterator[str]:
    for metric in METRICS.values():
        yield f"metric {metric.name} {metric.kind}"
        for label, values in metric.labels.items():
            yield f"metric {metric.name}{{{label}}}"
            yield from (f'metric {metric.name}{{{label}="{value}"}}' for value in values)
        yield from (f'metric {metric.name}{{le="{bound:g}"}}' for bound in metric.buckets)


def _bundle(catalog: Catalog) -> Iterator[str]:
    for signal in catalog.signals:
        yield f"record {signal.record} {{{', '.join(signal.labels)}}}"
        for name in dict.fromkeys(series_in(signal.expr)):
            yield f"reads record {signal.record}: {_origin(name)}"
    for alert in catalog.alerts:
        yield f"alert {alert.name}"
        for name in dict.fromkeys((*alert.signals(), *alert.guard_signals())):
            yield f"reads alert {alert.name}: {name}"
    for board in catalog.boards:
        yield f"board sse-{board.name}"
        queries = (
            query.expr for row in board.rows for panel in row.panels for query in panel.queries
        )
        for name in sorted({name for expr in queries for name in series_in(expr)}):
            yield f"reads board sse-{board.name}: {_origin(name)}"


def _origin(series: str) -> str:
    """Return the metric of a raw series, or a record as it is."""
    return RAW[series].name if series in RAW else series


def _settings(part: msgspec.Struct, prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(part):
        key = f"{prefix}{field.encode_name}"
        yield key
        value = getattr(part, field.name)
        if key == "alerts":
            yield from _settings(AlertSettings(), "alerts.*.")
        elif isinstance(value, msgspec.Struct):
            yield from _settings(value, f"{key}.")


_NO_RELEASE = "# of no release yet"


def recorded() -> list[str]:
    """Return the contract of the last release; before the first one, as it was written last."""
    return [line for line in SNAPSHOT.read_text().splitlines() if not line.startswith("# ")]


def is_released() -> bool:
    """Tell whether somebody may rely on it already."""
    return not SNAPSHOT.read_text().startswith(_NO_RELEASE)


def unkept() -> list[str]:
    """Return a line for each way in which what is now breaks what is written."""
    before, now, changelog = recorded(), lines(), CHANGELOG.read_text()
    if is_released():
        return [*problems(before, now, changelog), *half_upgraded(before, now, changelog)]
    return [] if before == now else ["stale docs/reference/contract.txt; run: make render"]


def problems(before: list[str], now: list[str], changelog: str) -> list[str]:
    """Return a line for each difference that the changelog's coming release does not name."""
    text, broken = _coming(changelog)
    gone, new = ({*before} - {*now}, broken), ({*now} - {*before}, text)
    unnamed = (
        sorted(line for line in found if not line.startswith("reads ") and not _names(named, line))
        for found, named in (gone, new)
    )
    return [
        f"{wrong}: {line}"
        for wrong, found in zip(
            ("gone or changed, and under no heading of its own", "new, and not named"),
            unnamed,
            strict=True,
        )
        for line in found
    ]


def _coming(changelog: str) -> tuple[str, str]:
    """Return what the changelog says of the coming release, and of that what breaks."""
    unreleased = _UNRELEASED.search(changelog)
    text = unreleased[1] if unreleased else ""
    return text, "".join(body for head, body in _SECTION.findall(text) if head in BREAKING)


def half_upgraded(before: list[str], now: list[str], changelog: str) -> list[str]:
    """
    Return what is blind while one half is of the last release and the other of the coming one.

    Rules and boards of the one read what an exporter, or the rules, of the other write.
    """
    _, broken = _coming(changelog)
    found = []
    for readers, writers, age in ((before, now, "last"), (now, before, "coming")):
        written = {line.split()[1] for line in writers if line.startswith(("metric ", "record "))}
        kept = {" ".join(line.split()[:2]) for line in writers}
        for line in readers:
            if not line.startswith("reads "):
                continue
            reader, _, series = line.removeprefix("reads ").partition(": ")
            # What only the one release has is new, or named as gone.
            if reader in kept and series not in written and not _names(broken, f"metric {series}"):
                found.append(f"{reader} of the {age} release reads {series}")
    return found


def _names(text: str, line: str) -> bool:
    """Tell whether a text names what a line is about."""
    return any(re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text) for one in words(line))


def words(line: str) -> list[str]:
    """Return the words by which people call what a line is about: `--out`, `SSEMessageLoss`."""
    kind, _, rest = line.partition(" ")
    if kind == "cli":
        return re.findall(r"--[\w-]+", rest) or rest.split()[:1]
    if kind == "js":
        rest = re.sub(r"^(?:class|interface|type|function|const) ", "", rest).replace('"', "")
        return [
            re.sub(r"[?:(<= ].*", "", re.sub(r"\.(?:static )?readonly ", ".", rest)).rpartition(
                "."
            )[2]
        ]
    if kind == "python":
        inside = re.search(r"\((?:\d+: )?\**(\w+)", rest)
        return [inside[1] if inside else rest.split()[0].rpartition(".")[2]]
    # A new value may be called by itself.
    return [re.split(r"[ {]", rest)[0].rpartition(".")[2], *re.findall(r'(?<!le)="(.*)"', rest)]


def main() -> None:
    """Compare, or write."""
    match sys.argv[1:]:
        case ["--release", version]:
            _write(f"# sse-observe {version}")
        case ["--render"]:
            if not is_released():
                _write(_NO_RELEASE)
        case _:
            found = unkept()
            for problem in found:
                sys.stderr.write(f"contract: {problem}\n")
            if found and is_released():
                raise SystemExit(
                    "Name it in CHANGELOG.md under Unreleased; what is gone or changed under "
                    f"{', '.join(BREAKING)}."
                )
            sys.exit(bool(found))


def _write(head: str) -> None:
    SNAPSHOT.write_text("\n".join([head, *lines()]) + "\n")


if __name__ == "__main__":
    main()
