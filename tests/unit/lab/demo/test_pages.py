"""The demo's pages: its state and its buttons, for its own page alone."""

import json

import pytest

from sse_observe.boards.web_pages import nothing_here
from sse_observe.lab.demo.pages import DemoPages
from tests.support.asgi import drive, http_scope

LOCAL = {"host": "127.0.0.1:8000"}
OURS = {**LOCAL, "sse-observe-demo": "1"}


@pytest.fixture
def pressed() -> list[str]:
    """Return the buttons that were pressed."""
    return []


@pytest.fixture
def pages(pressed: list[str]) -> DemoPages:
    """Return the pages of a demo with one button."""
    actions = {"plug": lambda: pressed.append("plug")}
    return DemoPages("<h1>home</h1>", nothing_here, lambda: {"seconds": 1}, actions)


def test_each_path_is_answered_by_its_part(pages: DemoPages) -> None:
    """The first page, its script, its state; the boards answer the rest."""

    def answered(path: str) -> tuple[int, bytes]:
        begin, end = drive(pages, http_scope(path, headers=LOCAL))
        return begin["status"], end["body"]

    assert answered("/") == (200, b"<h1>home</h1>")
    assert json.loads(answered("/demo/state.json")[1]) == {"seconds": 1}
    assert answered("/demo/home.js")[0] == answered("/demo/home.css")[0] == 200
    assert answered("/d/sse-x")[0] == 404


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", OURS, 204),
        ("GET", OURS, 405),
        ("POST", LOCAL, 403),
        ("POST", {**OURS, "host": "evil.example"}, 421),
    ],
)
def test_a_button_is_pressed_on_the_demos_own_page(
    pages: DemoPages, pressed: list[str], method: str, headers: dict[str, str], status: int
) -> None:
    """A form or an image of another web site cannot send our header, nor our name."""
    begin, _ = drive(pages, http_scope("/demo/plug", method=method, headers=headers))

    assert begin["status"] == status
    assert pressed == (["plug"] if status == 204 else [])
