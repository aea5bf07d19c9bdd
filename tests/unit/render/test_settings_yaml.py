"""The YAML of a settings file: what YAML would take without a word is said in one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.errors import SettingsError
from sse_observe.render.settings_yaml import MOST_BYTES, Document, read

WRONG = {
    "a: 1\nb: 2\na: 3\n": "line 3: a: stands in line 1 already",
    "a:\n  b: 1\n\n  b: 2\n": "line 4: b: stands in line 2 already",
    "a: [{b: 1, b: 2}]\n": "line 1: b: stands in line 1 already",
    "a: {no: 1}\n": 'line 1: no: YAML takes this key for no text; write "no"',
    "1: a\n": 'line 1: 1: YAML takes this key for no text; write "1"',
    "? [a]\n: b\n": "line 1: a key is a word",
    "a: 2026-99-99\n": "month must be in 1..12; put it in quotes",
    "a: !!python/name:os.system\n": "line 1: could not determine a constructor",
    "a: b: c\n": "line 1: mapping values are not allowed here",
    "--- a\n--- b\n": "line 2: but found another document",
    "a: " + "[" * 5000: "nested too deeply",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: repr(text)[:30])
def test_wrong_writing_is_one_line(text: str, tmp_path: Path) -> None:
    """File, line, what is wrong; a key that stands twice names both of its lines."""
    path = tmp_path / "s.yaml"
    path.write_text(text)

    with pytest.raises(SettingsError) as error:
        read(path)

    assert str(error.value).startswith(f"{path}: {WRONG[text]}")
    assert "\n" not in str(error.value)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    """A log given by mistake costs nothing."""
    path = tmp_path / "log"
    path.write_bytes(b"#" * (MOST_BYTES + 1))

    with pytest.raises(SettingsError, match="larger than 1 MB"):
        read(path)


def test_a_value_is_found_as_it_was_written(tmp_path: Path) -> None:
    """YAML reads `no` as false; the user wrote no."""
    path = tmp_path / "s.yaml"
    path.write_text("\ufeffa: [x, {b: no}]\n")
    found = read(path)

    assert found.value == {"a": ["x", {"b": False}]}
    assert found.written(["a", "1", "b"]) == "no"
    assert found.written(["a", "7"]) is None
    assert found.written(["a"]) is None


def test_a_merged_key_or_an_alias_does_not_stand_twice(tmp_path: Path) -> None:
    """A value that is used twice still stands once."""
    path = tmp_path / "s.yaml"
    path.write_text("a: &a {x: 1}\nb: *a\nc: {<<: *a, x: 2}\n")

    assert read(path).value == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 2}}


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_bytes_give_a_document_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: str | bytes
) -> None:
    """Whatever stands in the file, no traceback."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    try:
        found: object = read(path)
    except SettingsError as error:
        found = str(error)

    assert isinstance(found, Document) or str(found).startswith(f"{path}: ")
