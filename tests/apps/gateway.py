"""A gateway before an upstream, right or with one fault that was seen at a vendor's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)
END = b"data: [DONE]\n\n"
AGE_SECONDS = 2.0
IDLE_SECONDS = 1.5


class Gateway:
    """Passes events on one by one; `fault` names what it does wrong."""

    def __init__(self, upstream: int, fault: str = "") -> None:
        self.upstream = upstream
        self.fault = fault
        self.last: list[bytes] = []
        self.kept: list[bytes] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.fault == "absent":
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
                return
            passing = asyncio.create_task(self.answer(writer))
            gone = asyncio.create_task(reader.read())
            waits = {passing} if self.fault == "works-on" else {passing, gone}
            limit = AGE_SECONDS if self.fault == "age-limit" else None
            done, _ = await asyncio.wait(waits, timeout=limit, return_when="FIRST_COMPLETED")
            for task in (passing, gone):
                task.cancel()
            if not done or (passing in done and passing.exception()):
                writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        """Ask the upstream, and pass its answer on."""
        say = lambda data: self.say(writer, data)  # noqa: E731 - short
        writer.write(HEAD)
        if self.fault == "shares" and self.kept is not None:
            for event in self.kept:
                await say(event)
                await asyncio.sleep(0.02)
            await self.end(writer)
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
        back.write(b"POST /v1 HTTP/1.0\r\n\r\n")
        try:
            await there.readuntil(b"\r\n\r\n")
            seen: list[bytes] = []
            async for event in self.events(there):
                seen.append(event)
                for one in self.bent(event, seen):
                    await say(one)
            if self.fault == "collects":
                await say(b"".join(seen))
            self.kept = seen
        except ConnectionError:
            if self.fault == "invents-end":
                await say(END)
            elif self.fault != "hides-cut":
                raise
        finally:
            back.close()
        await self.end(writer)

    async def events(self, there: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Give the events of the upstream one by one."""
        while True:
            limit = IDLE_SECONDS if self.fault == "idle-limit" else None
            try:
                yield await asyncio.wait_for(there.readuntil(b"\n\n"), limit)
            except asyncio.IncompleteReadError:
                return
            except TimeoutError:
                raise ConnectionResetError from None

    def bent(self, event: bytes, seen: list[bytes]) -> list[bytes]:
        """Return what is passed on of an event."""
        third = len(seen) == 3
        bent = {
            "swallows-error": [] if b'"error"' in event else [event],
            "collects": [],
            "drops": [] if third else [event],
            "repeats": [event, event] if third else [event],
            "mutes-heartbeats": [] if event.startswith(b":") else [event],
            "drops-end": [] if event == END or b'"stop"' in event else [event],
            "mixes": [event, *self.last] if third else [event],
        }
        if third:
            self.last = [event]
        return bent.get(self.fault, [event])

    async def say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Send a chunk."""
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        if self.fault != "works-on":
            await writer.drain()

    async def end(self, writer: asyncio.StreamWriter) -> None:
        """End the answer in order."""
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def gateway(upstream: int, fault: str = "") -> AsyncIterator[str]:
    """Serve a gateway before a port while the block runs; give its URL."""
    server = await asyncio.start_server(Gateway(upstream, fault).serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
