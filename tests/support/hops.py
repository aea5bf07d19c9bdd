"""Real proxies on loopback, each right or with one fault, to be put before one another."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sse_observe.lab.programs.process import Program, find, free_port
from tests.support.paths import ROOT

Start = Callable[[Path, int], "Running"]
"""Starts a hop that writes below a folder, before the port of another."""


class Running(NamedTuple):
    """A hop that answers."""

    program: Program
    port: int
    scheme: str = "http"


def _accepts(port: int) -> Callable[[], bool]:
    def accepts() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    return accepts


NGINX_RIGHT = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;'


def nginx(location: str, http: str = "", listen: str = "", scheme: str = "http") -> Start:
    """Return an nginx with these lines in its location, and in its http block."""

    def start(home: Path, upstream: int) -> Running:
        port = free_port()
        home.mkdir(parents=True)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {home}/{kind};" for kind in kinds)
        config = home / "nginx.conf"
        config.write_text(
            f"user root; daemon off; pid {home}/nginx.pid; error_log stderr crit; events {{}}\n"
            f"http {{ access_log off; {temporary} {http.format(home=home)}\n"
            f"server {{ listen 127.0.0.1:{port} {listen.format(home=home)};\n"
            f"location / {{ proxy_pass http://127.0.0.1:{upstream}; {location} }} }} }}\n"
        )
        words = [find("nginx", "nginx"), "-e", "stderr", "-p", str(home), "-c", str(config)]
        program = Program(words, log=home / "log", ready=_accepts(port)).start()
        return Running(program, port, scheme)

    return start


def haproxy(defaults: str = "", backend: str = "") -> Start:
    """Return an HAProxy with these lines in its defaults, and in its backend."""

    def start(home: Path, upstream: int) -> Running:
        port = free_port()
        home.mkdir(parents=True)
        config = home / "haproxy.cfg"
        config.write_text(
            "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
            f"{defaults}\nfrontend f\n bind 127.0.0.1:{port}\n default_backend b\n"
            f"backend b\n{backend}\n server s 127.0.0.1:{upstream}\n"
        )
        words = [find("haproxy", "haproxy"), "-db", "-f", str(config)]
        return Running(Program(words, log=home / "log", ready=_accepts(port)).start(), port)

    return start


def caddy(proxy: str = "", site: str = "", options: str = "") -> Start:
    """Return a Caddy with these lines in its reverse_proxy, its site and its options."""

    def start(home: Path, upstream: int) -> Running:
        port = free_port()
        home.mkdir(parents=True)
        config = home / "Caddyfile"
        config.write_text(
            f"{{\n admin off\n auto_https off\n{options}\n}}\nhttp://127.0.0.1:{port} {{\n{site}\n"
            f"reverse_proxy 127.0.0.1:{upstream} {{\n{proxy}\n}}\n}}\n"
        )
        folders = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(home))
        words = [find("caddy", "caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
        program = Program(
            words, log=home / "log", ready=_accepts(port), env={**os.environ, **folders}
        )
        return Running(program.start(), port)

    return start


def varnish(vcl: str = "") -> Start:
    """Return a Varnish with this VCL."""

    def start(home: Path, upstream: int) -> Running:
        port = free_port()
        home.mkdir(parents=True)
        config = home / "default.vcl"
        backend = f'backend default {{ .host = "127.0.0.1"; .port = "{upstream}"; }}'
        config.write_text(f"vcl 4.1;\n{backend}\n{vcl}\n")
        words = [
            *(find("varnishd", "varnish"), "-F", "-n", str(home / "work"), "-j", "none"),
            *("-s", "malloc,16m", "-a", f"127.0.0.1:{port}", "-f", str(config)),
        ]
        return Running(Program(words, log=home / "log", ready=_accepts(port)).start(), port)

    return start


def certificate(home: Path) -> None:
    """Write a certificate of its own authority for 127.0.0.1 to a folder."""
    home.mkdir(parents=True, exist_ok=True)
    words = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        *("-keyout", str(home / "key.pem"), "-out", str(home / "cert.pem")),
    ]
    subprocess.run(words, check=True, capture_output=True)


@contextmanager
def hypercorn(target: str, home: Path) -> Iterator[int]:
    """Serve `module:app` under hypercorn, which answers HTTP/1.0 without chunks; give its port."""
    port = free_port()
    words = [sys.executable, "-m", "hypercorn", target, "-b", f"127.0.0.1:{port}"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Program(words, log=home / "hypercorn.log", ready=_accepts(port), env=env):
        yield port


PASS = "sub vcl_recv { return (pass); }"
NO_DELAY = " option http-no-delay"
CLEAN: Mapping[str, Start] = {
    "nginx": nginx(NGINX_RIGHT),
    "haproxy": haproxy(NO_DELAY),
    "caddy": caddy(),
    "varnish": varnish(PASS),
}
"""Each proxy as its fix in the runbooks says."""
