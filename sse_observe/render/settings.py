"""
A user's `sse-observe.yaml`: every number and name that may be tuned, read and judged.

Judges each key by itself; what depends on the catalogue (an alert's name, a threshold that can
never fire) is for `tuning` to say.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
import yaml

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Severity
from sse_observe.errors import SettingsError

FILE_NAME = "sse-observe.yaml"
"""What is read where no file is named."""

# Prometheus keeps 15 days unless it is told otherwise.
_DEFAULT_RETENTION_SECONDS = 15 * 86400.0
_MATCHER = r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:\\.|[^"\\\n])*")\s*'
_MATCHERS = re.compile(rf"{_MATCHER}(?:,{_MATCHER})*,?\s*")
_TARGET = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
_LABEL = re.compile(r"[a-zA-Z_]\w*")
_DURATIONS = {"scrape_interval", "rule_interval", "window", "for", "keep_firing_for"}
# Labels that the signals carry themselves, or that a rule sets.
_TAKEN = {
    *("job", "route", "instance", "le", "start", "reason", "outcome", "state", "event", "fault"),
    *("user_segment", "network_type", "seen_by", "message", "since", "limit", "status", "result"),
    *("where", "alertname", "severity", "long", "short"),
}


class Objectives(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What users were promised, as ratios, over one window."""

    window: str = "30d"
    completion: float = 0.995
    first_event: float = 0.95
    resume: float = 0.99


class WindowSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold_for": "for"}
):
    """One pair of windows of a burn-rate alert."""

    long: str
    short: str
    factor: float
    hold_for: str
    severity: Severity


class AlertSettings(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"hold_for": "for", "guards": "and"},
):
    """
    What a user changes about one alert; what is not given stays as the page says.

    `guards` are numbers of the page's `and:`, by the signal that they are compared with.
    """

    enabled: bool = True
    threshold: float | None = None
    hold_for: str | None = None
    keep_firing_for: str | None = None
    severity: Severity | None = None
    guards: dict[str, float] = {}
    windows: tuple[WindowSettings, ...] | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Provisioning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the Prometheus of `--provisioning` scrapes, as seen from its container."""

    job: str = "sse"
    targets: tuple[str, ...] = ("host.docker.internal:8000",)
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    labels: dict[str, str] = {}
    trace_url: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Everything that a user may tune, with the defaults that the committed bundle has.

    `time_scale` is for tests and drills only: it divides every duration of the rules.
    """

    scrape_interval: str = "15s"
    rule_interval: str = "30s"
    selector: str = ""
    group_by: tuple[str, ...] = ()
    runbook_url: str = "https://runbooks.example.invalid/sse"
    grafana_url: str = "https://grafana.example.invalid"
    objectives: Objectives = Objectives()
    alerts: dict[str, AlertSettings] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    extra_alerts: str | None = None
    provisioning: Provisioning = Provisioning()
    time_scale: float = 1.0

    @property
    def scrape_seconds(self) -> float:
        """Seconds between two scrapes: a fact about the world, which no time scale changes."""
        return seconds(self.scrape_interval)

    @property
    def rule_seconds(self) -> float:
        """Seconds between two evaluations of the rules, under the time scale."""
        return seconds(self.rule_interval) / self.time_scale

    @property
    def patient_seconds(self) -> float:
        """Seconds between two evaluations of patient signals, under the time scale."""
        # Half of what their rates look back, so that nothing falls between two; every longer
        # window is a multiple, and as much of it is counted at any instant.
        return max(self.rule_seconds, 150 / self.time_scale)

    def runbook(self, alert: str) -> str:
        """Return the address of an alert's runbook."""
        return f"{self.runbook_url}/{alert}.md"

    def warnings(self) -> list[str]:
        """Return what works and yet deserves a second look, one line each."""
        found = []
        default = Settings()
        if default.runbook_url == self.runbook_url or default.grafana_url == self.grafana_url:
            found.append(
                f"links in alerts lead nowhere yet: set runbook_url and grafana_url in {FILE_NAME}"
            )
        if seconds(self.objectives.window) / self.time_scale > _DEFAULT_RETENTION_SECONDS:
            found.append(
                f"the error budget looks back {self.objectives.window}: start Prometheus with "
                f"--storage.tsdb.retention.time={self.objectives.window} or more (default 15d)"
            )
        return found


