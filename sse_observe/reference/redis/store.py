"""
`RedisStore`: streams that every host of a fleet can read, whoever produces them.

Two connections for each process, however many streams and readers: one asks, one listens. Knows
how streams are kept and how a dead writer is noticed; the inside of Redis is in `script`.
"""

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from time import monotonic
from typing import Self, Unpack

from sse_observe.reference.bounds import Bounds
from sse_observe.reference.cursor import new_epoch
from sse_observe.reference.redis.calls import Calls
from sse_observe.reference.redis.channel import Channel
from sse_observe.reference.redis.counts import StoreCounts
from sse_observe.reference.redis.lease import Lease
from sse_observe.reference.redis.mirror import STAMP, Mirror
from sse_observe.reference.redis.mirrors import Mirrors, keys_of
from sse_observe.reference.redis.options import RedisOptions, check_options
from sse_observe.reference.redis.places import TOMBSTONE_SECONDS, Places, holder_mark
from sse_observe.reference.redis.script import STATE_OF, STATES, limits_of
from sse_observe.reference.redis.url import server_of
from sse_observe.reference.store import (
    BEFORE_ALL,
    Backlog,
    BehindError,
    CrowdedError,
    FencedError,
    GoneError,
    StoreDownError,
    Stream,
    StreamExistsError,
    Swept,
    Usage,
    Write,
    Written,
)
from sse_observe.registry import SSEMetrics, default_metrics

_log = logging.getLogger("sse_observe.reference")


