"""The set-up of a service's own middleware: did its author do it right? S1 to S5."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from sse_observe.beacon.tokens import SECRET_VARIABLE
from sse_observe.check.local.facts import OURS, Facts
from sse_observe.check.model import Check, Checked, Finding, Remedy, not_asked, passed
from sse_observe.middleware.templates import Template, template_of
from sse_observe.registry.multiprocess import MULTIPROC_DIR

_COMPRESSORS = ("gzip", "brotli", "zstd", "compress", "deflate")
# Starlette's leaves event streams alone.
_HARMLESS = {"GZipMiddleware"}


class Setup(NamedTuple):
    """An application's facts, the path that is checked, and how it is to be run."""

    facts: Facts
    path: str
    workers: int
    environment: Mapping[str, str]


def judge(facts: Facts, path: str, workers: int) -> list[Checked]:
    """Return what each check of the set-up finds."""
    setup = Setup(facts, path.partition("?")[0], workers, os.environ)
    return [Checked(check, finding(setup)) for check, finding in _CHECKS]


def _installed(setup: Setup) -> Finding:
    times = setup.facts["middleware"].count(OURS)
    if times == 1:
        return passed("once")
    if times > 1:
        return Finding("warn", f"{times} times: the inner ones count nothing")
    if not setup.facts["readable"]:
        return not_asked("the application cannot be looked into")
    return Finding("warn", "SSEObserveMiddleware is not there: nothing is counted")


def _order(setup: Setup) -> Finding:
    names = setup.facts["middleware"]
    if OURS not in names:
        return not_asked("SSEObserveMiddleware was not found")
    inside = names[names.index(OURS) + 1 :]
    found = [name for name in inside if any(word in name.lower() for word in _COMPRESSORS)]
    bad = [name for name in found if name not in _HARMLESS]
    if bad:
        return Finding(
            "fail", f"{bad[0]} is inside of it: bodies are compressed before they are read"
        )
    return passed(
        f"{found[0]} leaves event streams alone" if found else "nothing inside compresses"
    )


def _declared(setup: Setup) -> Finding:
    declared, templates = setup.facts["declared"], setup.facts["templates"]
    if OURS not in setup.facts["middleware"]:
        return not_asked("SSEObserveMiddleware was not found")
    unknown = [one for one in declared if templates and not _is_among(one, templates)]
    if unknown:
        return Finding("warn", f"{unknown[0]} is declared, and the application has no such route")
    if not any(Template(one).matches(setup.path) for one in declared):
        return Finding(
            "warn", f"{setup.path} is not declared: heartbeats, stalls and limits are not judged"
        )
    return passed(f"{setup.path} is declared")


def _is_among(declared: str, templates: list[str]) -> bool:
    shape = Template(declared).shape
    # A mount ends where its own routes begin.
    found = (template_of(one) for one in templates if one.rstrip("/"))
    return any(
        one.shape == shape or Template(declared).path.startswith(f"{one.path.rstrip('/')}/")
        for one in found
        if one is not None
    )


def _multiprocess(setup: Setup) -> Finding:
    directory = setup.environment.get(MULTIPROC_DIR)
    if setup.workers < 2:
        return passed("one worker")
    if not directory:
        return Finding(
            "fail", f"{setup.workers} workers without {MULTIPROC_DIR}: each scrape sees one of them"
        )
    path = Path(directory)
    if not path.is_dir() or not os.access(path, os.W_OK):
        return Finding("fail", f"{MULTIPROC_DIR} names no folder that can be written")
    left = len(list(path.iterdir()))
    if left:
        return Finding("warn", f"{MULTIPROC_DIR} holds {left} files of an earlier run")
    return passed(f"{setup.workers} workers share {MULTIPROC_DIR}")


def _secret(setup: Setup) -> Finding:
    if not setup.facts["beacon"]:
        return not_asked("no beacon_app() was found")
    if setup.workers < 2 or setup.environment.get(SECRET_VARIABLE):
        return passed("every worker signs alike")
    return Finding(
        "fail",
        f"{setup.workers} workers without {SECRET_VARIABLE}: each refuses the "
        "reports of the others",
    )


def _check(number: int, name: str, question: str, passes: str, remedy: Remedy) -> Check:
    return Check(
        id=f"S{number}",
        name=name,
        question=question,
        passes=passes,
        remedy=remedy,
        judge=lambda _: not_asked("--app looks at it"),
    )


_CHECKS: tuple[tuple[Check, Callable[[Setup], Finding]], ...] = (
    (
        _check(
            1,
            "installed",
            "Is the middleware there, and once?",
            "One SSEObserveMiddleware.",
            Remedy(
                words="app.add_middleware(SSEObserveMiddleware), once, where the app is made.",
                runbook="SSETelemetryAbsent",
                section="Root-cause fix",
            ),
        ),
        _installed,
    ),
    (
        _check(
            2,
            "order",
            "Does it see bodies before they are compressed?",
            "No compressor inside of it.",
            Remedy(
                words="Add it before the compressor: Starlette runs last what was added first.",
                runbook="SSEResponseHeadersWrong",
            ),
        ),
        _order,
    ),
    (
        _check(
            3,
            "declared",
            "Is the route declared?",
            "A StreamRoute for the path that is checked, and a route for each that is declared.",
            Remedy(
                words='Give routes={"/path": StreamRoute(...)}: what is not declared cannot fire.',
                runbook="SSEStreamsStalled",
                section="False positives and tuning",
            ),
        ),
        _declared,
    ),
    (
        _check(
            4,
            "multiprocess",
            "Do several workers share their numbers?",
            f"{MULTIPROC_DIR} names an empty folder that all may write.",
            Remedy(
                words=f"Set {MULTIPROC_DIR} to an empty folder before the server starts.",
                runbook="SSETelemetryAbsent",
                section="Diagnosis",
            ),
        ),
        _multiprocess,
    ),
    (
        _check(
            5,
            "secret",
            "Do several workers sign reports alike?",
            f"{SECRET_VARIABLE} is set where several workers serve the beacon.",
            Remedy(
                words=f"Set {SECRET_VARIABLE} to the same long random text in each worker.",
                runbook="SSEClientReportsRejected",
            ),
        ),
        _secret,
    ),
)
CHECKS: tuple[Check, ...] = tuple(check for check, _ in _CHECKS)
"""The checks of the set-up, in order."""
