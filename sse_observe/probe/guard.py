"""
The guard of a prober: which targets may be asked, and where redirects may lead.

Targets of the configuration may be anywhere: whoever wrote the file chose them. What a request
names (`--open-targets`) must be a public address, asked by GET and without any credential.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from sse_observe.check.asking.addresses import Judge, any_address, public_address
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.question import Question
from sse_observe.probe.module import Module

OPEN_PORTS = frozenset({80, 443, 8080, 8443})
"""The ports of strangers' targets: those of the web."""
MOST_OPEN_SECONDS = 10.0
_LONGEST_URL = 2048

Follow = Callable[[Question, Question], bool]


def judge(*, stranger: bool) -> Judge:
    """Return which addresses may be connected to."""
    return public_address if stranger else any_address


def same_host(before: Question, after: Question) -> bool:
    """Follow a redirect within one host, and never from TLS to plain text."""
    if before.origin == after.origin:
        return True
    up = (before.origin.scheme, after.origin.scheme) == ("http", "https")
    usual = (before.origin.port, after.origin.port) == (80, 443)
    return before.origin.host == after.origin.host and up and usual


def same_origin(before: Question, after: Question) -> bool:
    """Follow a redirect within one origin alone."""
    return before.origin == after.origin


def check_stranger(url: str, module: Module) -> None:
    """Refuse what a request may not name; AskError is one line."""
    if len(url) > _LONGEST_URL:
        raise AskError("forbidden", f"the target is longer than {_LONGEST_URL} bytes")
    question = Question(url=url)
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise AskError("forbidden", f"{question.shown}: a target of a request holds no password")
    if question.origin.port not in OPEN_PORTS:
        raise AskError("forbidden", f"{question.shown}: that port is not asked for strangers")
    if module.asks or module.headers or module.body or module.body_file or module.insecure:
        raise AskError(
            "forbidden",
            f"{question.shown}: a module with a question, headers or --insecure is for targets of "
            "the configuration",
        )
