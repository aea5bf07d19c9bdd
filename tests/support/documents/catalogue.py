"""Tables of what the catalogue holds and of the user's keys."""

import json
from collections.abc import Iterator

import msgspec

from sse_observe.catalog.load import load
from sse_observe.render.settings import AlertSettings, Settings
from sse_observe.render.settings_example import WORDS
from tests.support.documents.tables import table


def signals() -> str:
    """Return every recorded series, by topic: unit, labels, pace and meaning."""
    found = load().signals
    parts: list[str] = []
    for topic in dict.fromkeys(signal.topic for signal in found):
        rows = (
            (
                f"`{signal.record}`",
                signal.unit,
                " ".join(f"`{label}`" for label in signal.labels),
                "150 s" if signal.interval == "slow" else "30 s",
                signal.help,
            )
            for signal in found
            if signal.topic == topic
        )
        head = ("Signal", "Unit", "Labels", "Every", "Meaning")
        parts += ["", f"## {topic.capitalize()}", "", table(head, rows)]
    return "\n".join((*parts, ""))


def settings() -> str:
    """Return every key with its default, then the keys that one alert takes."""
    of_alert = (
        (f"`alerts.<AlertName>.{field.encode_name}`", _default(field.default), _ALERT[field.name])
        for field in msgspec.structs.fields(AlertSettings)
    )
    head = ("Key", "Default", "Meaning")
    whole = table(head, _keys("", Settings()))
    return "\n".join((whole, "", "## Of one alert", "", table(head, of_alert), ""))


def _keys(prefix: str, part: msgspec.Struct) -> Iterator[tuple[str, str, str]]:
    for field in msgspec.structs.fields(part):
        key, value = f"{prefix}{field.encode_name}", getattr(part, field.name)
        if isinstance(value, msgspec.Struct):
            yield f"`{key}`", "", WORDS[key]
            yield from _keys(f"{key}.", value)
        else:
            # What each alert has by default stands with the alerts.
            words = WORDS[key].partition(" Without any")[0]
            yield f"`{key}`", _default(value), words.replace("<", "&lt;")


def _default(value: object) -> str:
    """Return a default as YAML has it; a dash where there is none."""
    if value is None or value is msgspec.NODEFAULT:
        return "–"
    return f"`{json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}`"


_ALERT = {
    "enabled": "`false` takes the alert out of the rules.",
    "threshold": "The number that its signal is compared with, in the signal's unit.",
    "hold_for": "How long it must be true before it fires, such as `10m`.",
    "keep_firing_for": "How long it goes on firing after it is no longer true.",
    "severity": "`critical`, `warning` or `info`.",
    "guards": "Least numbers: signal to number, as the alert's own page names them.",
    "windows": "Of a burn-rate alert: `long`, `short`, `factor`, `for`, `severity` of each pair.",
    "labels": "Labels of this alert alone.",
    "annotations": "Annotations of this alert alone; they replace ours of the same name.",
}
