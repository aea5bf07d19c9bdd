"""
The server that a URL names: one Redis, one behind Sentinels, or a cluster.

Knows URLs and how to connect; the first mistake in one is told in one line, without its password.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from typing import TypedDict, cast
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sse_observe.errors import SettingsError

Client = Redis | RedisCluster


class _Options(TypedDict, total=False):
    """The options of redis-py that we use."""

    socket_timeout: float
    socket_connect_timeout: float
    retry: Retry
    ssl: bool
    username: str
    password: str
    db: int
    max_connections: int


_FORMS = (
    "redis://host:6379/0, rediss://… (TLS), redis+sentinel://host:26379,host:26379/name/0 "
    "or redis+cluster://host:6379,host:6379"
)
_SCHEMES = {
    *("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel"),
    *("redis+cluster", "rediss+cluster"),
}


async def _nothing() -> None:
    """Close nothing."""


@dataclass(frozen=True, slots=True)
class Server:
    """
    A server by its URL.

    `connect()` returns a client, which connects when it is first used; `listen()` one to hear
    what is published. Any node of a cluster will do for that: each hears of everything. `close()`
    gives back the connections by which the server was found.
    """

    name: str
    connect: Callable[[], Client]
    listen: Callable[[], Redis]
    is_cluster: bool
    close: Callable[[], Awaitable[None]] = _nothing


def server_of(url: str, *, timeout_seconds: float) -> Server:
    """Return the server that a URL names; raise SettingsError for a URL that names none."""
    parts = urlsplit(url)
    name = _without_secrets(parts)
    if parts.scheme not in _SCHEMES:
        raise SettingsError(f"{name}: names no Redis; write {_FORMS}")
    if parts.scheme != "unix" and not parts.netloc.rpartition("@")[2]:
        raise SettingsError(f"{name}: names no host; write {_FORMS}")
    options: _Options = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        # What is tried again, and when, is decided in one place, and that is not here.
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        if parts.scheme.endswith("+sentinel"):
            return _by_sentinel(name, parts, options)
        if parts.scheme.endswith("+cluster"):
            return _cluster(name, parts, options)
        Redis.from_url(url, **options)
    except (ValueError, RedisError) as error:
        raise SettingsError(f"{name}: {error}; write {_FORMS}") from None

    def connect() -> Redis:
        return Redis.from_url(url, max_connections=1, **options)

    return Server(name, connect, connect, is_cluster=False)


def _by_sentinel(name: str, parts: SplitResult, options: _Options) -> Server:
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("names no service of the Sentinels")
    access = _access(parts)
    # Sentinels are asked without the password of what they watch.
    sentinel = Sentinel(_hosts(parts, 26379), sentinel_kwargs=options)  # type: ignore[no-untyped-call]
    extra: _Options = {**options, **access, "db": int(db or 0), "max_connections": 1}

    def connect() -> Redis:
        return cast(Redis, sentinel.master_for(service, **extra))

    async def close() -> None:
        # A client of the master knows nothing of those that were asked for its address.
        for one in sentinel.sentinels:
            with suppress(RedisError, OSError):
                await one.aclose()

    return Server(name, connect, connect, is_cluster=False, close=close)


def _cluster(name: str, parts: SplitResult, options: _Options) -> Server:
    hosts = _hosts(parts, 6379)
    given: _Options = {**options, **_access(parts), "max_connections": 2}
    turns = cycle(hosts)

    def connect() -> RedisCluster:
        nodes = [ClusterNode(host, port) for host, port in hosts]
        return RedisCluster(startup_nodes=nodes, **given)

    def listen() -> Redis:
        host, port = next(turns)
        # One client listens by one connection, whatever it may open.
        return Redis(host=host, port=port, **given)

    return Server(name, connect, listen, is_cluster=True)


def _access(parts: SplitResult) -> _Options:
    access: _Options = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    if parts.username:
        access["username"] = unquote(parts.username)
    if parts.password:
        access["password"] = unquote(parts.password)
    return access


def _hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    found = []
    for one in parts.netloc.rpartition("@")[2].split(","):
        host, separator, number = one.rpartition(":")
        if separator and not number.isdigit():
            raise ValueError(f"{one!r} is no host and port")
        found.append((host, int(number)) if separator else (one, port))
    return found


def _without_secrets(parts: SplitResult) -> str:
    hosts = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme or '(no scheme)'}://{hosts}{parts.path}"
