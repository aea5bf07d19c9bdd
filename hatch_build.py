"""
The build hook: wheels and source archives carry the browser client without what only people read.

An editable install has no small file, and serves the client as it is written. A source archive
carries one, so that a wheel can be built from it where there is no minifier.
"""

import os
import re
import tempfile
from collections import Counter
from pathlib import Path
from string import ascii_letters as letters
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CLIENT = "sse_observe/client/sse-observe.js"
SMALL = "sse_observe/client/sse-observe.min.js"
_EXPORT = re.compile(r"^export (?=(?:class|function|const) (\w+))", re.MULTILINE)

_LET = re.compile(r"\bconst\b(?= [\w$[{])")
# Members of the client's own objects; nobody else's begin so.
_OWN = re.compile(r"(\.|^ +(?:async )?)(_[a-z]\w+)", re.MULTILINE)


class ClientBuildHook(BuildHookInterface[Any]):
    """Puts the small client beside the one that people read."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs besides: nothing, where the small client is there already."""
        return [] if self._is_there() else ["minify-go>=2.24,<3"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the small client to what is built."""
        if version == "editable" or self._is_there():
            return
        (Path(self.root) / SMALL).unlink(missing_ok=True)
        handle, path = tempfile.mkstemp(suffix=".js")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(minified((Path(self.root) / CLIENT).read_text(encoding="utf-8")))
        build_data["force_include"][path] = SMALL
        self._path = path

    def _is_there(self) -> bool:
        """Tell whether this is an unpacked source archive whose client nobody has changed."""
        client, small = Path(self.root) / CLIENT, Path(self.root) / SMALL
        return small.exists() and small.stat().st_mtime >= client.stat().st_mtime

    def finalize(self, version: str, build_data: dict[str, Any], artifact: str) -> None:  # noqa: ARG002 - as hatchling calls it
        """Remove what lies about."""
        if hasattr(self, "_path"):
            Path(self._path).unlink()


def minified(source: str) -> str:
    """Return a module without comments and spaces, all names short that nobody else can see."""
    import minify  # noqa: PLC0415 - a build from a source archive has none

    # The minifier shortens the names inside a function alone, and joins declarations of one kind.
    names = ", ".join(_EXPORT.findall(source))
    body = f"{{ {_LET.sub('let', _shortened(_EXPORT.sub('', source)))}\nreturn [{names}] }}"
    function = f"export let [{names}] = (() => {body})();"
    small: str = minify.string("application/javascript", function)
    return small


def _shortened(source: str) -> str:
    """Return a module with its own members' names short: the more often, the shorter."""
    # A member of something else may have the name of any word that stands there.
    words = set(re.findall(r"[\w$]+", source))
    short = (one + two for one in ("", *letters) for two in letters if one + two not in words)
    found = Counter(name for _, name in _OWN.findall(source))
    given = {name: next(short) for name, _ in found.most_common()}
    return _OWN.sub(lambda own: own[1] + given[own[2]], source)
