"""The checks of a truth test, T1 to T9: what each asks, and what helps."""

from collections.abc import Callable

from sse_observe.check.model import Check, Checked, Finding, Remedy, not_asked
from sse_observe.check.truth import findings
from sse_observe.check.truth.readings import Readings

Judge = Callable[[Readings], Finding]


def judge(found: Readings) -> list[Checked]:
    """Return what each check of the truth test finds."""
    return [Checked(check, finding(found)) for check, finding in _CHECKS]


def _check(number: int, name: str, question: str, passes: str, remedy: Remedy) -> Check:
    return Check(
        id=f"T{number}",
        name=name,
        question=question,
        passes=passes,
        remedy=remedy,
        judge=lambda _: not_asked("--upstream-script looks at it"),
    )


def _remedy(words: str, runbook: str, section: str = "Mitigation", *fixes: str) -> Remedy:
    return Remedy(words=words, runbook=runbook, section=section, fixes=fixes)


_CHECKS: tuple[tuple[Check, Judge], ...] = (
    (
        _check(
            1,
            "upstream",
            "Does the gateway ask the scripted upstream?",
            "At least one request arrives.",
            _remedy(
                "Point the gateway's upstream at --upstream-listen, then ask again.",
                "SSEStreamsRejected",
                "Diagnosis",
            ),
        ),
        findings.reached,
    ),
    (
        _check(
            2,
            "pieces",
            "Does everything arrive that was sent?",
            "Each piece once, in order.",
            _remedy(
                "Look where the gateway parses and writes events: a buffer that is dropped, a "
                "retry that sends twice.",
                "SSEMessageLoss",
            ),
        ),
        findings.whole,
    ),
    (
        _check(
            3,
            "pace",
            "Does it arrive at the pace at which it was sent?",
            f"No piece {findings.LATE_SECONDS:g} s later than the promptest one.",
            _remedy(
                "Switch buffering off at the hop that collects: --via names it.",
                "SSEDeliveryDelayed",
                "Mitigation",
                "nginx",
            ),
        ),
        findings.timing,
    ),
    (
        _check(
            4,
            "error",
            "Is an error of the upstream told to the reader?",
            "A failure in band, a status of 400 or more, or a cut.",
            _remedy(
                "Pass errors on as the protocol says them; an end after them is a lie.",
                "SSECompletionRateLow",
                "Root-cause fix",
            ),
        ),
        findings.error,
    ),
    (
        _check(
            5,
            "ending",
            "Does an answer end as the upstream ended it?",
            "An end for an end, and a cut or a failure for a cut.",
            _remedy(
                "Send the terminal event only where the upstream sent it; else fail, or cut.",
                "SSECompletionRateLow",
                "Root-cause fix",
            ),
        ),
        findings.ending,
    ),
    (
        _check(
            6,
            "own-answer",
            "Does each reader get its own answer, and nothing of another's?",
            "One answer of the upstream for each reader.",
            _remedy(
                "Keep nothing of one request in what another can see; let no cache keep a stream.",
                "SSEResponseHeadersWrong",
                "Mitigation",
                "varnish",
            ),
        ),
        findings.own,
    ),
    (
        _check(
            7,
            "heartbeats",
            "Do heartbeats pass, and at once?",
            f"Each arrives within {findings.LATE_SECONDS:g} s.",
            _remedy(
                "Pass comments on, and flush after them: they keep the line warm.",
                "SSEHeartbeatMissing",
            ),
        ),
        findings.heartbeats,
    ),
    (
        _check(
            8,
            "work-ends",
            "Does the upstream's work end when its reader leaves?",
            f"The upstream is told within {findings.NOTICE_SECONDS:g} s.",
            _remedy("Close the request to the upstream when the client is gone.", "SSEStreamLeak"),
        ),
        findings.leaving,
    ),
    (
        _check(
            9,
            "limits",
            "Does something cut by age, or by silence?",
            "Three streams, one that flows and two that fall silent, are held (--hold).",
            _remedy(
                "A limit on silence: send heartbeats at a third of it. A limit on age: raise it, "
                "or let clients resume.",
                "SSEIdleTimeoutCliff",
                "Mitigation",
                *("nginx", "haproxy", "cloud"),
            ),
        ),
        findings.limits,
    ),
)
CHECKS: tuple[Check, ...] = tuple(check for check, _ in _CHECKS)
"""The checks of the truth test, in order."""