def load_settings(path: Path | None) -> Settings:
    """
    Return the settings of a file; without a path `./sse-observe.yaml` if it exists, else defaults.

    SettingsError is one line: file, key, value, what is wrong, the remedy.
    """
    if path is None:
        path = Path(FILE_NAME)
        if not path.exists():
            return Settings()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"{path}: {reason}; --settings takes a YAML file") from None
    try:
        given = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise SettingsError(
            f"{path}: {where}{getattr(error, 'problem', None) or 'not readable'}; correct the YAML"
        ) from None
    try:
        settings = msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {_printable(_explain(str(error), given))}") from None
    for fault in _faults(settings):
        raise SettingsError(f"{path}: {_printable(fault)}")
    if settings.extra_alerts is not None:
        # A folder named in a file is meant from where the file lies.
        folder = str(path.parent / settings.extra_alerts)
        settings = msgspec.structs.replace(settings, extra_alerts=folder)
    return msgspec.structs.replace(
        settings,
        runbook_url=settings.runbook_url.rstrip("/"),
        grafana_url=settings.grafana_url.rstrip("/"),
        selector=_normal(settings.selector),
    )


def _explain(message: str, given: Any) -> str:
    """Turn msgspec's sentence into `key: value: what is wrong; remedy`."""
    what, _, where = message.partition(" - at ")
    keys = re.findall(r"[^.\[\]`$]+|\.\.\.", where)
    value = given
    for at, key in enumerate(keys):
        if key == "...":
            # msgspec does not say which entry of a mapping is meant: the first refused alone.
            keys[at] = _refused(value, keys[at - 1])
        value = value[int(key)] if isinstance(value, list) else value.get(keys[at])
        if not isinstance(value, dict | list):
            break
    unknown = re.search(r"unknown field `(.*)`", what)
    if unknown:
        wrong = unknown[1]
        near = get_close_matches(wrong, _fields(keys), n=1)
        remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(_fields(keys))}"
        return f"{'.'.join([*keys, wrong])}: no such key; {remedy}"
    name = ".".join(keys)
    shown = "" if value is None or isinstance(value, dict | list) else f"{value!r}: "
    expected = re.search(r"xpected `([^`]*)`, got `([^`]*)`", what)
    said = f"expected {_plain(expected[1])}, got {_plain(expected[2])}" if expected else what
    remedy = "correct it or leave it out"
    if keys[-1:] == ["severity"]:
        said, remedy = "no such severity", f"choose from {', '.join(get_args(Severity))}"
    elif keys[-1:] and keys[-1] in _DURATIONS:
        remedy = "write a duration like 90s or 5m"
    return f"{name + ': ' if name else ''}{shown}{said}; {remedy}"


def _printable(text: str) -> str:
    """Keep one line one line, whatever a key holds."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _refused(entries: Mapping[str, Any], key: str) -> str:
    """Return the name of the first entry of a mapping that is not valid under its key."""
    kind: Any = {"alerts": AlertSettings, "and": float}.get(key, str)
    for name, entry in entries.items():
        try:
            msgspec.convert(entry, kind)
        except msgspec.ValidationError:
            return str(name)
    return "…"


def _plain(kind: str) -> str:
    """Say a type as a YAML writer would."""
    words = {"str": "text", "object": "a mapping", "array": "a list", "bool": "true or false"}
    kinds = [part.strip() for part in kind.split("|")]
    spoken = [words.get(part, "a number" if part in ("float", "int") else part) for part in kinds]
    return " or ".join(dict.fromkeys(word for word in spoken if word != "null")) or "nothing"


def _fields(keys: list[str]) -> list[str]:
    """Return the keys that may stand at a path."""
    kind: Any = Settings
    if keys[:1] == ["objectives"]:
        kind = Objectives
    elif keys[:1] == ["provisioning"]:
        kind = Provisioning
    elif keys[:1] == ["alerts"]:
        kind = WindowSettings if "windows" in keys else AlertSettings
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _faults(settings: Settings) -> Iterator[str]:
    """Yield what is of the right type and yet wrong."""
    yield from _duration("scrape_interval", settings.scrape_interval)
    yield from _duration("rule_interval", settings.rule_interval)
    yield from _duration("objectives.window", settings.objectives.window)
    if settings.selector and not _MATCHERS.fullmatch(settings.selector.strip().strip("{}")):
        yield (
            f"selector: {settings.selector!r}: no PromQL matchers; "
            """write them like env="production", cluster=~"eu-.*\""""
        )
    for label in settings.group_by:
        if not _LABEL.fullmatch(label) or label.startswith("__") or label in _TAKEN:
            yield f"group_by: {label!r}: no label of yours; name one such as cluster or namespace"
    for key in ("runbook_url", "grafana_url"):
        yield from _url(key, getattr(settings, key))
    for name in ("completion", "first_event", "resume"):
        value = getattr(settings.objectives, name)
        if not 0 < value < 1:
            yield (
                f"objectives.{name}: {value:g}: an objective is a ratio between 0 and 1; "
                "write 0.995 for 99.5 %"
            )
    if not settings.time_scale >= 1:
        yield f"time_scale: {settings.time_scale:g}: time is only ever shortened; write 1 or more"
    yield from _words("", settings.labels, settings.annotations)
    for name, alert in settings.alerts.items():
        yield from _alert_faults(f"alerts.{name}.", alert)
    yield from _provisioning_faults(settings.provisioning)


