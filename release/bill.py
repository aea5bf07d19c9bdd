"""
The bill of materials (CycloneDX) of an installation with every extra, and its licences.

Reads what is installed here; asks nobody.
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

_NAME = re.compile(r"[\w.-]+")
_EXTRAS = re.compile(r"\[([\w, -]+)\]")
_EXTRA = re.compile(r"extra == ['\"]([\w-]+)['\"]")
# What people write where an identifier is asked for.
_IDENTIFIERS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}


def bill(version: str, name: str = "sse-observe", extra: str = "all") -> dict[str, Any]:
    """
    Return the bill of a version as a CycloneDX 1.6 document.

    The same installation gives the same one; that of ourselves may still have the version before.
    """
    root = distribution(name)
    parts = sorted(_needed(root, {extra}, {}).items())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(root, version, "application")},
        "components": [
            _component(part, part.version, "library") for key, part in parts if key != name
        ],
    }


def _needed(
    part: Distribution, extras: set[str], found: dict[str, Distribution]
) -> dict[str, Distribution]:
    """Collect what a distribution needs, and what that needs."""
    for requirement in _requirements(part, extras):
        match = _NAME.match(requirement)
        key = _key(match[0]) if match else ""
        wanted = _EXTRAS.search(requirement)
        more = {one.strip() for one in wanted[1].split(",")} if wanted else set[str]()
        if key == _key(part.name):
            _needed(part, more - extras, found)
        elif key and key not in found:
            try:
                found[key] = distribution(key)
            except PackageNotFoundError:
                continue  # for another system or another Python
            _needed(found[key], more, found)
    return found


def _requirements(part: Distribution, extras: set[str]) -> Iterator[str]:
    for line in part.requires or []:
        requirement, _, marker = line.partition(";")
        asked = _EXTRA.search(marker)
        if asked is None or asked[1] in extras:
            yield requirement


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _component(part: Distribution, version: str, kind: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{_key(part.name)}@{version}"
    return {
        "type": kind,
        "bom-ref": purl,
        "name": part.name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence(part)}],
    }


def licence(part: Distribution) -> str:
    """Return a distribution's licence as an SPDX expression; empty where it states none."""
    stated = part.metadata
    if stated["License-Expression"]:
        return str(stated["License-Expression"])
    classified = [
        line.rpartition(" :: ")[2]
        for line in stated.get_all("Classifier", [])
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    for text in (*(classified), stated["License"] or ""):
        if text.lower() in _IDENTIFIERS:
            return _IDENTIFIERS[text.lower()]
    short = (stated["License"] or "").strip()
    return short if re.fullmatch(r"[\w.+-]+(?: (?:AND|OR) [\w.+-]+)*", short) else ""
