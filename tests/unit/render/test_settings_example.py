"""The printed settings file: every key, each with words, and read back as what was printed."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import FILE_NAME, Settings
from sse_observe.render.settings_example import WORDS, settings_example
from sse_observe.render.settings_file import load_settings
from tests.support.examples import FOLDER, settings
from tests.support.rendered import CATALOG, settings_file


def keys(part: msgspec.Struct, prefix: str = "") -> Iterator[str]:
    """Yield the path of every key."""
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        yield prefix + field.encode_name
        if isinstance(value, msgspec.Struct):
            yield from keys(value, f"{prefix}{field.encode_name}.")


def test_every_key_has_words_and_no_words_are_left_over() -> None:
    """A key that is added without words fails here."""
    assert sorted(WORDS) == sorted(keys(Settings()))


def test_what_is_printed_is_read_back_as_the_defaults(tmp_path: Path) -> None:
    """Saved as it is, it changes nothing; also with every example without its mark."""
    text = settings()
    marked = [line for line in text.splitlines() if line.startswith(("# r", "# e"))]

    assert load_settings(settings_file(tmp_path, text)) == Settings()
    assert {line.split(":")[0] for line in marked} == {
        "# rule_interval",
        "# retention",
        "# extra_alerts",
    }
    for line in marked:
        text = text.replace(line, line.removeprefix("# "))
    opened = load_settings(settings_file(tmp_path, text))
    assert (opened.rule_interval, opened.retention) == ("30s", "30d")


def test_each_alert_is_shown_with_what_may_be_changed(tmp_path: Path) -> None:
    """A line of it, taken over, is accepted and changes nothing."""
    lines = [line.removeprefix("#   ") for line in settings().splitlines() if "#   SSE" in line]
    given = settings_file(tmp_path, "alerts:\n" + "".join(f"  {line}\n" for line in lines))

    assert [line.partition(":")[0] for line in lines] == [alert.name for alert in CATALOG.alerts]
    tuned, _ = catalogue(given)
    plain, _ = catalogue(None)
    assert tuned == plain


def test_values_of_a_file_are_kept(tmp_path: Path) -> None:
    """Whoever has settings sees them among the rest."""
    given = settings_file(
        tmp_path,
        "scrape_interval: 30s\nlabels: {team: 'a\"b'}\nalerts: {SSEMessageLoss: {for: 2m}}\n",
    )
    catalog, found = catalogue(given)
    again = settings_file(tmp_path, settings_example(found, catalog))

    assert load_settings(again) == found


def test_the_committed_example_is_current() -> None:
    """`make render` writes it."""
    assert (FOLDER / FILE_NAME).read_text() == settings()
