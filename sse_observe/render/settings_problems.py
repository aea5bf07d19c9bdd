"""
Problems of settings: each key judged by itself, one line for each: key, value, remedy.

What depends on the catalogue (an alert's name, a threshold that can never fire) is for `tuning`.
"""

import re
from collections.abc import Iterator, Mapping

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.promql import matchers
from sse_observe.catalog.regex import regex_problem
from sse_observe.render.selection import TAKEN
from sse_observe.render.settings import (
    ENOUGH,
    LONGEST_INTERVAL,
    OBJECTIVES,
    AlertSettings,
    Kubernetes,
    Objectives,
    Probes,
    Provisioning,
    Settings,
)
from sse_observe.render.target_problems import (
    datadog_problems,
    grafana_alerting_problems,
    mimir_problems,
)
from sse_observe.render.target_settings import Drain
from sse_observe.render.urls import url_problems

# Above a year a Prometheus would rather be asked for a report.
SHORTEST_BUDGET, LONGEST_BUDGET = seconds("1h"), seconds("2y")
# Nobody waits for a day until a pod has stopped.
_LONGEST_DRAIN = 86_400
_TARGET = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
_LABEL = re.compile(r"[a-zA-Z_]\w*")
_DNS_NAME = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
# At most fifteen characters, of which one is a letter.
_PORT_NAME = r"(?=[^a-z]*[a-z])[a-z0-9](?:[-a-z0-9]{0,13}[a-z0-9])?"
_WORD = r"[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?"
_KUBERNETES_KEY = re.compile(rf"(?:{_DNS_NAME}(?:\.{_DNS_NAME})*/)?{_WORD}", re.ASCII)


def problems(settings: Settings) -> Iterator[str]:
    """Yield each value that has the right type and is wrong."""
    yield from _interval("scrape_interval", settings.scrape_interval)
    if settings.rule_interval is not None:
        yield from _interval("rule_interval", settings.rule_interval)
        yield from _uneven(settings)
    yield from _retention_problems(settings)
    if settings.selector and matchers(settings.selector) is None:
        yield (
            f"selector: {settings.selector!r}: no PromQL matchers; "
            """write them like env="production", cluster=~"eu-.*\""""
        )
    for matcher in matchers(settings.selector) or ():
        if "~" in matcher.operator and (reason := regex_problem(matcher.value)):
            yield f"selector: {matcher}: {reason}"
    for label in settings.group_by:
        if not _is_free(label):
            yield (
                f"group_by: {label!r}: not a label of your own; "
                "write one such as cluster or namespace"
            )
    for key in ("runbook_url", "grafana_url"):
        yield from url_problems(key, getattr(settings, key))
    yield from _objective_problems(settings.objectives)
    yield from settings.severities.problems()
    if not settings.time_scale >= 1:
        yield f"time_scale: {settings.time_scale:g}: time can only be shortened; write 1 or more"
    yield from _word_problems("", settings.labels, settings.annotations)
    for name, alert in settings.alerts.items():
        yield from _alert_problems(f"alerts.{name}.", alert)
    yield from _kubernetes_problems(settings.kubernetes)
    yield from _drain_problems(settings.drain)
    yield from _provisioning_problems(settings.provisioning)
    yield from _probe_problems(settings.probes)
    yield from mimir_problems(settings.mimir)
    yield from grafana_alerting_problems(settings.grafana_alerting)
    yield from datadog_problems(settings.datadog)


def _retention_problems(settings: Settings) -> Iterator[str]:
    window, kept = settings.objectives.window, settings.retention
    wrong = [*_duration("objectives.window", window), *_duration("retention", kept or "1d")]
    yield from wrong
    if wrong:
        return
    if not SHORTEST_BUDGET <= seconds(window) <= LONGEST_BUDGET:
        yield (
            f"objectives.window: {window}: an error budget is one of days or months; "
            "write it like 30d"
        )
    if kept and seconds(window) > seconds(kept):
        yield (
            f"objectives.window: {window}: the data is kept for {kept} alone (retention); "
            "keep it longer, or make the window shorter"
        )


def _objective_problems(objectives: Objectives) -> Iterator[str]:
    usual = Objectives().completion
    for name in OBJECTIVES:
        value = objectives.ratio(name)
        if not 0 < value < 1:
            yield (
                f"objectives.{name}: {value:g}: an objective is a ratio between 0 and 1; "
                f"write {usual:g} for {100 * usual:g} %"
            )


def _alert_problems(prefix: str, alert: AlertSettings) -> Iterator[str]:
    if alert.hold_for is not None:
        yield from _duration(f"{prefix}for", alert.hold_for)
    if alert.keep_firing_for is not None:
        yield from _duration(f"{prefix}keep_firing_for", alert.keep_firing_for)
    for number, window in enumerate(alert.windows or ()):
        key = f"{prefix}windows.{number}"
        yield from _duration(f"{key}.long", window.long)
        yield from _duration(f"{key}.short", window.short)
        yield from _duration(f"{key}.for", window.hold_for)
        if not window.factor > 0:
            yield (
                f"{key}.factor: {window.factor:g}: a burn rate is above 0; "
                "1 spends the budget exactly over its window"
            )
    yield from _word_problems(prefix, alert.labels, alert.annotations)


