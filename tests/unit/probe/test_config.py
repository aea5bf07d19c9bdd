"""The prober's file: what is wrong in it is one line that says where, and what to do."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sse_observe.check.asking.failures import AskError
from sse_observe.errors import CheckError
from sse_observe.probe.config import load
from tests.support.probing import written

TARGET = {"url": "http://stream.test/a?key=secret", "module": "feed"}
CHAT = {"method": "POST", "budget": {"requests_per_day": 1}}


def test_a_target_is_found_by_its_name_or_its_url(tmp_path: Path) -> None:
    """Its name is its URL without the query, where none is given: a query may hold a secret."""
    loaded = load(written(tmp_path, targets=[TARGET, {**TARGET, "name": "b"}]))

    assert [*loaded.targets] == ["http://stream.test/a", "b"]
    assert loaded.find("b", None) is loaded.targets["b"]
    assert loaded.find(TARGET["url"], "feed") is not None
    assert loaded.find("b", "other") is None
    assert loaded.find("http://stream.test/other", None) is None


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"modules": None}, "modules: give at least one"),
        ({"modules": {"feed": {"sekonds": 1}}}, "modules.feed: Object contains unknown field"),
        ({"modules": {"feed": {"seconds": "1"}}}, "modules.feed.seconds: Expected"),
        ({"modules": {"feed": {"seconds": -1}}}, "modules.feed: seconds: -1"),
        ({"modules": {"feed": {"timeout_seconds": 1e9}}}, "outside 0 to 600"),
        ({"modules": {"feed": {"protocol": "gopher"}}}, "'gopher' is not known"),
        ({"modules": {"feed": {"method": "DELETE"}}}, "modules.feed.method: Invalid enum"),
        ({"modules": {"feed": {"method": "POST"}}}, "needs a budget"),
        ({"modules": {"feed": CHAT}}, "budget: needs state_file"),
        ({"modules": {"feed": {**CHAT, "resume": True}}, "state_file": "s"}, "never sent twice"),
        ({"modules": {"feed": {"must": {"checks": ["no"]}}}}, "'no' is no check"),
        ({"modules": {"feed": {"must": {"checks": ["leaving"]}}}}, "leaving"),
        ({"modules": {"feed": {"headers": {"a b": "c"}}}}, "headers.a b: is no header"),
        ({"modules": {"feed": {"headers": {"a": "b\r\nc: d"}}}}, "headers.a: is no header"),
        ({"modules": {"feed": {"headers": {"a": {}}}}}, "give env or file"),
        ({"modules": {"feed": {"headers": {"a": {"env": "NO_SUCH"}}}}}, "NO_SUCH is not set"),
        ({"modules": {"feed": {"body": "a", "body_file": "b"}}}, "not both"),
        ({"modules": {"feed": {"body_file": "no.json"}}}, "no.json: no such file"),
        ({"targets": 3}, "targets: is no list"),
        ({"targets": [{**TARGET, "module": "no"}]}, r"targets\[0\]: module: 'no'"),
        ({"targets": [{**TARGET, "url": "ftp://a"}]}, r"targets\[0\]: url"),
        ({"targets": [{**TARGET, "interval": 1}]}, "outside 5 to 86400"),
        ({"targets": [TARGET, TARGET]}, r"targets\[1\]: http://stream.test/a stands twice"),
        ({"concurrency": 0}, "concurrency: 0"),
        ({"colour": 1}, "unknown field `colour`"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, parts: dict[str, object], words: str) -> None:
    """The file and the key come first; no secret of it is shown."""
    path = written(tmp_path, **parts)
    with pytest.raises(CheckError, match=words) as refused:
        load(path)

    assert str(refused.value).startswith(str(path))
    assert "secret" not in str(refused.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Nobody mends a file line by line."""
    wrong = [{**TARGET, "module": "x"}, {"url": "nonsense", "module": "feed"}]
    with pytest.raises(CheckError) as refused:
        load(written(tmp_path, targets=wrong))

    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "[", "- a", "modules: {a: {b: ", "\0", "modules: 2026-99-99"])
def test_what_is_no_configuration_is_one_line(tmp_path: Path, text: str) -> None:
    """Nor is a folder, or a file that is not there."""
    path = tmp_path / "probes.yaml"
    path.write_text(text)
    for each in (path, tmp_path, tmp_path / "no.yaml"):
        with pytest.raises(CheckError) as refused:
            load(each)
        assert "\n" not in str(refused.value)


def test_a_secret_is_read_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, or from a file at each probe; a file that is gone fails the probe."""
    monkeypatch.setenv("PROBE_TOKEN", "abc")
    token = tmp_path / "token"
    headers = {
        "Authorization": {"env": "PROBE_TOKEN", "prefix": "Bearer "},
        "X-Api-Key": {"file": str(token)},
        "X-Plain": "p",
    }
    loaded = load(written(tmp_path, modules={"feed": {"headers": headers}}))
    token.write_text("first\n")
    first = loaded.question("http://a.test/", "feed").headers
    token.write_text("second\n")
    second = dict(loaded.question("http://a.test/", "feed").headers)
    token.unlink()

    assert first == (("Authorization", "Bearer abc"), ("X-Api-Key", "first"), ("X-Plain", "p"))
    assert second["X-Api-Key"] == "second"
    with pytest.raises(AskError, match="cannot be read"):
        loaded.question("http://a.test/", "feed")


KEYS = st.sampled_from(
    ["modules", "targets", "feed", "url", "module", "must", "budget", "headers", "checks", "x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_no_file_breaks_the_reader(tmp_path: Path, value: object) -> None:
    """A configuration is read or refused, whatever stands in it."""
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(value))
    try:
        loaded = load(path)
    except CheckError:
        return
    assert loaded.config.modules
