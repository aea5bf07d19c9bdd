"""An API's address as a user gives it: tidied, fit to be shown, with what signs in there."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.errors import ReportError
from sse_observe.report.query.address import api_address, one_line


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:9090/", "http://h:9090"),
        ("https://h/prometheus/api/v1/", "https://h/prometheus"),
        ("http://h:9093/api/v2", "http://h:9093"),
        ("http://me:secret@h:9090/?token=secret#x", "http://h:9090"),
    ],
)
def test_what_is_shown_is_the_place_alone(url: str, shown: str) -> None:
    """Without a name, a password, a query, and the API's own path."""
    assert api_address("--prometheus", url).shown == shown


def test_a_name_and_a_password_become_the_header_that_they_stand_for() -> None:
    """Beside the headers that were given."""
    address = api_address("--alertmanager", "http://me:p%40ss@h", ["X-Scope-OrgID: 7"])

    assert address.headers == {
        "Authorization": f"Basic {base64.b64encode(b'me:p@ss').decode()}",
        "X-Scope-OrgID": "7",
    }


@given(
    st.text(max_size=20), st.sampled_from(["http://me:%s@h:x", "me:%s@h", "ftp://%s@h", "//%s@"])
)
def test_no_wrong_address_shows_what_may_be_a_password(text: str, form: str) -> None:
    """Whatever stands before an @, however the rest is broken."""
    with pytest.raises(ReportError) as refused:
        api_address("--alertmanager", form % f"s3cret{text}s3cret")

    (line,) = str(refused.value).splitlines()
    assert line.startswith("--alertmanager")
    assert "s3cret" not in line


def test_a_line_is_one_line_that_no_terminal_obeys() -> None:
    """Of at most 200 letters."""
    assert one_line("a\nb\x1b[2J") == "a b\\x1b[2J"
    assert len(one_line("x" * 999)) == 200
