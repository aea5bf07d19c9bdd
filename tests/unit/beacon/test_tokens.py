"""Report tokens: what is granted comes back, and nothing that was not granted ever does."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.beacon.tokens import SECRET_VARIABLE, Tokens
from sse_observe.errors import SettingsError

SECRET = "a secret of some length"


class Unix:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_grants_its_labels_until_it_expires() -> None:
    """A day later it is worth nothing."""
    clock = Unix()
    tokens = Tokens(SECRET, clock=clock)
    token = tokens.issue("/chat/{id}", "paying", "3g")

    grant = tokens.read(token)
    clock.now += 86_401

    assert grant is not None
    assert (grant.route, grant.user_segment, grant.network_type) == ("/chat/{id}", "paying", "3g")
    assert tokens.read(token) is None


def test_two_tokens_of_one_stream_can_be_told_apart() -> None:
    """Their report numbers are counted apart, and so are their limits."""
    tokens = Tokens(SECRET)
    nonces = {tokens.read(tokens.issue("/s", "all", "4g")).nonce for _ in range(100)}  # type: ignore[union-attr]

    assert len(nonces) == 100


def test_only_the_same_secret_reads_a_token() -> None:
    """Workers that share it read each other's; a stranger's own token is foreign."""
    token = Tokens(SECRET).issue("/s", "all", "4g")

    assert Tokens(SECRET).read(token) is not None
    assert Tokens(SECRET + "!").read(token) is None
    assert Tokens().read(token) is None


@given(st.data())
def test_no_changed_token_is_read(data: st.DataObject) -> None:
    """Not one character can be another one and grant anything else."""
    tokens = Tokens(SECRET)
    token = tokens.issue("/chat/{id}", "all", "4g")
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[at]))

    # Base64 leaves bits of a last character unused: another spelling is refused as well.
    assert tokens.read(token[:at] + other + token[at + 1 :]) is None


def test_a_token_has_one_spelling() -> None:
    """Two spellings of one token could report everything twice."""
    tokens = Tokens(SECRET)
    token = tokens.issue("/s", "all", "4g")

    others = [token[:-1] + chr(code) for code in range(33, 127)]

    assert [other for other in others if tokens.read(other) is not None] == [token]


@given(st.text(max_size=2000))
def test_nothing_that_is_no_token_raises(text: str) -> None:
    """Any text of a stranger is foreign."""
    assert Tokens(SECRET).read(text) is None


def test_the_environment_gives_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that all workers and hosts have the same one."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)

    assert Tokens(SECRET).read(Tokens().issue("/s", "all", "4g")) is not None


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_a_short_secret_is_refused_in_one_line(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which setting it is and how to make a good one."""
    monkeypatch.setenv(SECRET_VARIABLE, "short")

    with pytest.raises(SettingsError, match="token_urlsafe") as caught:
        Tokens("short" if where == "argument" else None)

    assert "\n" not in str(caught.value)
    assert (SECRET_VARIABLE in str(caught.value)) == (where == "environment")


@pytest.mark.parametrize(
    ("name", "value", "warns"),
    [
        ("PROMETHEUS_MULTIPROC_DIR", "somewhere", True),
        ("WEB_CONCURRENCY", "4", True),
        ("X", "", False),
    ],
)
def test_several_workers_without_a_secret_are_told_at_start(
    name: str,
    value: str,
    warns: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else reports that reach another worker would be refused, and nobody knew why."""
    for variable in (SECRET_VARIABLE, "PROMETHEUS_MULTIPROC_DIR", "WEB_CONCURRENCY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, value)

    with caplog.at_level(logging.WARNING, "sse_observe"):
        Tokens()

    assert [SECRET_VARIABLE in record.getMessage() for record in caplog.records] == [True] * warns
