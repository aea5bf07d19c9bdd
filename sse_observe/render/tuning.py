"""
The catalogue as one user's settings make it: thresholds resolved, alerts tuned or left out.

Refuses what the settings cannot see by themselves: an alert that does not exist, a threshold that
can never fire, a window too short for its scrapes.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import Alert, Catalog, Guard, Signal, Window
from sse_observe.catalog.signals.completion import WINDOWS
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.catalog.signals.slis import VERDICTS
from sse_observe.errors import CatalogError, SettingsError
from sse_observe.render.promql import number
from sse_observe.render.settings import FILE_NAME, AlertSettings, Settings

_PROMISES = ("completion", "first_event", "resume")
# Below four samples a rate hangs on the luck of where its ends fall.
_SAMPLES = 4
_WINDOW = re.compile(r"<< (?:w|rate)\('(\w+)'\) >>")


def tune(catalog: Catalog, settings: Settings, where: str = FILE_NAME) -> Catalog:
    """
    Return the catalogue under the settings; every threshold of an alert is a number then.

    SettingsError names `where` the settings came from.
    """
    for fault in _faults(catalog, settings):
        raise SettingsError(f"{where}: {fault}")
    signals = {signal.record: signal for signal in catalog.signals}
    alerts = []
    for alert in catalog.alerts:
        wish = settings.alerts.get(alert.name, AlertSettings())
        if not wish.enabled:
            continue
        tuned = _tuned(alert, wish, settings)
        for fault in _never(tuned, signals, alert.threshold):
            raise SettingsError(f"{where}: {fault}")
        alerts.append(_scaled(tuned, signals, settings))
    return replace(catalog, alerts=tuple(alerts))


def _faults(catalog: Catalog, settings: Settings) -> Iterator[str]:
    names = {alert.name: alert for alert in catalog.alerts}
    for name, wish in settings.alerts.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            remedy = f"did you mean {near[0]}?" if near else "see runbooks/README.md for the names"
            yield f"alerts.{name}: no such alert; {remedy}"
            continue
        yield from _guard_faults(names[name], wish)
        yield from _window_faults(names[name], wish)
    yield from _short_windows(settings)


def _window_faults(alert: Alert, wish: AlertSettings) -> Iterator[str]:
    if alert.windows:
        for key, value in (
            ("threshold", wish.threshold),
            ("for", wish.hold_for),
            ("severity", wish.severity),
        ):
            if value is not None:
                yield (
                    f"alerts.{alert.name}.{key}: {value}: each of its windows has its own; "
                    f"set objectives.completion, or alerts.{alert.name}.windows"
                )
    elif wish.windows is not None:
        yield f"alerts.{alert.name}.windows: this alert has none; set its threshold or for"
    for window in wish.windows or ():
        for span in (window.long, window.short):
            if span not in WINDOWS:
                yield (
                    f"alerts.{alert.name}.windows: {span}: not recorded; "
                    f"choose from {', '.join(WINDOWS)}"
                )


def _guard_faults(alert: Alert, wish: AlertSettings) -> Iterator[str]:
    known = [guard.signal for guard in alert.guards]
    for signal, least in wish.guards.items():
        key = f"alerts.{alert.name}.and.{signal}"
        if signal not in known:
            near = get_close_matches(signal, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
            yield f"{key}: no such term of the alert; {remedy}"
        elif not 0 <= least < float("inf"):
            yield f"{key}: {number(least)}: no such limit; write a number of 0 or more"


def _short_windows(settings: Settings) -> Iterator[str]:
    """Yield the windows that hold too few scrapes or evaluations to be worth their name."""
    for key, samples, step, signals in (
        ("scrape_interval", "scrapes", settings.scrape_seconds, SIGNALS),
        ("rule_interval", "evaluations", settings.rule_seconds, VERDICTS),
    ):
        windows = [
            (seconds(text), text, signal.record)
            for signal in signals
            for text in _WINDOW.findall(signal.expr)
            # `x offset 5m` looks at one instant, which a short interval cannot starve.
            if key == "scrape_interval" or f"offset << w('{text}') >>" not in signal.expr
        ]
        length, text, record = min(windows)
        length /= settings.time_scale
        if length < _SAMPLES * step:
            cause = key if settings.time_scale == 1 else "time_scale"
            value = getattr(settings, cause)
            yield (
                f"{cause}: {value}: the {text} window of {record} is {duration(length)} and holds "
                f"{length / step:.2g} {samples}; {_SAMPLES} are the least: "
                f"lower {key}" + (" or time_scale" if cause == "time_scale" else "")
            )


def _tuned(alert: Alert, wish: AlertSettings, settings: Settings) -> Alert:
    windows = alert.windows
    if wish.windows is not None:
        windows = tuple(
            Window(
                long=window.long,
                short=window.short,
                factor=window.factor,
                hold_for=window.hold_for,
                severity=window.severity,
            )
            for window in wish.windows
        )
    return replace(
        alert,
        threshold=_resolved(
            alert.threshold if wish.threshold is None else wish.threshold, alert.source, settings
        ),
        hold_for=wish.hold_for or alert.hold_for,
        keep_firing_for=wish.keep_firing_for or alert.keep_firing_for,
        severity=wish.severity or alert.severity,
        guards=tuple(
            replace(
                guard,
                threshold=_resolved(
                    wish.guards.get(guard.signal, guard.threshold), alert.source, settings
                ),
            )
            for guard in alert.guards
        ),
        windows=windows,
        labels={**alert.labels, **settings.labels, **wish.labels},
        annotations={**alert.annotations, **settings.annotations, **wish.annotations},
    )


def _resolved(threshold: float | str, source: str, settings: Settings) -> float:
    """Return the number that a page's threshold stands for."""
    if not isinstance(threshold, str):
        return threshold
    kind, name = threshold.split(".")
    if name not in _PROMISES:
        raise CatalogError(
            f"{source}: {threshold}: no such promise; known are {', '.join(_PROMISES)}"
        )
    objective: float = getattr(settings.objectives, name)
    return objective if kind == "objective" else round(1 - objective, 12)


