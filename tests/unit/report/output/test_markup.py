"""HTML that no text can break: everything is shown as text, and as nothing else."""

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from sse_observe.report.output.markup import data_block, tag, text


@settings(max_examples=40)
@given(st.text())
def test_any_text_survives_as_text(words: str) -> None:
    """A reader of HTML gets back what was written, and nothing else is in it."""
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            seen.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert (tag, attrs) == ("p", [])

    reader = Reader()
    reader.feed(tag("p", words))
    reader.close()
    shown = "".join(seen)
    shown.encode()  # no lone surrogate is left
    if all(char.isprintable() or char in "\n\t" for char in words):
        assert shown == words


@settings(max_examples=40)
@given(st.text())
def test_no_text_ends_a_block_of_data(words: str) -> None:
    """A script's end tag in a label would end the script."""
    block = data_block({"name": words}, "figures")
    inside = block.removeprefix('<script type="application/json" id="figures">')

    assert not set(inside.removesuffix("</script>")) & set("<>&\u2028\u2029")
    assert block.isascii()


def test_what_cannot_be_seen_is_shown_by_its_code() -> None:
    """A mark that turns the direction of writing could make a line read as another."""
    assert text("a\u202eb\0") == "a\\u202eb\N{SYMBOL FOR NULL}"


def test_an_attribute_is_quoted_left_out_or_bare() -> None:
    """A quote in a value does not end it; what is None or False is no attribute."""
    found = tag("a", "x", href='"><b>', hidden=True, title=None, class_="soft")

    assert found == '<a href="&quot;&gt;&lt;b&gt;" hidden class="soft">x</a>'
