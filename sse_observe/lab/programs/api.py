"""Asking a Prometheus or an Alertmanager over HTTP, whoever started it; each fault is one line."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from sse_observe.errors import LabError

ANSWER_SECONDS = 10.0
# Of an error's page, what a line can hold.
_WORDS = 300


def ask(url: str, path: str, **parameters: str | float) -> Any:
    """Return the JSON that is at a path below a URL; LabError with what was said instead."""
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    try:
        with urllib.request.urlopen(f"{url}/{path}{query}", timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            words = " ".join(error.read(2000).decode(errors="replace").split())[:_WORDS]
        raise LabError(f"{url}: {path} answered {error.code}: {words}") from None
    except ValueError:
        raise LabError(f"{url}: {path} answered no JSON; is this the right address?") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise LabError(f"{url}: {path} does not answer: {reason}") from None


def answers(url: str) -> bool:
    """Whether an address answers well; for programs that say so when they are ready."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):
            return True
    except OSError:
        return False