def _never(alert: Alert, signals: dict[str, Signal], written: float | str) -> Iterator[str]:
    """
    Yield why an alert can never fire, or always does: no ratio leaves 0 to 1, no count falls below.

    `written` is the page's own threshold, which names the objective behind the number.
    """
    budget = float(alert.threshold)
    for window in alert.windows:
        if window.factor * budget >= 1:
            key = f"objectives.{written.split('.')[1]}" if isinstance(written, str) else "threshold"
            yield (
                f"{key}: {number(1 - budget)}: {alert.name} {window.long}/{window.short} can "
                f"never fire: {number(window.factor)} × (1 − {number(1 - budget)}) = "
                f"{number(window.factor * budget)}, and no share exceeds 1; promise more than "
                f"{number(round(1 - 1 / window.factor, 4))} or set alerts.{alert.name}.windows"
            )
    own = Guard(signal=alert.signal, compare=alert.compare, threshold=alert.threshold)
    keys = [] if alert.windows else [("threshold", own)]
    for key, term in [*keys, *((f"and.{guard.signal}", guard) for guard in alert.guards)]:
        said = _senseless(term, signals)
        if said:
            yield f"alerts.{alert.name}.{key}: {said}; choose a number between"


def _senseless(term: Guard, signals: dict[str, Signal]) -> str | None:
    """Say why a term never holds, or always does; None where it can go either way."""
    # What is left of a budget has no lower end; a signal of several windows is a count.
    if term.signal.endswith("_left") or term.signal not in signals:
        return None
    limit = term.line()
    top = 1.0 if signals[term.signal].unit in ("percentunit", "bool") else float("inf")
    possible = {
        ">": limit < top,
        ">=": limit <= top,
        "<": limit > 0,
        "<=": limit >= 0,
    }.get(term.compare, 0 <= limit <= top)
    always = limit < 0 if term.compare.startswith(">") else limit > top
    if possible and not always:
        return None
    return (
        f"{number(limit)}: {term.signal} lies between 0 and {number(top)}, so "
        f"`{term.compare} {number(limit)}` is {'always' if always else 'never'} true"
    )


def _scaled(alert: Alert, signals: dict[str, Signal], settings: Settings) -> Alert:
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
            Guard(
                signal=guard.signal,
                compare=guard.compare,
                threshold=faster(guard.signal, guard.threshold),
            )
            for guard in alert.guards
        ),
        windows=tuple(replace(w, hold_for=short(w.hold_for)) for w in alert.windows),
    )
