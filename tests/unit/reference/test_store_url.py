"""The store that the environment names."""

import pytest

from sse_observe.errors import SettingsError
from sse_observe.reference import MemoryStore
from sse_observe.reference.redis import RedisStore
from sse_observe.reference.store_url import VARIABLE, store_from_environment


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_name_it_is_memory(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """One process needs no Redis; an empty variable is an unset one."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)

    assert isinstance(store_from_environment(), MemoryStore)


def test_a_url_names_a_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is connected before it is used; the password stays out of every line."""
    monkeypatch.setenv(VARIABLE, "redis://:secret@redis:6379/0")
    store = store_from_environment()

    assert isinstance(store, RedisStore)
    assert store.name == "redis://redis:6379/0"


def test_a_url_of_another_kind_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing mistake is told with the forms that there are."""
    monkeypatch.setenv(VARIABLE, "postgres://db/1")

    with pytest.raises(SettingsError, match=r"^postgres://db/1: names no Redis; write redis://"):
        store_from_environment()
