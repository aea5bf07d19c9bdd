"""
The catalogue as one user's settings make it: thresholds resolved, alerts tuned or left out.

Refuses what the settings cannot see by themselves: an alert that does not exist, a threshold that
can never fire, a window too short for its scrapes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from sse_observe.catalog.cross_checks import holes
from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import UPWARD, Alert, Catalog, Comparison, Signal, Unit
from sse_observe.catalog.nearest import did_you_mean
from sse_observe.catalog.signals.completion import LONG_WINDOWS, WINDOWS
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.catalog.signals.slis import SLIS
from sse_observe.catalog.spans import renamed, stretched
from sse_observe.errors import CatalogError, SettingsError
from sse_observe.render.expressions import number
from sse_observe.render.settings import ENOUGH, FILE_NAME, OBJECTIVES, AlertSettings, Settings

_WINDOW = re.compile(r"<< (?:w|rate)\('(\w+)'\) >>")
_UP_TO_ONE: tuple[Unit, ...] = ("ratio", "flag")


def tune(catalog: Catalog, settings: Settings, where: str = FILE_NAME) -> Catalog:
    """
    Return the catalogue under the settings; every threshold of an alert is a number then.

    SettingsError names `where` the settings came from.
    """
    names = renamed(catalog.signals, settings.shortest_window)
    catalog = stretched(catalog, settings.shortest_window)
    settings = _under(names, settings)
    for problem in _problems(catalog, settings):
        raise SettingsError(f"{where}: {problem}")
    signals = {signal.record: signal for signal in catalog.signals}
    for problem in _hollow_everywhere(catalog, signals, settings):
        raise SettingsError(f"{where}: {problem}")
    alerts = []
    for alert in catalog.alerts:
        wish = settings.alerts.get(alert.name, AlertSettings())
        if not wish.enabled:
            continue
        tuned = _tuned(alert, wish, settings)
        for problem in (
            *_forgotten(tuned, settings),
            *_senseless(tuned, signals, alert.threshold),
            *_hollow(tuned, wish, signals, settings),
        ):
            raise SettingsError(f"{where}: {problem}")
        alerts.append(_scaled(tuned, signals, settings))
    return replace(catalog, alerts=tuple(alerts))


def _under(names: Mapping[str, str], settings: Settings) -> Settings:
    """Return settings that name guards as they are rendered, whichever name was written."""
    alerts = {
        name: msgspec.structs.replace(
            wish, guards={names.get(guard, guard): least for guard, least in wish.guards.items()}
        )
        for name, wish in settings.alerts.items()
    }
    return msgspec.structs.replace(settings, alerts=alerts)


def _problems(catalog: Catalog, settings: Settings) -> Iterator[str]:
    alerts = {alert.name: alert for alert in catalog.alerts}
    for name, wish in settings.alerts.items():
        if name not in alerts:
            remedy = did_you_mean(name, alerts, "see runbooks/README.md for the names")
            yield f"alerts.{name}: no such alert; {remedy}"
            continue
        yield from _guard_problems(alerts[name], wish)
        yield from _window_problems(alerts[name], wish)
    if settings.time_scale != 1:
        yield from _short_windows(settings)


def _window_problems(alert: Alert, wish: AlertSettings) -> Iterator[str]:
    if alert.windows:
        for key, value in (
            ("threshold", wish.threshold),
            ("for", wish.hold_for),
            ("severity", wish.severity),
        ):
            if value is not None:
                yield (
                    f"alerts.{alert.name}.{key}: {value}: this alert has one for each window; "
                    f"set objectives.{_objective(alert)}, or alerts.{alert.name}.windows"
                )
        if wish.windows == ():
            yield (
                f"alerts.{alert.name}.windows: []: no window is left; "
                f"set alerts.{alert.name}.enabled to false instead"
            )
    elif wish.windows is not None:
        yield f"alerts.{alert.name}.windows: this alert has no windows; set its threshold or for"
    for window in wish.windows or ():
        for key, span, known in (
            ("long", window.long, LONG_WINDOWS),
            ("short", window.short, WINDOWS),
        ):
            if span not in known:
                yield (
                    f"alerts.{alert.name}.windows.{key}: {span}: not recorded; "
                    f"choose from {', '.join(known)}"
                )


def _objective(alert: Alert) -> str:
    """Return the objective that a burn-rate alert's budget belongs to."""
    return str(alert.threshold).rpartition(".")[2]


