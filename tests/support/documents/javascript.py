"""The reference of the browser client, read off its declarations."""

import re
from collections.abc import Iterator

from tests.support.documents.tables import table
from tests.support.paths import ROOT

_DECLARED = (ROOT / "sse_observe/client/sse-observe.d.ts").read_text()
_OPTIONS = "export interface Options {"
_MEMBER = re.compile(r"/\*\*(?P<words>.*?)\*/\s*(?P<name>\w+)\??: (?P<kind>[^;]+);", re.DOTALL)


def outcomes() -> str:
    """Return what the client does with a stream, by how the stream was asked for."""
    rows = (line.removeprefix("// ") for line in _DECLARED.splitlines())
    return "\n".join(row for row in rows if row.startswith("|"))


def script_options() -> str:
    """Return every option with its type and its meaning; times are in milliseconds."""
    return table(("Option", "Type", "Meaning"), _members(_OPTIONS))


def script_names() -> str:
    """Return the declarations of all that may be used, as they are written."""
    after = _DECLARED[_DECLARED.index("/** The state of a stream") :]
    options = _block(
        after, "/** Options; times are in milliseconds. */\nexport interface Options {"
    )
    return f"```typescript\n{after.replace(options, '').strip()}\n```"


def _block(text: str, head: str) -> str:
    """Return a declaration from its first line to its closing brace."""
    begun = text[text.index(head) :]
    return begun[: begun.index("\n}\n") + 3]


def _members(head: str) -> Iterator[tuple[str, str, str]]:
    for member in _MEMBER.finditer(_block(_DECLARED, head)):
        words = " ".join(line.strip(" *") for line in member["words"].splitlines())
        kind = " ".join(member["kind"].split()).replace("|", "\\|")
        yield f"`{member['name']}`", f"`{kind}`", words.strip().replace("|", "\\|")
