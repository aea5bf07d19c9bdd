"""The server that a URL names."""

import pytest

from sse_observe.errors import SettingsError
from sse_observe.reference.redis.url import server_of


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("rediss://user:secret@h", "rediss://h"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("redis+sentinel://:secret@a:1,b:2/main/3", "redis+sentinel://a:1,b:2/main/3"),
        ("redis+cluster://a,b:7000", "redis+cluster://a,b:7000"),
    ],
)
def test_a_url_is_named_without_its_secrets(url: str, name: str) -> None:
    """The name stands in log lines and errors."""
    server = server_of(url, timeout_seconds=1)

    assert server.name == name
    assert server.is_cluster == ("cluster" in url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:6379", "names no Redis"),
        ("redis://", "names no host"),
        ("redis+sentinel://a:1", "names no service of the Sentinels"),
        ("redis+cluster://a:x", "'a:x' is no host and port"),
        ("redis://h:port/0", "redis://h:port/0: "),
    ],
)
def test_a_wrong_url_is_refused_with_the_forms_that_there_are(url: str, says: str) -> None:
    """One line: the URL, the mistake, what to write."""
    with pytest.raises(SettingsError) as refusal:
        server_of(url, timeout_seconds=1)

    assert says in str(refusal.value)
    assert "write redis://host:6379/0" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_wrong_url_keeps_its_password_to_itself() -> None:
    """A line for the log is read by more people than the password."""
    with pytest.raises(SettingsError) as refusal:
        server_of("redis+sentinel://:secret@a:1", timeout_seconds=1)

    assert "secret" not in str(refusal.value)
