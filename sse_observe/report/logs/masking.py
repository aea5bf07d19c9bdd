"""
Secrets and personal data out of a line that somebody else will read.

Masks too much rather than too little: a version number like 1.2.3.4 goes as well.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address

MASKED = "[masked]"

_KEYS = (
    "pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|session|sess|sid|auth|credential|"
    "signature|sig|private[_-]?key|access[_-]?key|jwt|otp|csrf|xsrf|nonce"
)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:\.\d{1,3}){0,3}")
# Runs are bounded, so that no line costs more than its length times a constant.
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # A cookie or a credential reaches to the end of its quotes, or of its line.
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie2?)(\\?[\"']?\s{0,4}[:=,]\s{0,4})"
            r"(?:\\?\"[^\"\n]*|'[^'\n]*|[^\"'\n]*)"
        ),
        rf"\1\2{MASKED}",
    ),
    # A password may hold a slash, though it should not.
    (re.compile(r"://[^\s\"'<>]{1,400}@"), f"://{MASKED}@"),
    (re.compile(r"(?<=[\w/.%~:@+=\])-])\?[^\s\"'<>]+"), f"?{MASKED}"),
    (
        re.compile(
            rf"(?i)\b([\w.-]{{0,40}}(?:{_KEYS})[\w.-]{{0,40}})(\\?[\"']?\s{{0,4}}[=:]\s{{0,4}})"
            r"(?:\\?\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|[^\s,;&\"'}]+)"
        ),
        rf"\1\2{MASKED}",
    ),
    (
        re.compile(r"(?i)\b(bearer|basic|digest|negotiate|token)\s{1,4}[\w+/=.~-]{4,}"),
        rf"\1 {MASKED}",
    ),
    (re.compile(r"\beyJ[\w-]+(?:\.[\w-]*){1,4}"), "[token]"),
    (re.compile(r"[\w.+%'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"), "[e-mail]"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w])"), "[ip]"),
    (_IPV6, lambda found: "[ip]" if _is_address(found[0]) else found[0]),
    # An id, a key, a hash: long, and of letters and digits both.
    (
        re.compile(r"(?<![\w+=-])(?=[\w+=-]{0,200}\d)(?=[\w+=-]{0,200}[A-Za-z])[\w+=-]{20,}"),
        "[id]",
    ),
)


def masked(text: str) -> str:
    """Return a text without tokens, cookies, e-mail and IP addresses, and query strings."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
