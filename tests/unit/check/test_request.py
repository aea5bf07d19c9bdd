"""A call of the command turned into a question: every mistake is one line."""

from pathlib import Path

import pytest

from sse_observe.check.request import CheckRequest
from sse_observe.errors import CheckError, SSEObserveError

URL = "http://host.test/"


def test_a_body_makes_it_a_post(tmp_path: Path) -> None:
    """As with curl; the file is read once."""
    body = tmp_path / "body.json"
    body.write_text('{"stream": true}')
    [main, *_] = CheckRequest(url=URL, data=f"@{body}").doctor().plan()

    assert main.place.method == "POST"
    assert main.place.body == b'{"stream": true}'


def test_a_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in no shell history; one that is not set is refused."""
    monkeypatch.setenv("API_TOKEN", " tok-1234 \n")
    [main, *_] = CheckRequest(url=URL, token_env="API_TOKEN").doctor().plan()
    monkeypatch.delenv("API_TOKEN")

    assert main.place.headers == (("Authorization", "Bearer tok-1234"),)
    with pytest.raises(CheckError, match="API_TOKEN"):
        CheckRequest(url=URL, token_env="API_TOKEN").doctor()


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": "@/no/such/file"},
        {"data": "@/"},
        {"headers": ("broken",)},
        {"protocol": "gopher"},
        {"method": "G E T"},
        {"url": "nonsense"},
        {"via": ("nonsense",)},
        {"via": (URL,), "data": "x"},
        {"metrics": "nonsense"},
        {"users": 100},
        {"prometheus": URL},
        {"production": True, "grafana_token_env": "TOKEN"},
        {"factory": True},
        {"origin": "garbage"},
        {"origin": "https://www.example.com/page"},
        {"authority": Path("/no/such/file")},
    ],
)
def test_a_wrong_call_is_one_line(wrong: dict[str, object]) -> None:
    """Nothing is sent, and no traceback is shown."""
    with pytest.raises(SSEObserveError) as refused:
        CheckRequest(**{"url": URL, **wrong}).doctor()  # type: ignore[arg-type]

    assert "\n" not in str(refused.value)


def test_only_what_was_asked_for_is_asked() -> None:
    """Each flag adds its requests, and nothing else does."""
    plain = {one.visit for one in CheckRequest(url=URL).doctor().plan()}
    more = {one.visit for one in CheckRequest(url=URL, resume=True).doctor().plan()}

    assert more - plain == {"resume", "query_cursor", "finished"}
