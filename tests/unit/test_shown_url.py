"""A URL is shown without what may be a secret, however it is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.shown_url import shown_url

SECRET = "PASSW0RD"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h:8443/a/b", "https://h:8443/a/b"),
        (f"https://me:{SECRET}@h:8443/a", "https://h:8443/a"),
        (f"https://h/a?token={SECRET}&n=1#part", "https://h/a?token=…&n=…"),
        (f"https://h/a?{SECRET}", "https://h/a?…"),
        ("localhost:9090", "localhost:9090"),
        (f"me:{SECRET}@h:9090/x", "…@h:9090/x"),
        (f"http://me:{SECRET}", "http://me:…"),
        (f"http://me:{SECRET}@h:99999", "…@h:99999"),
        (f"http://me:{SECRET}@h:port/{SECRET}", "…@h:…"),
        (f"me:{SECRET}@http://h", "…@http://h"),
        (f"ftp://{SECRET}#/?{SECRET}@h", "…@h"),
        ("http://[broken?token=x", "http://[broken"),
        ("http://h/a\nb\x1b[31m", "http://h/ab[31m"),
    ],
)
def test_it_says_where_and_no_secret(url: str, shown: str) -> None:
    """Enough to find the mistake: scheme, host, port and path."""
    assert shown_url(url) == shown


@given(
    st.text(),
    st.sampled_from(
        [f"https://u:{SECRET}@h/", f"u:{SECRET}@h", f"//u:{SECRET}@h?q=", f"x:{SECRET}@"]
    ),
)
def test_it_never_shows_a_password(text: str, url: str) -> None:
    """Whatever stands behind it."""
    assert SECRET not in shown_url(url + text)
    assert SECRET not in shown_url(f"{url}{text}?{SECRET}")