def _guard_problems(alert: Alert, wish: AlertSettings) -> Iterator[str]:
    known = [guard.signal for guard in alert.guards]
    for signal, least in wish.guards.items():
        key = f"alerts.{alert.name}.and.{signal}"
        if signal not in known:
            remedy = did_you_mean(signal, known, f"it has {', '.join(known) or 'none'}")
            yield f"{key}: no such signal in this alert's `and`; {remedy}"
        elif not 0 <= least < float("inf"):
            yield f"{key}: {number(least)}: a limit is never negative; write 0 or more"


def _short_windows(settings: Settings) -> Iterator[str]:
    """Yield the shortest window that holds too few scrapes, or too few evaluations."""
    for key, samples, step, signals in (
        ("scrape_interval", "scrapes", settings.scrape_seconds, SIGNALS),
        ("rule_interval", "evaluations", settings.rule_seconds, SLIS),
    ):
        windows = [
            (seconds(text), text, signal.record)
            for signal in signals
            for text in _WINDOW.findall(signal.expr)
            # `x offset 5m` reads one instant, which needs no more samples.
            if key == "scrape_interval" or f"offset << w('{text}') >>" not in signal.expr
        ]
        length, text, record = min(windows)
        length /= settings.time_scale
        if length < ENOUGH * step:
            yield (
                f"time_scale: {settings.time_scale}: the {text} window of {record} is "
                f"{duration(length)} and holds {length / step:.2g} {samples}; it needs {ENOUGH}: "
                f"make {key} shorter or time_scale lower"
            )


def _tuned(alert: Alert, wish: AlertSettings, settings: Settings) -> Alert:
    def resolved(threshold: float | str) -> float:
        return _resolved(threshold, alert.source, settings)

    return replace(
        alert,
        threshold=resolved(alert.threshold if wish.threshold is None else wish.threshold),
        hold_for=wish.hold_for or alert.hold_for,
        keep_firing_for=wish.keep_firing_for or alert.keep_firing_for,
        severity=wish.severity or alert.severity,
        guards=tuple(
            replace(guard, threshold=resolved(wish.guards.get(guard.signal, guard.threshold)))
            for guard in alert.guards
        ),
        windows=alert.windows if wish.windows is None else wish.windows,
        labels={**alert.labels, **settings.labels, **wish.labels},
        annotations={**alert.annotations, **settings.annotations, **wish.annotations},
    )


def _resolved(threshold: float | str, source: str, settings: Settings) -> float:
    """Return the number that a page's threshold stands for."""
    if not isinstance(threshold, str):
        return threshold
    kind, name = threshold.split(".")
    if name not in OBJECTIVES:
        raise CatalogError(
            f"{source}: {threshold}: no such objective; known are {', '.join(OBJECTIVES)}"
        )
    objective = settings.objectives.ratio(name)
    return objective if kind == "objective" else round(1 - objective, 12)


