"""The application: paths, methods, headers, and whom it lets in."""

import pytest

from sse_observe.errors import SettingsError
from sse_observe.reference.durable_streams import durable_streams_app
from sse_observe.reference.store import StoreDownError
from tests.support.durable import Asked
from tests.support.virtual import Visit, run


def test_a_stream_is_created_appended_to_read_and_deleted() -> None:
    """The whole of the protocol's first page."""

    async def main() -> None:
        asked = Asked()
        made = await asked.create("chat/7", b"a")
        assert made.headers["location"] == "/chat/7"
        assert (await asked.append("chat/7", b"b")).status == 204
        assert (await asked.ask("GET", "chat/7")).body == b"ab"
        assert (await asked.ask("DELETE", "chat/7")).status == 204
        assert (await asked.ask("GET", "chat/7")).status == 404

    run(main())


def test_a_head_tells_where_the_stream_ends() -> None:
    """Without a body, and without keeping the stream alive."""

    async def main() -> None:
        asked = Asked()
        made = await asked.create("s", b"a", {"Stream-TTL": "60"})
        head = await asked.ask("HEAD", "s")
        assert head.status == 200
        assert head.body == b""
        assert head.headers["stream-next-offset"] == made.headers["stream-next-offset"]
        assert head.headers["stream-ttl"] == "60"

    run(main())


@pytest.mark.parametrize("name", ["", "__ds/subscriptions/1", "x" * 1025])
def test_a_name_that_no_stream_can_have_is_not_found(name: str) -> None:
    """The protocol's own folder is not ours to give away, and names have an end."""

    async def main() -> None:
        assert (await Asked().ask("PUT", name)).status == 404

    run(main())


def test_another_method_is_told_which_there_are() -> None:
    """405 with `Allow`, as HTTP wants it."""

    async def main() -> None:
        answer = await Asked().ask("PATCH", "s")
        assert answer.status == 405
        assert "PUT" in answer.headers["allow"]

    run(main())


def test_it_runs_below_any_path() -> None:
    """Mounted, a name is what follows the mount."""

    async def main() -> None:
        asked = Asked()
        made = await Visit(asked.app, "/s", method="PUT", root_path="/streams").ended()
        assert made.headers["location"] == "/streams/s"
        assert (await asked.ask("HEAD", "s")).status == 200

    run(main())


@pytest.mark.parametrize(
    ("declared", "origin", "allowed"),
    [
        ((), "https://a.example", None),
        (["https://a.example"], "https://a.example", "https://a.example"),
        (["https://a.example"], "https://b.example", None),
        (["*"], "https://b.example", "*"),
    ],
)
def test_only_declared_web_pages_may_read_and_write(
    declared: list[str], origin: str, allowed: str | None
) -> None:
    """By default no page of another origin: it could write with its visitor's rights."""

    async def main() -> None:
        asked = Asked(allow_origins=declared)
        answer = await asked.ask("OPTIONS", "s", {"Origin": origin})
        assert answer.status == 204
        assert answer.headers.get("access-control-allow-origin") == allowed

    run(main())


def test_a_store_that_is_away_is_told_in_one_line() -> None:
    """503 and when to come again; no traceback."""

    async def main() -> None:
        asked = Asked()

        async def away(*_: object, **__: object) -> None:
            raise StoreDownError("redis://h: not reachable")

        asked.store.read = away
        answer = await asked.ask("GET", "s")
        assert (answer.status, answer.body) == (503, b"redis://h: not reachable\n")
        assert answer.headers["retry-after"] == "5"

    run(main())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sse_seconds": 0}, "sse_seconds=0"),
        ({"max_readers": -1}, "max_readers=-1"),
        ({"allow_origins": "https://a"}, "is one text"),
    ],
)
def test_an_option_that_cannot_work_is_refused_by_name(options: dict, says: str) -> None:
    """When the application is made, not when somebody asks."""
    with pytest.raises(SettingsError, match=says):
        durable_streams_app(**options)
