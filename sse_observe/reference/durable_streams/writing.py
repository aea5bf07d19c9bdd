"""
The changes of a stream: create, fork, append, close, delete.

Knows the protocol's rules for writers; returns answers as values, and sends nothing.
"""

from dataclasses import dataclass, field, replace

import msgspec

from sse_observe.reference.durable_streams.facts import OCTETS, Facts, essence
from sse_observe.reference.durable_streams.logs import Log, Logs
from sse_observe.reference.durable_streams.messages import first_part, messages_of
from sse_observe.reference.durable_streams.offset import new_epoch
from sse_observe.reference.durable_streams.requests import Append, Create, ProducerSays
from sse_observe.reference.replies import LATER, RefusedError
from sse_observe.reference.store import BEFORE_ALL, StoreFullError


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without a stream: status, headers, and a line where something is wrong."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    line: str = ""


class Writing:
    """The changes that clients may ask for."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    async def create(self, name: str, asked: Create, body: bytes) -> Answer:
        """Answer a PUT: the same twice is no mistake, another under the same name is."""
        existing = await self._logs.find(name)
        if existing is not None:
            return self._existing(existing, asked)
        if asked.forked_from is not None:
            return await self._fork(name, asked, body)
        facts = Facts(
            asked.content_type or OCTETS,
            new_epoch(),
            ttl=asked.ttl,
            expires_at=asked.expires_at,
            closed=asked.closed,
        )
        frames = messages_of(facts, body, creates=True) if body else []
        return await self._created(name, asked, facts, BEFORE_ALL, frames)

    async def _created(
        self, name: str, asked: Create, facts: Facts, after: int, frames: list[bytes]
    ) -> Answer:
        try:
            is_new = await self._logs.create(name, facts, after, frames)
        except StoreFullError as full:
            raise RefusedError(503, str(full), LATER) from None
        if not is_new:
            return self._existing(await self._logs.get(name), asked)
        end = facts.offset(after + 1 + len(frames))
        headers = {"content-type": facts.content_type, "stream-next-offset": str(end)}
        return Answer(201, headers | ({"stream-closed": "true"} if facts.closed else {}))

    def _existing(self, log: Log, asked: Create) -> Answer:
        facts = log.facts
        if facts.deleted:
            raise RefusedError(409, "the stream was deleted and its forks live on")
        content_type = asked.content_type or facts.content_type
        is_same = (
            essence(content_type) == essence(facts.content_type)
            and (asked.ttl, asked.expires_at) == (facts.ttl, facts.expires_at)
            and asked.closed == facts.closed
            and asked.forked_from == facts.forked_from
            and asked.fork_sub_offset == facts.fork_sub_offset
            and (asked.fork_offset is None or str(asked.fork_offset) == facts.fork_offset)
        )
        if not is_same and not self._inherits(facts, asked):
            raise RefusedError(409, "a stream of that name exists, and is another one")
        return Answer(200, _headers(log) | {"content-type": facts.content_type})

    @staticmethod
    def _inherits(facts: Facts, asked: Create) -> bool:
        """Whether a fork differs only by the lifetime that it took from its source."""
        return (
            facts.forked_from is not None
            and asked.forked_from == facts.forked_from
            and (asked.ttl, asked.expires_at) == (None, None)
            and asked.closed == facts.closed
            and asked.fork_sub_offset == facts.fork_sub_offset
            and (asked.fork_offset is None or str(asked.fork_offset) == facts.fork_offset)
            and (
                asked.content_type is None
                or essence(asked.content_type) == essence(facts.content_type)
            )
        )

    async def _fork(self, name: str, asked: Create, body: bytes) -> Answer:
        source_name = asked.forked_from or ""
        source = await self._logs.find(source_name, BEFORE_ALL)
        if source is None:
            raise RefusedError(404, "the stream to fork does not exist")
        if source.facts.deleted:
            raise RefusedError(409, "the stream to fork was deleted and its forks live on")
        facts = source.facts
        if asked.content_type and essence(asked.content_type) != essence(facts.content_type):
            raise RefusedError(409, "a fork has the content type of its source")
        at = source.tail if asked.fork_offset is None else asked.fork_offset
        if at.position > source.end or (at.position and at.epoch != facts.epoch):
            raise RefusedError(400, "Stream-Fork-Offset lies behind the stream's end")
        first = source.end - len(source.frames)
        if at.position < first and at.position:
            raise RefusedError(410, "what lies before Stream-Fork-Offset is held no more")
        held = source.frames[: max(at.position - first, 0)]
        rest = source.frames[max(at.position - first, 0) :]
        frames = [*held, *first_part(facts, rest, asked.fork_sub_offset)]
        fork = Facts(
            facts.content_type,
            facts.epoch,
            ttl=asked.ttl,
            expires_at=asked.expires_at,
            closed=asked.closed,
            forked_from=asked.forked_from,
            fork_offset=str(at),
            fork_sub_offset=asked.fork_sub_offset,
        )
        if asked.ttl is None and asked.expires_at is None:
            fork.ttl, fork.expires_at = facts.ttl, facts.expires_at
        if body:
            frames += messages_of(fork, body, creates=True)
        after = at.position - len(held) - 1
        if not await self._logs.add_fork(source_name, name):
            raise RefusedError(404, "the stream to fork does not exist")
        try:
            return await self._created(name, asked, fork, after, frames)
        except RefusedError:
            await self._logs.forget_fork(source_name, name)
            raise

    async def append(self, name: str, asked: Append, body: bytes) -> Answer:
        """Answer a POST: add messages, close, or both at once."""
        if not body and not asked.closes:
            await self._logs.get(name)
            raise RefusedError(400, "an empty body appends nothing; give one, or Stream-Closed")

        async def attempt(touch: bool) -> Answer | None:
            return await self._append_once(await self._logs.get(name, touch=touch), asked, body)

        try:
            return await self._logs.change(name, attempt)
        except StoreFullError as full:
            raise RefusedError(503, str(full), LATER) from None

    async def _append_once(self, log: Log, asked: Append, body: bytes) -> Answer | None:
        facts, producer = log.facts, asked.producer
        if facts.closed:
            return self._to_closed(log, asked, body)
        if body:
            if not asked.content_type:
                raise RefusedError(400, "Content-Type is required")
            if essence(asked.content_type) != essence(facts.content_type):
                raise RefusedError(409, f"the stream's content type is {facts.content_type}")
        if producer is not None and (answer := _judge(log, producer)) is not None:
            return answer
        if asked.seq is not None and facts.seq is not None and asked.seq <= facts.seq:
            raise RefusedError(409, "Stream-Seq must grow with each append")
        frames = messages_of(facts, body) if body else []
        changed = _changed(facts, asked)
        end = await self._logs.append(log, frames, changed)
        if end is None:
            return None
        done = replace(log, facts=changed or facts, end=end)
        says = _producer_headers(producer.epoch, producer.seq) if producer else {}
        return Answer(200 if producer and body else 204, _headers(done) | says)

    def _to_closed(self, log: Log, asked: Append, body: bytes) -> Answer:
        producer = asked.producer
        headers = _headers(log)
        if producer is not None:
            if log.facts.closed_by == (producer.id, producer.epoch, producer.seq):
                says = _producer_headers(producer.epoch, producer.seq)
                return Answer(204, headers | says)
        elif not body:
            return Answer(204, headers)
        return Answer(409, headers, "the stream is closed")

    async def delete(self, name: str) -> Answer:
        """Answer a DELETE."""
        await self._logs.remove(await self._logs.get(name))
        return Answer(204)


def _changed(facts: Facts, asked: Append) -> Facts | None:
    """Return the facts after an append, or None where it only adds messages."""
    producer = asked.producer
    if producer is None and asked.seq is None and not asked.closes:
        return None
    changed = msgspec.structs.replace(facts)
    if asked.seq is not None:
        changed.seq = asked.seq
    if producer is not None:
        changed.remember(producer.id, producer.epoch, producer.seq)
    if asked.closes:
        changed.closed = True
        if producer is not None:
            changed.closed_by = (producer.id, producer.epoch, producer.seq)
    return changed


def _headers(log: Log) -> dict[str, str]:
    closed = {"stream-closed": "true"} if log.facts.closed else {}
    return {"stream-next-offset": str(log.tail)} | closed


def _producer_headers(epoch: int, seq: int) -> dict[str, str]:
    return {"producer-epoch": str(epoch), "producer-seq": str(seq)}


def _judge(log: Log, says: ProducerSays) -> Answer | None:
    """Return the answer to a producer that may not write now, or has written this already."""
    known = log.facts.producers.get(says.id)
    expected = 0
    if known is not None:
        if says.epoch < known.epoch:
            headers = {"producer-epoch": str(known.epoch)}
            return Answer(403, headers, "another of that name has a newer epoch")
        if says.epoch > known.epoch:
            if says.seq != 0:
                raise RefusedError(400, "a new epoch begins with Producer-Seq 0")
            return None
        if says.seq <= known.seq:
            return Answer(204, _headers(log) | _producer_headers(known.epoch, known.seq))
        expected = known.seq + 1
    if says.seq != expected:
        headers = {
            "producer-expected-seq": str(expected),
            "producer-received-seq": str(says.seq),
        }
        return Answer(409, headers, "a batch is missing before this one")
    return None
