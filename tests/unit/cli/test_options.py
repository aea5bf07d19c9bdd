"""Shared options, and how a command prints."""

import json

import pytest

from sse_observe.cli.options import print_json, warn


def test_a_document_is_printed_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Indented, on the standard output, and nothing beside it."""
    print_json({"a": [1]})
    printed = capsys.readouterr()

    assert json.loads(printed.out) == {"a": [1]}
    assert printed.out.startswith('{\n  "a"')
    assert printed.err == ""


def test_a_warning_is_a_line_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    """It never gets into a diff or a document."""
    warn(["one", "two"])
    printed = capsys.readouterr()

    assert printed.err == "sse-observe: warning: one\nsse-observe: warning: two\n"
    assert printed.out == ""
