"""The client module over HTTP: revalidated, or kept for ever by its version."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from sse_observe.beacon import beacon_app
from sse_observe.registry import SSEMetrics, package_version
from tests.support.reporting import SECRET, ask, scope_of


@pytest.fixture
def app(metrics: SSEMetrics) -> Any:
    return beacon_app(metrics, secret=SECRET)


def test_the_module_is_revalidated_and_kept_for_ever_by_its_version(app: Any) -> None:
    """A web page that names the version never asks again; any other always sees the newest."""
    path = "/sse/sse-observe.js"
    plain = ask(app, scope_of(path, "GET"))
    packed = ask(app, scope_of(path, "GET", headers={"accept-encoding": "br, gzip"}))
    again = ask(app, scope_of(path, "GET", headers={"if-none-match": plain.headers["etag"]}))
    known = ask(app, scope_of(path, "GET", query=f"v={package_version()}"))
    other = ask(app, scope_of(path, "GET", query="v=0.0.0"))
    head = ask(app, scope_of(path, "HEAD"))

    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["cache-control"] == other.headers["cache-control"] == "no-cache"
    assert known.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert b"export class ResilientEventSource" in plain.body
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["vary"] == "Accept-Encoding"
    assert (again.status, again.body) == (304, b"")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(plain.body))
    assert ask(app, scope_of(path, "POST")).status == 405


def test_the_small_one_is_sent_where_the_build_has_made_one(
    metrics: SSEMetrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel has both files; a source tree has one, and works all the same."""
    client = tmp_path / "client"
    client.mkdir()
    client.joinpath("sse-observe.js").write_bytes(b"// for people")
    monkeypatch.setattr("sse_observe.beacon.client_module.files", lambda _: tmp_path)

    def served() -> bytes:
        return ask(beacon_app(metrics, secret=SECRET), scope_of("/sse-observe.js", "GET")).body

    assert served() == b"// for people"
    client.joinpath("sse-observe.min.js").write_bytes(b"1")
    assert served() == b"1"
