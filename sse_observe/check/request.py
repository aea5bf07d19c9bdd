"""A check as it was asked for on the command line, turned into questions, options and trust."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from sse_observe.catalog.model import Catalog
from sse_observe.check.asking.connection import Dialing, Trust, tls_context
from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Header, Question, header
from sse_observe.check.doctor import Doctor
from sse_observe.check.local.facts import facts
from sse_observe.check.local.server import served
from sse_observe.check.local.setup import judge
from sse_observe.check.model import Checked, Flag, Options
from sse_observe.check.production.run import Surroundings
from sse_observe.check.reading.dialect import Speech
from sse_observe.check.truth.run import Stage, check_repeats
from sse_observe.check.truth.script import read as read_script
from sse_observe.errors import CheckError
from sse_observe.shown_url import shown_url

UPSTREAM = "127.0.0.1:9480"
MOST_BODY_BYTES = 10 << 20
_HEARTBEAT_SECONDS = 15.0
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+").fullmatch


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """The command's own words; every mistake in them is one line of a CheckError."""

    url: str
    method: str | None = None
    data: str | None = None
    headers: tuple[str, ...] = ()
    token_env: str | None = None
    via: tuple[str, ...] = ()
    protocol: str = "auto"
    terminal_events: tuple[str, ...] = ()
    heartbeat_seconds: float | None = None
    resume: bool = False
    hostile_cursors: bool = False
    parallel: bool = False
    slow_reader: bool = False
    hold_seconds: float | None = None
    origin: str | None = None
    metrics: str | None = None
    repeat: bool = False
    watch_seconds: float = 3.0
    timeout_seconds: float = 15.0
    authority: Path | None = None
    insecure: bool = False
    production: bool = False
    prometheus: str | None = None
    grafana: str | None = None
    grafana_token_env: str | None = None
    users: int = 0
    app: str | None = None
    factory: bool = False
    workers: int = 1
    upstream_script: Path | None = None
    upstream_listen: str = UPSTREAM

    def __post_init__(self) -> None:
        """Refuse an option that would be left unread."""
        lonely = {
            "--prometheus": (self.prometheus, self.production, "--production"),
            "--grafana": (self.grafana, self.production, "--production"),
            "--grafana-token-env": (self.grafana_token_env, self.grafana, "--grafana"),
            "--users": (self.users, self.production, "--production"),
            "--factory": (self.factory, self.app, "--app"),
        }
        for option, (given, needed, other) in lonely.items():
            if given and not needed:
                raise CheckError(f"{option}: is read with {other} alone; add it")
        if self.origin is not None and not _ORIGIN(self.origin):
            raise CheckError(
                f"--origin {shown_url(self.origin)}: is no origin; write it as https://www.example.com"
            )

    @contextmanager
    def placed(self) -> "Iterator[CheckRequest]":
        """Give the request with whole URLs: those of `--app` are paths of an application here."""
        if self.app is None:
            yield self
            return
        if not self.url.startswith("/"):
            raise CheckError(f"{self.url}: with --app give the path of the stream, such as /chat")
        with served(self.app, factory=self.factory) as base:
            metrics = self.metrics
            if metrics is not None and metrics.startswith("/"):
                metrics = f"{base}{metrics}"
            yield replace(self, url=f"{base}{self.url}", metrics=metrics)

    def setup(self) -> list[Checked]:
        """Return what the set-up of `--app` looks like; nothing without it."""
        if self.app is None:
            return []
        return judge(facts(self.app, factory=self.factory), urlsplit(self.url).path, self.workers)

    def stage(self) -> Stage | None:
        """Return the scripted upstream; None where none was asked for."""
        if self.upstream_script is None:
            return None
        host, _, port = self.upstream_listen.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
            line = f"--upstream-listen {self.upstream_listen}: write host:port, such as {UPSTREAM}"
            raise CheckError(line)
        script = read_script(self.upstream_script)
        check_repeats(self._question(self.url), script, repeat=self.repeat)
        return Stage(script, host.strip("[]"), int(port))

    def doctor(self) -> Doctor:
        """Return the examination that was asked for."""
        question = self._question(self.url)
        via = [self._question(url) for url in self.via]
        return Doctor(question, self.options, self.asking, via=via)

    @property
    def options(self) -> Options:
        """The options of the examination."""
        return Options(
            watch_seconds=self.watch_seconds,
            timeout_seconds=self.timeout_seconds,
            hold_seconds=self._hold_seconds,
            heartbeat_seconds=self.heartbeat_seconds,
            origin=self.origin,
            metrics=None if self.metrics is None else Question(url=self.metrics),
            flags=frozenset(self._flags()),
            repeat=self.repeat,
        )

    @property
    def _hold_seconds(self) -> float | None:
        # A heartbeat every 10 s is seen within 15.
        return (
            _HEARTBEAT_SECONDS if self.production and not self.hold_seconds else self.hold_seconds
        )

    def surroundings(self, catalog: Catalog) -> Surroundings:
        """Return what stands around the service, for the production checklist."""
        token = self._from_environment("--grafana-token-env", self.grafana_token_env)
        bearer = (("Authorization", f"Bearer {token}"),) if token else ()
        grafana = None if self.grafana is None else Question(url=self.grafana, headers=bearer)
        prometheus = None if self.prometheus is None else Question(url=self.prometheus)
        return Surroundings(
            catalog=catalog, prometheus=prometheus, grafana=grafana, users=self.users
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts of the call that stand in no output, beside those of the questions."""
        others = [url for url in (self.metrics, self.prometheus, self.grafana) if url is not None]
        return tuple(secret for url in others for secret in Question(url=url).secrets)

    def _flags(self) -> Iterator[Flag]:
        asked: dict[Flag, object] = {
            "resume": self.resume or self.production,
            "hostile_cursors": self.hostile_cursors or self.production,
            "parallel": self.parallel,
            "slow_reader": self.slow_reader,
            "hold": self.hold_seconds,
            "origin": self.origin,
            "metrics": self.metrics,
        }
        return (flag for flag, value in asked.items() if value)

    @property
    def asking(self) -> Asking:
        """How questions are put."""
        trust = Trust(self.authority, anybody=self.insecure)
        if self.authority is not None:
            tls_context(trust)
        speech = Speech(protocol=self.protocol, terminal_events=self.terminal_events)
        return Asking(
            dialing=Dialing(seconds=min(10.0, self.timeout_seconds), trust=trust), speech=speech
        )

    def _question(self, url: str) -> Question:
        body = self._body()
        return Question(
            url=url,
            method=(self.method or ("GET" if self.data is None else "POST")).upper(),
            headers=tuple(self._headers()),
            body=body,
        )

    def _headers(self) -> Iterator[Header]:
        yield from map(header, self.headers)
        token = self._from_environment("--token-env", self.token_env)
        if token:
            yield header(f"Authorization: Bearer {token}")

    def _from_environment(self, option: str, name: str | None) -> str:
        if name is None:
            return ""
        value = os.environ.get(name, "").strip()
        if not value:
            raise CheckError(f"{option} {name}: is not set; export it first")
        return value

    def _body(self) -> bytes:
        if self.data is None or not self.data.startswith("@"):
            return (self.data or "").encode()
        path = Path(self.data[1:])
        try:
            if path.stat().st_size > MOST_BODY_BYTES:
                raise CheckError(f"--data {path}: is over {MOST_BODY_BYTES >> 20} MB")
            return path.read_bytes()
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            raise CheckError(f"--data {path}: {reason}; name a file after the @") from None
