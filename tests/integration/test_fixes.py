"""The proxies' configurations that the runbooks show, before real proxies and a real stream."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sse_observe.catalog.load import load
from sse_observe.lab.programs.process import Program, find, free_port
from tests.support.programs import needs
from tests.support.servers import RawClient, serve

pytestmark = pytest.mark.slow

FIXES = load().fixes
PATH = "/api/v1/stream"


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Send two events and no more, and ask no proxy for anything."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
    await asyncio.sleep(0.1)
    # What comes with the head passes any proxy; what comes later shows what it does.
    await send({"type": "http.response.body", "body": b"data: second\n\n", "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while (await receive())["type"] != "http.disconnect":
                pass


def fenced(fix: str, language: str) -> str:
    """Return the configuration that a fix shows."""
    found = re.search(rf"^```{language}\n(.*?)^```$", FIXES[fix], re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@contextmanager
def proxied(program: str, config: Path, *command: str, port: int) -> Iterator[str]:
    """Run a proxy; give the address of the stream behind it."""

    def accepts() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    words = [program, *command, str(config)]
    with Program(words, log=config.with_suffix(".log"), ready=accepts):
        yield f"http://127.0.0.1:{port}{PATH}"


@contextmanager
def nginx(home: Path, upstream: str, location: str) -> Iterator[str]:
    """Run nginx with a location as it is shown."""
    port = free_port()
    temporary = "".join(
        f"{kind}_temp_path {home}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = home / "nginx.conf"
    config.write_text(
        f"daemon off; pid {home}/nginx.pid; error_log stderr crit; events {{}}\n"
        f"http {{ access_log off; {temporary} upstream app {{ server {upstream}; }}\n"
        f"server {{ listen 127.0.0.1:{port}; {location} }} }}\n"
    )
    program = find("nginx", "nginx")
    with proxied(program, config, "-e", "stderr", "-p", str(home), "-c", port=port) as url:
        yield url


def test_nginx_with_the_fix_lets_an_event_through_at_once(tmp_path: Path) -> None:
    """The configuration of a runbook loads, and its event arrives while the stream is open."""
    needs("/usr/sbin/nginx")
    shown = fenced("nginx", "nginx")

    with (
        serve(slow) as upstream,
        nginx(tmp_path, urlsplit(upstream).netloc, shown) as url,
        RawClient(url) as client,
    ):
        client.until(lambda seen: len(seen.payloads) == 2)

        assert not client.at_end


def test_caddy_with_the_fix_lets_an_event_through_at_once(tmp_path: Path) -> None:
    """The configuration of a runbook loads, and its event arrives while the stream is open."""
    program = needs("caddy")
    port, config = free_port(), tmp_path / "Caddyfile"
    with serve(slow) as upstream:
        shown = fenced("caddy", "caddyfile").replace("app:8000", urlsplit(upstream).netloc)
        options = "{\n\tadmin off\n\tauto_https off\n}\n"
        config.write_text(f"{options}http://127.0.0.1:{port} {{\n{shown}}}\n")
        words = ("run", "--adapter", "caddyfile", "--config")
        with proxied(program, config, *words, port=port) as url, RawClient(url) as client:
            client.until(lambda seen: len(seen.payloads) == 2)

            assert not client.at_end


def test_varnish_with_the_fix_lets_an_event_through_at_once(tmp_path: Path) -> None:
    """The configuration of a runbook loads, and its event arrives while the stream is open."""
    needs("/usr/sbin/varnishd")
    port, config = free_port(), tmp_path / "default.vcl"
    with serve(slow) as upstream:
        host, _, at = urlsplit(upstream).netloc.partition(":")
        backend = f'backend default {{ .host = "{host}"; .port = "{at}"; }}\n'
        config.write_text(f"vcl 4.1;\n{backend}{fenced('varnish', 'vcl')}")
        program = find("varnishd", "varnish")
        words = ("-F", "-n", str(tmp_path / "work"), "-j", "none", "-s", "malloc,16m")
        listen = ("-a", f"127.0.0.1:{port}", "-f")
        with proxied(program, config, *words, *listen, port=port) as url, RawClient(url) as client:
            client.until(lambda seen: len(seen.payloads) == 2)

            assert not client.at_end


def test_haproxy_with_the_fix_lets_an_event_through_at_once(tmp_path: Path) -> None:
    """The configuration of a runbook loads, and its event arrives while the stream is open."""
    needs("/usr/sbin/haproxy")
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    with serve(slow) as upstream:
        config.write_text(
            f"{fenced('haproxy', 'haproxy')}\nfrontend f\n    bind 127.0.0.1:{port}\n"
            f"    default_backend b\nbackend b\n    server s {urlsplit(upstream).netloc}\n"
        )
        program = find("haproxy", "haproxy")
        with proxied(program, config, "-db", "-f", port=port) as url, RawClient(url) as client:
            client.until(lambda seen: len(seen.payloads) == 2)

            assert not client.at_end
