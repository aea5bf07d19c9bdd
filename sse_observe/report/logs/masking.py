"""
Secrets and personal data out of a line that somebody else will read.

Masks too much rather than too little: a version number like 1.2.3.4 goes as well, and whatever
stands under a name that prompts and answers have.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address

MASKED = "[masked]"

_KEYS = (
    "pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|session|sess|sid|auth|credential|"
    "signature|sig|private[_-]?key|access[_-]?key|jwt|otp|csrf|xsrf|nonce"
)
# What people ask models, and what these answer. `message` is a log line's own text, and stays.
_WORDS = (
    "prompts?|completion|answer|response|question|messages|contents?|input|output|text|body|"
    "instructions?|system|delta|parts|arguments|query|transcript|reasoning|thinking"
)
_NATIONAL = (
    "ssn|social[ _-]?security|sin|tin|nino|national[ _-]?(?:insurance|id)|nhs|passport|"
    "tax[ _-]?(?:id|payer)|steuer-?(?:id|nummer)|personal[ _-]?(?:id|number)|personnummer|"
    "id[ _-]?card|driver'?s?[ _-]?licen[cs]e|cpf|cnpj|aadhaar|pan|curp|dni|nie|nif|nir|bsn|pesel|"
    "codice[ _-]?fiscale|iban"
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
    # A list or an object reaches to the end of the line, and bare words to the next `name=`.
    (
        re.compile(
            rf"(?i)(?<![\w-])((?:[\w.-]{{0,40}}[._-])?(?:{_WORDS})(?:[._-](?:text|content))?)"
            r"(\\?[\"']?\s{0,4}[=:]\s{0,4})"
            r"(?:\\?\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[\[{][^\n]*|"
            r"[^\s\"'\[{](?:(?!\s[\w.]{1,40}=)[^\n])*)"
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
    (
        re.compile(
            rf"(?i)(?<![A-Za-z])({_NATIONAL})((?:[ _-]?(?:number|no|nr))?[.#]?\\?[\"']?\s{{0,4}}"
            r"[:=#]?\s{0,4}\\?[\"']?)"
            r"((?:[A-Z]{1,4}[ .-]?)?[A-Z]{0,9}\d[A-Z0-9]{0,30}"
            r"(?:[ ./-]?(?:[A-Z]{0,9}\d[A-Z0-9]{0,30}|[A-Z](?![A-Za-z]))){0,9})"
        ),
        lambda found: f"{found[1]}{found[2]}{MASKED}" if _is_long(found[3]) else found[0],
    ),
    # Bank cards begin with 2 to 6, times in milliseconds with 1.
    (
        re.compile(r"(?<![\w.])[2-6](?:[ -]?\d){12,18}(?![\w-])"),
        lambda found: "[card]" if _has_check_digit(found[0]) else found[0],
    ),
    (re.compile(r"[\w.+%'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"), "[e-mail]"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w])"), "[ip]"),
    (_IPV6, lambda found: "[ip]" if _is_address(found[0]) else found[0]),
    # An id, a key, a hash: long, and of letters and digits both.
    (
        re.compile(r"(?<![\w+=-])(?=[\w+=-]{0,200}\d)(?=[\w+=-]{0,200}[A-Za-z])[\w+=-]{20,}"),
        "[id]",
    ),
    # In hexadecimal it may be shorter, and have no digit. Digits alone are a number.
    (
        re.compile(r"(?<![\w-])(?=[\d-]{0,40}[A-Fa-f])[0-9A-Fa-f](?:-?[0-9A-Fa-f]){15,}(?![\w-])"),
        "[id]",
    ),
)


def masked(text: str) -> str:
    """
    Return a text without what is secret or about somebody.

    Tokens, cookies, e-mail and IP addresses, query strings, ids, bank cards, national ids, and what
    was asked and answered.
    """
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_long(text: str) -> bool:
    """Tell whether a number is long enough to name a person."""
    return sum(char.isdigit() for char in text) >= 5


def _has_check_digit(text: str) -> bool:
    """Tell whether a number ends in the digit that Luhn's formula asks for; a tenth of all do."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
