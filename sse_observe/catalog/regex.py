"""
Regular expressions of label matchers: those that Prometheus refuses, found before it does.

Prometheus reads RE2's language. Python's own reads nearly the same; the difference is named here.
"""

import re
import warnings

# RE2 has no memory and looks neither ahead nor back.
_PYTHON_ALONE = re.compile(r"(?<!\\)(?:\\\\)*(\(\?[=!]|\(\?<[=!]|\(\?\(|\(\?>|\\[1-9]|\(\?P=)")
# Words that RE2 alone knows, each as one that Python knows: only the shape is judged.
_RE2_ALONE = (
    (re.compile(r"\\Q(.*?)(?:\\E|$)"), lambda found: re.escape(found[1])),
    (re.compile(r"\\[pP](?:\{\^?\w+\}|\w)|\\C|\[:\^?\w+:\]"), lambda _: "a"),
    (re.compile(r"\\z"), lambda _: "$"),
    (re.compile(r"\(\?[imsU-]+\)"), lambda _: ""),
    (re.compile(r"\(\?[imsU-]+:"), lambda _: "(?:"),
    (re.compile(r"\(\?<(?=\w)"), lambda _: "(?P<"),
)


def regex_problem(text: str) -> str | None:
    """Return why Prometheus would refuse a regular expression; None where it would not."""
    found = _PYTHON_ALONE.search(text)
    if found:
        return f"Prometheus' regular expressions have no {found[1]}; write it without"
    for own, other in _RE2_ALONE:
        text = own.sub(other, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"no regular expression: {error}; correct it"
    return None
