"""The script of an upstream: what is wrong in it is one line that says where."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.check.truth.script import Cut, End, Failure, Pause, Raw, Repeated, read
from sse_observe.errors import CheckError

WHOLE = """
protocol: anthropic
runs:
  answer:
    - tokens: 20
      every: 0.05
    - pause: 2
    - heartbeats: 3
    - error: overloaded
    - raw: "x: y"
    - end
    - cut
"""


def written(home: Path, text: str) -> Path:
    path = home / "script.yaml"
    path.write_text(text)
    return path


def test_every_step_is_read(tmp_path: Path) -> None:
    """In order, with its times; what is not said has a default."""
    script = read(written(tmp_path, WHOLE))

    assert script.protocol == "anthropic"
    assert list(script.runs[0].steps) == [
        Repeated("tokens", 20, 0.05),
        Pause(2.0),
        Repeated("heartbeats", 3, 1.0),
        Failure("overloaded"),
        Raw("x: y"),
        End(),
        Cut(),
    ]
    assert script.runs[0].seconds == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give the keys protocol and runs"),
        ("runs: {a: [{tokens: 1}]}\nother: 1", "give the keys protocol and runs"),
        ("protocol: gopher\nruns: {a: [{tokens: 1}]}", "gopher"),
        ("protocol: [none]\nruns: {a: [{tokens: 1}]}", "is not known"),
        ("runs: {}", "1 to 20 of them"),
        ("runs: {a: 3}", "runs.a: is no list"),
        ("runs: {a: [stop]}", r"runs.a\[0\]: 'stop' is no step"),
        ("runs: {a: [{tokens: 1}, {sleep: 3}]}", r"runs.a\[1\]: sleep is no step"),
        ("runs: {a: [{tokens: no}]}", "is no count"),
        ("runs: {a: [{tokens: 1, every: 0}]}", "is no time"),
        ("runs: {a: [{pause: 1}]}", "has no tokens"),
        ("runs: {a: [{tokens: 5000, every: 1}]}", "is over 600 s"),
        ("runs: {a: [", "is no YAML"),
        ("runs: 2026-99-99", "is no YAML"),
        ("runs: !!python/object:os.system {}", "is no YAML"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    """The file, the place, the remedy."""
    path = written(tmp_path, text)
    with pytest.raises(CheckError, match=words) as refused:
        read(path)

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """So is a folder."""
    for path in (tmp_path / "no.yaml", tmp_path):
        with pytest.raises(CheckError, match="--upstream-script"):
            read(path)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["end", "cut", "tokens", "pause", "error", "raw"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["runs", "tokens", "every", "pause", "x"]), inner)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_no_script_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, steps: object, whole: object
) -> None:
    """A script is read or refused, whatever stands in it."""
    home = tmp_path_factory.getbasetemp()
    for value in (whole, {"runs": {"a": [{"tokens": 1}, steps]}}):
        with suppress(CheckError):
            assert read(written(home, yaml.safe_dump(value))).runs
