"""Regular expressions of matchers: refused where Prometheus refuses them, and only there."""

import pytest

from sse_observe.catalog.regex import regex_problem
from sse_observe.errors import LabError
from sse_observe.lab.programs.prometheus import Prometheus

GOOD = [
    "",
    "a|b",
    "eu-.*",
    "[[:alpha:]]+",
    r"\pL\d\z",
    "(?i)a(?i:b)",
    r"\Q*\E",
    "(?P<n>a)",
    "(?<n>a)",
]
BAD = ["(", "*a", "a{3,2}", "[z-a]", r"(?=a)", r"(?<!a)b", r"(a)\1", "a**", ")", "[", r"\y"]


@pytest.mark.parametrize("text", GOOD)
def test_what_prometheus_takes_is_good(text: str) -> None:
    """Words that only RE2 knows are no fault."""
    assert regex_problem(text) is None


@pytest.mark.parametrize("text", BAD)
def test_what_prometheus_refuses_is_named(text: str) -> None:
    """The fault, and the remedy."""
    problem = regex_problem(text)

    assert problem
    assert "; " in problem


@pytest.mark.slow
@pytest.mark.parametrize("text", [*GOOD, *BAD])
def test_prometheus_agrees(prometheus: Prometheus, text: str) -> None:
    """A real one takes what we take, and refuses what we refuse."""
    # Named groups without the P came with a newer RE2 than that of Prometheus 2.42.
    if text == "(?<n>a)":
        return
    query = "up{a=~" + '"' + text.replace("\\", "\\\\") + '"}'
    try:
        prometheus.query(query)
        taken = True
    except LabError:
        taken = False

    assert taken == (regex_problem(text) is None)
