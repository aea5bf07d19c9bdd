"""
JSON in the data of events, as far as it was kept: a large event is cut, and still says what it is.

Knows text alone; what a field means is the protocols' business.
"""

import json
import re
from collections.abc import Mapping

import msgspec

Json = Mapping[str, object]
_decode = msgspec.json.Decoder().decode

# What JSON is made of; a string that was cut has no closing quote.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?P<quote>"?)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}$")
_CLOSING = {"{": "}", "[": "]"}
# The beginning of an answer has fewer; what has more is not worth its time.
_MOST_TOKENS = 1000
_DEEPEST = 30


# Of one event several want to know: what its protocol is, what it means, what has failed. In a
# third of the time of an lru_cache.
_latest: list[tuple[bytes, Json | None]] = [(b"", None)]


def as_json(data: bytes) -> Json | None:
    """Return data that is a JSON object, or the beginning of one; None for all else."""
    known, event = _latest[0]
    if data != known:
        try:
            found = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = _as_clients_read(data)
        event = found if isinstance(found, dict) else None
        _latest[0] = data, event
    return event


def objects(value: object) -> list[Json]:
    """Return the objects of a list; none where it is no list."""
    if type(value) is not list:
        return []
    if len(value) == 1 and type(value[0]) is dict:
        # Nearly always; a comprehension costs as much as all the rest.
        return value
    return [one for one in value if isinstance(one, dict)]


def _as_clients_read(data: bytes) -> object:
    """Read half of a surrogate pair, bytes that are no text, what was cut."""
    if data[:1] != b"{":
        return None
    text = data.decode(errors="replace")
    for whole in (str, closed):
        try:
            return json.loads(whole(text))
        except (ValueError, RecursionError):
            continue
    return None


def closed(text: str) -> str:
    """
    Return JSON that was cut, with all closed that was left open.

    A member of which only the name is left is dropped. Raises ValueError for what is no JSON, or
    has too much before the cut.
    """
    missing: list[str] = []
    at, closing, before = 0, "", ""
    for number, token in enumerate(_TOKEN.finditer(text)):
        word = token[0]
        if word in _CLOSING:
            missing.append(_CLOSING[word])
            at, closing = token.end(), _joined(missing)
        elif word in ("}", "]"):
            if not missing or missing.pop() != word:
                raise ValueError("not balanced")
        elif word == ",":
            at, closing = token.start(), _joined(missing)
        elif token["quote"] == "" and (before == ":" or missing[-1:] == ["]"]):
            return _HALF_ESCAPE.sub("", text[: token.end()]) + '"' + _joined(missing)
        before = word
        if not missing or len(missing) > _DEEPEST or number == _MOST_TOKENS:
            raise ValueError("not cut, too deep or too long")
    return text[:at] + closing


def _joined(missing: list[str]) -> str:
    return "".join(reversed(missing))