class RedisStore:
    """
    A store in Redis, bounded as `MemoryStore` is, and shared by every host of the same URL.

    Make it with `from_url`, whose `url` and bounds (`max_streams`, `max_events`, `max_bytes`,
    `max_age_seconds`, `idle_seconds`) hold for all hosts together. `prefix` begins every key; each
    stream's keys share a hash tag. Nothing is left when all hosts die: every key has an end.
    `lease_seconds` is how long a stream outlives the host that produced it before its readers are
    told; `timeout_seconds` how long Redis may take to answer. `metrics` count its calls. What is
    read here is mirrored.
    """

    in_process = False
    releases_lost = False
    """Whether a stream whose host is lost waits for another writer, instead of failing."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "sse-observe:",
        max_streams: int = 100_000,
        max_events: int = 100,
        max_bytes: int = 65_536,
        max_age_seconds: float = 600,
        idle_seconds: float = 600,
        lease_seconds: float = 15,
        timeout_seconds: float = 2,
        metrics: SSEMetrics | None = None,
    ) -> None:
        self._bounds = Bounds(max_streams, max_events, max_bytes, max_age_seconds, idle_seconds)
        self._bounds.check("RedisStore")
        check_options(prefix, lease_seconds=lease_seconds, timeout_seconds=timeout_seconds)
        self._prefix = prefix
        self._most = limits_of(self._bounds)
        self._idle_ms = int(idle_seconds * 1000)
        self._lease_seconds = lease_seconds
        self._counts = StoreCounts(metrics or default_metrics())
        server = server_of(url, timeout_seconds=timeout_seconds)
        self.name = server.name
        self._calls = Calls(
            server,
            timeout_seconds=timeout_seconds,
            on_restart=self._look_at_everything,
            observe=self._counts.called,
        )
        self._channel = Channel(
            server, timeout_seconds=timeout_seconds, on_return=self._look_at_everything
        )
        self.host = secrets.token_hex(8)
        self._lease = Lease(
            self._calls,
            host=self.host,
            seconds=lease_seconds,
            key=lambda host: f"{prefix}lease:{host}",
            memory=f"{prefix}memory",
            lost_everything=self._look_at_everything,
            hosts=lambda: self._mirrors.hosts(),  # noqa: PLW0108 - made below
            lost=self._host_lost,
        )
        self._mirrors = Mirrors(
            self._calls,
            self._channel,
            self._bounds,
            host=self.host,
            prefix=prefix,
            lease_seconds=lease_seconds,
            lease=self._lease,
            give_up=self._give_up,
        )
        self._places = Places(
            self._calls, prefix=prefix, max_streams=max_streams, forget=self._forget
        )
        self._holds: dict[str, tuple[str, Callable[[], None]]] = {}
        self._held: dict[str, tuple[int, float]] = {}
        self._hears_of_holds = False

    @classmethod
    def from_url(cls, url: str, **options: Unpack[RedisOptions]) -> Self:
        """
        Return the store that a `url` names; `options` are those of the class, by name.

        `redis://`, `rediss://` (TLS), `unix://`; `redis+sentinel://host,host/name/db`,
        `redis+cluster://host,host`; both also as `rediss+…`.
        """
        return cls(url, **options)

    def _keys(self, stream_id: str) -> tuple[str, str]:
        return keys_of(self._prefix, stream_id)

    def _keep_ms(self, stream: Stream) -> int:
        keep = stream.keep_seconds
        return self._idle_ms if keep is None else int(keep * 1000)

    async def start(self) -> None:
        """Connect; raise SettingsError where that can never work, and go on where it may."""
        try:
            await self._calls.start()
            await self._lease.remember()
        except StoreDownError as down:
            _log.warning("%s; streams are kept by this process alone until it is there", down)

    async def aclose(self) -> None:
        """Give back connections and tasks; the streams stay where they are."""
        await self._mirrors.aclose()
        await self._lease.aclose()
        await self._channel.aclose()
        await self._calls.aclose()
        self._hears_of_holds = False

    def new_writer(self) -> str:
        """Return a name under which this process may hold one stream."""
        return f"{self.host}:{secrets.token_hex(4)}"

    async def create(
        self,
        stream: Stream,
        *,
        writer: str = "",
        after: int = BEFORE_ALL,
        note: bytes = b"",
        again: bool = False,
    ) -> None:
        """Add a stream; raise StoreFullError where all that are held are being read."""
        keep = self._keep_ms(stream)
        if again and (await self._calls.call("buried", self._keys(stream.id)))[1]:
            # It gave way: to take a place for it now would cost another one its own.
            raise GoneError
        await self._places.reserve(stream.id, keep)
        alias = f"{self._prefix}epoch:{stream.epoch}"
        answer = await self._calls.call("alias", (alias, alias), stream.id, keep)
        if answer[0] == b"ok":
            form = {
                "epoch": stream.epoch,
                "writer": writer,
                "after": after,
                "keep": keep,
                "owner": stream.owner,
                "holder": holder_mark(stream.holder),
                "note": 0 if note else None,
                "again": again,
                "run": self._calls.run,
            }
            answer = await self._calls.call(
                "create", self._keys(stream.id), form, self._prefix, blobs=[note] if note else []
            )
        if answer[0] == b"gone":
            raise GoneError
        if answer[0] == b"exists":
            raise StreamExistsError("a stream of that id or epoch exists already; choose another")
        self._held[stream.id] = (0, monotonic() + keep / 1000)

    async def find(self, stream_id: str) -> Stream | None:
        """Return the stream of that id."""
        answer = await self._calls.call("find", self._keys(stream_id))
        if answer[0] == b"gone":
            return None
        _, epoch, keep, owner = answer
        own = None if keep == self._idle_ms else keep / 1000
        return Stream(stream_id, epoch.decode(), owner.decode(), own)

    async def find_epoch(self, epoch: str) -> Stream | None:
        """Return the stream whose events carry that epoch."""
        alias = f"{self._prefix}epoch:{epoch}"
        answer = await self._calls.call("lookup", (alias, alias))
        return await self.find(answer[1].decode()) if answer[1] else None

    async def is_unsure(self) -> bool:
        """Tell whether a stream that is not held may live all the same."""
        return await self._lease.is_unsure()

    async def write(self, stream_id: str, write: Write) -> Written:
        """Do a write and wake the watchers; raise Fenced-, Behind-, Gone- or CrowdedError."""
        blobs = [*write.frames, *([write.note] if write.note is not None else [])]
        fields = {
            "writer": write.writer,
            "after": write.after,
            "state": None if write.state == "open" else STATES[write.state],
            "note": None if write.note is None else len(write.frames),
            "next_writer": write.next_writer,
            "next_epoch": write.next_epoch,
            "jump": write.jump or None,
            "spare": not write.evict or None,
        }
        # What is left out costs Redis nothing to read, and it reads in Lua.
        form = {name: value for name, value in fields.items() if value is not None}
        form |= {"first_frame": 0, "frames": len(write.frames)}
        if write.next_epoch is not None:
            alias = f"{self._prefix}epoch:{write.next_epoch}"
            await self._calls.call("alias", (alias, alias), stream_id, self._idle_ms)
        answer = await self._calls.call(
            "write", self._keys(stream_id), form, self._most, self._prefix, blobs=blobs
        )
        word = answer[0]
        if word == b"gone":
            raise GoneError
        if word == b"fenced":
            raise FencedError(stream_id, STATE_OF[answer[1]])
        if word == b"behind":
            raise BehindError(answer[1])
        if word == b"crowded":
            raise CrowdedError
        _, last, evicted, count = answer
        self._held[stream_id] = (count, monotonic() + self._bounds.idle_seconds)
        if write.state != "open":
            await self._places.renew(stream_id, self._idle_ms, has_ended=True)
        return Written(last, evicted)

    async def read(self, stream_id: str, after: int, *, touch: bool = True) -> Backlog | None:
        """Return what follows position `after` (-1: everything), or None without the stream."""
        if touch and (mirror := self._mirrors.filled(stream_id)):
            return mirror.read(after)
        answer = await self._calls.call("read", self._keys(stream_id), after, touch)
        if answer[0] == b"gone":
            return None
        _, epoch, writer, state, last, keep, _, note, stale, _, frames = answer
        if stale:
            await self._stay(stream_id, epoch.decode(), keep, has_ended=state != b"o")
        wanted = min(max(last - after, 0), last + 1)
        found = tuple(frame[STAMP:] for frame in frames)
        lost = wanted - len(found)
        return Backlog(
            found, last, lost, STATE_OF[state], epoch.decode(), writer.decode(), bytes(note)
        )

    async def _stay(self, stream_id: str, epoch: str, keep: int, *, has_ended: bool) -> None:
        """Renew what stands elsewhere than the stream itself."""
        alias = f"{self._prefix}epoch:{epoch}"
        await self._calls.call("alias", (alias, alias), stream_id, keep)
        await self._places.renew(stream_id, self._idle_ms, has_ended=has_ended)

    def watch(self, stream_id: str, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` after each change while the context is open; a watched stream stays."""
        return self._mirrors.watch(stream_id, wake)

    @asynccontextmanager
    async def hold(self, stream_id: str, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Keep our lease while the context is open; `wake` is called for what others did."""
        meta, _ = self._keys(stream_id)
        self._holds[meta] = stream_id, wake
        self._lease.keep()
        try:
            with suppress(StoreDownError):
                await self._hear_of_holds()
            yield
        finally:
            self._holds.pop(meta, None)

    async def _hear_of_holds(self) -> None:
        if not self._hears_of_holds:
            self._hears_of_holds = True
            name = f"{self._prefix}host:{self.host}"
            await self._channel.subscribe(name, self._wake_holder, always=True)

    def _wake_holder(self, message: bytes) -> None:
        """Wake the producer of a stream that somebody else changed."""
        held = self._holds.get(message.decode(errors="replace"))
        if held is not None:
            _, wake = held
            wake()

    async def attended(self, stream_id: str) -> bool:
        """Tell whether anybody watches the stream, on any host."""
        if self._mirrors.filled(stream_id):
            return True
        answer = await self._calls.call("attended", self._keys(stream_id))
        return bool(answer[1])

    async def delete(self, stream_id: str) -> bool:
        """Forget a stream at once; tell whether there was one."""
        answer = await self._calls.call(
            "delete", self._keys(stream_id), TOMBSTONE_SECONDS * 1000, self._prefix
        )
        await self._places.release(stream_id)
        return bool(answer[0] == b"ok")

    async def sweep(self) -> Swept:
        """Forget what nobody read for long, and events that are too old, of what is ours."""
        gone, evicted = [], 0
        for stream_id, wake in tuple(self._holds.values()):
            answer = await self._calls.call("sweep", self._keys(stream_id), self._most)
            if answer[0] == b"gone":
                gone.append(stream_id)
                wake()
            else:
                evicted += answer[1]
                self._held[stream_id] = (answer[2], monotonic() + self._bounds.idle_seconds)
                await self._places.renew(stream_id, self._idle_ms, has_ended=False)
        return Swept(tuple(gone), evicted)

    async def usage(self) -> Usage:
        """Return how much of what this process wrote is held."""
        now = monotonic()
        self._held = {name: held for name, held in self._held.items() if held[1] > now}
        return Usage(len(self._held), sum(count for count, _ in self._held.values()))

    async def is_new_report(
        self, reporter: str, n: int, *, ends: bool, keep_seconds: float
    ) -> bool:
        """Tell whether a reporter's report comes for the first time to any host."""
        milliseconds = max(int(keep_seconds * 1000), 1)
        answer = await self._calls.call("report", self._reports(reporter), n, ends, milliseconds)
        return bool(answer[1])

    async def last_report(self, reporter: str) -> int:
        """Return the highest number of a reporter's reports that came to any host, 0 if none."""
        return int((await self._calls.call("last_report", self._reports(reporter)))[1])

    def _reports(self, reporter: str) -> tuple[str, str]:
        key = f"{self._prefix}reporter:{reporter}"
        return key, key

    def _forget(self, stream_id: str) -> None:
        self._held.pop(stream_id, None)

    def _look_at_everything(self) -> None:
        """Look again: the store was away, or lost something."""
        self._lease.interrupted()
        self._mirrors.look_again()
        for _, wake in tuple(self._holds.values()):
            wake()

    def _epoch_after(self, mirror: Mirror) -> str | None:
        """Return a new epoch where the server may have lost what the dead host wrote last."""
        # Of a cluster's nodes nobody knows here which has been another one before.
        is_same = mirror.run == self._calls.run and not self._calls.is_cluster
        return None if is_same else new_epoch()

    async def _host_lost(self, host: str) -> None:
        """End what a dead host wrote and is read here; a write of its own is refused from now."""
        for mirror in self._mirrors.of_host(host):
            await self._give_up(mirror)

    async def _give_up(self, mirror: Mirror) -> None:
        """End a stream that nobody writes any more, or leave it to whoever takes it over."""
        write = Write(mirror.writer, None, state="lost")
        if self.releases_lost and mirror.writer:
            write = Write(mirror.writer, None, next_writer="", next_epoch=self._epoch_after(mirror))
        with suppress(FencedError, GoneError):
            await self.write(mirror.stream_id, write)
            self._counts.producer_lost()