def _alert_faults(prefix: str, alert: AlertSettings) -> Iterator[str]:
    if alert.hold_for is not None:
        yield from _duration(f"{prefix}for", alert.hold_for)
    if alert.keep_firing_for is not None:
        yield from _duration(f"{prefix}keep_firing_for", alert.keep_firing_for)
    for number, window in enumerate(alert.windows or ()):
        for key, value in (
            ("long", window.long),
            ("short", window.short),
            ("for", window.hold_for),
        ):
            yield from _duration(f"{prefix}windows.{number}.{key}", value)
        if not window.factor > 0:
            yield (
                f"{prefix}windows.{number}.factor: {window.factor:g}: a burn rate is above 0; "
                "1 spends the budget exactly over its window"
            )
    yield from _words(prefix, alert.labels, alert.annotations)


def _provisioning_faults(given: Provisioning) -> Iterator[str]:
    if not given.job.strip():
        yield "provisioning.job: '': no name; write the one that your service has, such as chat"
    if not re.fullmatch(r"/[^\s?#]*", given.metrics_path):
        yield f"provisioning.metrics_path: {given.metrics_path!r}: no path; write it like /metrics"
    if not given.targets:
        yield 'provisioning.targets: []: nothing to scrape; write ["chat:8000"]'
    for target in given.targets:
        if not _TARGET.fullmatch(target):
            yield f"provisioning.targets: {target!r}: no host with a port; write it like chat:8000"
    if given.trace_url:
        yield from _url("provisioning.trace_url", given.trace_url)
        if "{trace_id}" not in given.trace_url:
            yield (
                f"provisioning.trace_url: {given.trace_url!r}: no {{trace_id}} in it; "
                "write it like https://traces.example.com/trace/{trace_id}"
            )
    for name in given.labels:
        if not _LABEL.fullmatch(name) or name.startswith("__") or name in _TAKEN:
            yield f"provisioning.labels: {name!r}: no label of yours; name one such as env"


def _duration(key: str, text: str) -> Iterator[str]:
    try:
        seconds(text)
    except ValueError as error:
        yield f"{key}: {error}"


def _url(key: str, text: str) -> Iterator[str]:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or any(char.isspace() for char in text) or "{{" in text:
        yield f"{key}: {text!r}: no web address; write it like https://grafana.example.com"


def _words(prefix: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Iterator[str]:
    for key, words in (("labels", labels), ("annotations", annotations)):
        for name in words:
            if not _LABEL.fullmatch(name) or name.startswith("__"):
                yield f"{prefix}{key}: {name!r}: no label name; use letters, digits and _"
            elif key == "labels" and name in _TAKEN:
                yield (
                    f"{prefix}labels: {name!r}: the rules set this label themselves; "
                    "choose another name"
                    + (" or the key severity" if prefix and name == "severity" else "")
                )


def matchers(selector: str) -> list[tuple[str, str, str]]:
    """Return label, operator and value of each matcher of a selector."""
    found = re.finditer(_MATCHER, selector.strip().strip("{}"))
    return [(label, how, json.loads(value)) for label, how, value in (m.groups() for m in found)]


def _normal(selector: str) -> str:
    """Write matchers the one way: `a="b", c=~"d"`."""
    found = re.finditer(_MATCHER, selector.strip().strip("{}"))
    return ", ".join("".join(matcher.groups()) for matcher in found)
