"""
Changes of meaning between what is rendered now and what was before: one line for each kind.

Reads the rule files alone: names, intervals, and how long alerts wait.
"""

import re
from collections.abc import Iterator, Mapping

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.reads import span_in

RULES = "alerts/sse-recording-rules.yaml"
_RECORD = re.compile(r"^ +- record: (\S+)$", re.MULTILINE)
_INTERVAL = re.compile(r"^ +interval: (\S+)$", re.MULTILINE)
_SHOWN = 3


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield what a user who only changed an interval would not see in the names of files."""
    old, new = before.get(RULES, ""), after[RULES]
    if not old:
        return
    yield from _later(old, new)
    yield from _renamed({*_RECORD.findall(old)}, {*_RECORD.findall(new)})


def _later(old: str, new: str) -> Iterator[str]:
    was, now = (min(map(seconds, _INTERVAL.findall(text)), default=0) for text in (old, new))
    if was and now and was != now:
        when = "later" if now > was else "earlier"
        yield (
            f"rules are evaluated every {duration(now)}, before every {duration(was)}: alerts come "
            f"up to {duration(abs(now - was))} {when} for each record between metric and alert"
        )


def _renamed(old: set[str], new: set[str]) -> Iterator[str]:
    gone, come = sorted(old - new), sorted(new - old)
    stems = {_stem(name): name for name in come}
    pairs = [(name, stems[_stem(name)]) for name in gone if _stem(name) in stems]
    renamed = [f"{name} is now {other}" for name, other in pairs]
    others = [name for name in gone if name not in dict(pairs)]
    if renamed:
        yield (
            f"windows changed: {_some(renamed)}; alerts on them fire and resolve by that much "
            "later or earlier, and what you wrote over them yourself needs the new names"
        )
    if others:
        yield f"no longer recorded: {_some(others)}; what you wrote over them stays empty"


def _stem(record: str) -> str:
    return record.removesuffix(span_in(record) or "")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
