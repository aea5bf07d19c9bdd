"""Ask a Prometheus or an Alertmanager over HTTP, whoever started it; each error is one line."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import msgspec

from sse_observe.errors import LabError
from sse_observe.report.query.address import NoRedirect

ANSWER_SECONDS = 10.0
# As much of an error's text as one line can hold.
_LONGEST_WORDS = 300
_OPENER = urllib.request.build_opener(NoRedirect)


def ask(
    url: str, path: str, headers: Mapping[str, str] | None = None, /, **parameters: str | float
) -> Any:
    """
    Return the JSON at a path below a URL; LabError with what was answered instead.

    `headers` sign in there; they are shown nowhere.
    """
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    request = urllib.request.Request(f"{url}/{path}{query}", headers=dict(headers or {}))
    try:
        with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
            return msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(2000).decode(errors="replace")
        words = " ".join(text.split())[:_LONGEST_WORDS]
        if error.code in (401, 403):
            words = "it wants credentials; add --header 'Authorization: Bearer …'"
        raise LabError(f"{url}: {path} answered {error.code}: {words}") from None
    except (msgspec.DecodeError, ValueError):
        raise LabError(f"{url}: {path} answered no JSON; check the address") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise LabError(f"{url}: {path} does not answer: {reason}") from None


def answers(url: str) -> bool:
    """Whether an address answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):
            return True
    except OSError:
        return False