def _probe_problems(given: Probes) -> Iterator[str]:
    if given.prober and not _TARGET.fullmatch(given.prober):
        yield f"probes.prober: {given.prober!r}: no address; write host:port, such as prober:9470"
    if given.targets and not given.prober:
        yield "probes.targets: nobody would ask them; give probes.prober, such as prober:9470"
    yield from _duration("probes.interval", given.interval)
    yield from _duration("probes.timeout", given.timeout)


def _kubernetes_problems(given: Kubernetes) -> Iterator[str]:
    for key in ("namespace", "scraped_namespace"):
        if (space := getattr(given, key)) and not re.fullmatch(_DNS_NAME, space):
            yield f"kubernetes.{key}: {space!r}: no namespace; write it like monitoring"
    for key in ("labels", "annotations", "selector"):
        for name, value in getattr(given, key).items():
            if not _KUBERNETES_KEY.fullmatch(name):
                yield f"kubernetes.{key}: {name!r}: no key of Kubernetes; write it like release"
            elif key != "annotations" and value and not re.fullmatch(_WORD, value, re.ASCII):
                yield (
                    f"kubernetes.{key}.{name}: {value!r}: no value of a label in Kubernetes; "
                    "use at most 63 letters, digits, - . and _"
                )
    if not re.fullmatch(_PORT_NAME, given.port):
        yield f"kubernetes.port: {given.port!r}: no name of a port; write it like http"
    yield from _path("kubernetes.metrics_path", given.metrics_path)


def _drain_problems(given: Drain) -> Iterator[str]:
    if not re.fullmatch(_DNS_NAME, given.container):
        yield f"drain.container: {given.container!r}: no name of a container; write it like app"
    if not re.fullmatch(_PORT_NAME, given.port):
        yield f"drain.port: {given.port!r}: no name of a port; write it like http"
    if not 0 < given.seconds <= _LONGEST_DRAIN:
        yield (
            f"drain.seconds: {given.seconds:g}: no time to wait for; write seconds above 0, at "
            f"most {_LONGEST_DRAIN}"
        )
    if not re.fullmatch(r"/[\w./-]+", given.file, re.ASCII):
        # A shell reads it.
        yield f"drain.file: {given.file!r}: no plain path; write it like /tmp/sse-drain"
    yield from _path("drain.readiness", given.readiness)


def _provisioning_problems(given: Provisioning) -> Iterator[str]:
    if not given.job.strip():
        yield "provisioning.job: '': no name; write that of your service, such as chat"
    yield from _path("provisioning.metrics_path", given.metrics_path)
    if not given.targets:
        yield 'provisioning.targets: []: nothing to scrape; write ["chat:8000"]'
    for target in given.targets:
        if not _TARGET.fullmatch(target):
            yield f"provisioning.targets: {target!r}: no host with a port; write it like chat:8000"
    if given.trace_url:
        yield from url_problems("provisioning.trace_url", given.trace_url)
        if "{trace_id}" not in given.trace_url:
            yield (
                f"provisioning.trace_url: {given.trace_url!r}: no {{trace_id}} in it; "
                "write it like https://traces.example.com/trace/{trace_id}"
            )
    for name in given.labels:
        if not _is_free(name):
            yield f"provisioning.labels: {name!r}: not a label of your own; write one such as env"


def _path(key: str, text: str) -> Iterator[str]:
    if not re.fullmatch(r"/[^\s?#]*", text):
        yield f"{key}: {text!r}: no path; write it like /metrics"


def _duration(key: str, text: str) -> Iterator[str]:
    try:
        seconds(text)
    except ValueError as error:
        yield f"{key}: {error}"


def _interval(key: str, text: str) -> Iterator[str]:
    yield from (wrong := list(_duration(key, text)))
    if not wrong and seconds(text) > LONGEST_INTERVAL:
        yield (
            f"{key}: {text}: the rules look back 5m, which must hold {ENOUGH} of them; "
            f"write {duration(LONGEST_INTERVAL)} or less"
        )


def _uneven(settings: Settings) -> Iterator[str]:
    """Yield a rule interval with which windows would hold now more, now fewer evaluations."""
    text = settings.rule_interval
    if text and not [*_duration("", text)] and round(300_000 % (1000 * seconds(text))):
        yield (
            f"rule_interval: {text}: 5m is no multiple of it, so that windows would hold now more "
            "and now fewer evaluations; write 15s, 30s or 60s"
        )


def _word_problems(
    prefix: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Iterator[str]:
    for key, names in (("labels", labels), ("annotations", annotations)):
        for name in names:
            if not _is_name(name):
                yield f"{prefix}{key}: {name!r}: no label name; use letters, digits and _"
            elif key == "labels" and name in TAKEN:
                own = " or the key severity" if prefix and name == "severity" else ""
                yield (
                    f"{prefix}labels: {name!r}: the rules set this label themselves; "
                    f"choose another name{own}"
                )


def _is_name(label: str) -> bool:
    return _LABEL.fullmatch(label) is not None and not label.startswith("__")


def _is_free(label: str) -> bool:
    return _is_name(label) and label not in TAKEN
