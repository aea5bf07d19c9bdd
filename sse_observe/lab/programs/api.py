"""Ask a Prometheus or an Alertmanager over HTTP, whoever started it; each error is one line."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from sse_observe.errors import LabError

ANSWER_SECONDS = 10.0
# As much of an error's text as one line can hold.
_LONGEST_WORDS = 300


def ask(url: str, path: str, **parameters: str | float) -> Any:
    """Return the JSON at a path below a URL; LabError with what was answered instead."""
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    try:
        with urllib.request.urlopen(f"{url}/{path}{query}", timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(2000).decode(errors="replace")
        words = " ".join(text.split())[:_LONGEST_WORDS]
        raise LabError(f"{url}: {path} answered {error.code}: {words}") from None
    except ValueError:
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