def _senseless(alert: Alert, signals: Mapping[str, Signal], written: float | str) -> Iterator[str]:
    """
    Yield why an alert can never fire, or always does: a ratio is 0 to 1, a count 0 or more.

    `written` is the page's own threshold, which names the objective behind the number.
    """
    budget = float(alert.threshold)
    for window in alert.windows:
        if window.factor * budget >= 1:
            key = f"objectives.{written.split('.')[1]}" if isinstance(written, str) else "threshold"
            yield (
                f"{key}: {number(1 - budget)}: {alert.name} {window.long}/{window.short} can "
                f"never fire: {number(window.factor)} × (1 − {number(1 - budget)}) = "
                f"{number(window.factor * budget)}, and no share is above 1; set it above "
                f"{number(round(1 - 1 / window.factor, 4))} or set alerts.{alert.name}.windows"
            )
    own, *guards = alert.comparisons()
    keyed = [(f"and.{guard.signal}", guard) for guard in guards]
    for key, term in keyed if alert.windows else [("threshold", own), *keyed]:
        reason = _constant(term, signals)
        if reason:
            yield f"alerts.{alert.name}.{key}: {reason}; choose a number between"


def _hollow(
    alert: Alert, wish: AlertSettings, signals: Mapping[str, Signal], settings: Settings
) -> Iterator[str]:
    """Yield each label that an alert's own annotations name and its expression does not have."""
    labels = {*signals[alert.signals()[0]].labels, *settings.places}
    for name, text in wish.annotations.items():
        for problem in holes(text, labels):
            yield f"alerts.{alert.name}.annotations.{name}: {problem}"


def _hollow_everywhere(
    catalog: Catalog, signals: Mapping[str, Signal], settings: Settings
) -> Iterator[str]:
    """Yield each label that the annotations of all alerts name and that not one alert has."""
    own = {label for alert in catalog.alerts for label in signals[alert.signals()[0]].labels}
    for name, text in settings.annotations.items():
        for problem in holes(text, own | {*settings.places}):
            yield f"annotations.{name}: {problem}"


def _forgotten(alert: Alert, settings: Settings) -> Iterator[str]:
    """Yield each pair of windows that looks back farther than the data is kept."""
    kept = settings.retention
    for window in alert.windows:
        if kept and seconds(window.long) > seconds(kept):
            yield (
                f"retention: {kept}: {alert.name} looks back {window.long}; keep the data longer, "
                f"or set alerts.{alert.name}.windows without {window.long}"
            )


def _constant(term: Comparison, signals: Mapping[str, Signal]) -> str | None:
    """Say why a term never holds, or always does; None where it can go either way."""
    # The rest of a budget has no lower end; a signal of several windows is a count.
    if term.signal.endswith("_left") or term.signal not in signals:
        return None
    limit = term.line()
    top = 1.0 if signals[term.signal].unit in _UP_TO_ONE else float("inf")
    possible = {
        ">": limit < top,
        ">=": limit <= top,
        "<": limit > 0,
        "<=": limit >= 0,
    }.get(term.compare, 0 <= limit <= top)
    always = limit < 0 if term.compare in UPWARD else limit > top
    if possible and not always:
        return None
    return (
        f"{number(limit)}: {term.signal} lies between 0 and {number(top)}, so "
        f"`{term.compare} {number(limit)}` is {'always' if always else 'never'} true"
    )


def _scaled(alert: Alert, signals: Mapping[str, Signal], settings: Settings) -> Alert:
    """Shorten time for a test or a drill; thresholds per second grow with it."""
    scale = settings.time_scale
    if scale == 1:
        return alert

    def short(text: str) -> str:
        return duration(seconds(text) / scale)

    def faster(signal: str, threshold: float | str) -> float:
        known = signals.get(signal)
        return float(threshold) * (scale if known and known.per_second else 1)

    return replace(
        alert,
        threshold=faster(alert.signal, alert.threshold),
        hold_for=short(alert.hold_for) if alert.hold_for else "",
        keep_firing_for=short(alert.keep_firing_for) if alert.keep_firing_for else None,
        guards=tuple(
            replace(guard, threshold=faster(guard.signal, guard.threshold))
            for guard in alert.guards
        ),
        windows=tuple(
            msgspec.structs.replace(window, hold_for=short(window.hold_for))
            for window in alert.windows
        ),
    )
