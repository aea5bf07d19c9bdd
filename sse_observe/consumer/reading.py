"""
The reading of one stream to its end, over as many connections as that takes.

Knows when to connect, to wait and to give up; what is asked, what events mean, how long a wait
may take and what is counted stand next door.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sse_observe.consumer.answer import check_head, is_stream
from sse_observe.consumer.backoff import Backoff
from sse_observe.consumer.compression import UnreadableError, unpacked
from sse_observe.consumer.endpoint import Endpoint
from sse_observe.consumer.failure import LostError, StreamFailedError
from sse_observe.consumer.handover import Handover
from sse_observe.consumer.intake import Intake, Item
from sse_observe.consumer.observation import Observation
from sse_observe.consumer.reporter import Reporter
from sse_observe.consumer.request import Request, redirected
from sse_observe.consumer.sequence import EventSequence
from sse_observe.consumer.statement import End
from sse_observe.consumer.transport import Response, Transport, UnreachableError
from sse_observe.consumer.waiting import LateError, Limits, within
from sse_observe.errors import SSEObserveError
from sse_observe.wire import Block, Scanner, WireError

LOGGER = logging.getLogger("sse_observe")

# As many as browsers follow.
_MOST_REDIRECTS = 20
# Enough for the words with which a server refuses.
_MOST_REFUSAL_BYTES = 16_384
_REFUSAL_SECONDS = 2.0
# While an outage lasts, one line a minute says what is waited for.
_LOG_SECONDS = 60.0


OnStatus = Callable[[str, int, str], None]
"""Told the status to show, the number of the attempt, and why; no reason while all is well."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The world around one reading: how it asks, waits, and says how it fares."""

    transport: Transport
    reporter: Reporter
    max_retries: int | None
    on_status: OnStatus | None
    max_event_bytes: int
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


class Reading:
    """One stream, read by the task that runs `run()`; its events and gaps go to `out`, in order."""

    def __init__(
        self,
        endpoint: Endpoint,
        sequence: EventSequence,
        intake: Intake,
        *,
        limits: Limits,
        backoff: Backoff,
        observation: Observation,
        surroundings: Surroundings,
    ) -> None:
        self.endpoint = endpoint
        self.out: Handover[Item] = Handover()
        self.status = "connecting"
        self._sequence = sequence
        self._intake = intake
        self._limits = limits
        self._backoff = backoff
        self._observation = observation
        self._world = surroundings
        self._shown: tuple[str, int] | None = None
        self._was_ever_open = self._is_open = False
        self._logged_at: float | None = None

    async def run(self) -> None:
        """Read the stream to its end; an error is handed over, not raised."""
        outcome, error = "cancelled", None
        try:
            end = await self._read()
            outcome = end.value
            self.out.put(self._intake.over())
            self._show("complete")
        except asyncio.CancelledError:
            raise
        except Exception as raised:  # noqa: BLE001 - whoever asks for the next item is told
            error = raised
            if isinstance(raised, SSEObserveError):
                outcome = "failed"
                self._show("failed", str(raised))
        finally:
            self._observation.ended(outcome)
            self.out.end(error)

    async def _read(self) -> End:
        request = self.endpoint.request(self._sequence.cursor, None)
        why = ""
        while True:
            self._show("reconnecting" if self._backoff.attempt else "connecting", why)
            try:
                return await self._connection(request)
            except LostError as loss:
                why = str(loss)
                request = self.endpoint.request(self._sequence.cursor, loss)
                await self._wait_for_next(loss)

    async def _wait_for_next(self, loss: LostError) -> None:
        attempts, most = self._backoff.attempt, self._world.max_retries
        if most is not None and attempts >= most:
            raise StreamFailedError(
                f"{self.endpoint}: gave up after {attempts} attempts; {loss}",
                reason="retries",
                status=loss.status,
                data=loss.data,
            )
        self._log(str(loss))
        delay = self._backoff.next(loss.after_seconds)
        self._show("reconnecting", str(loss))
        await self._world.sleep(delay)

    def _log(self, why: str) -> None:
        """Say why nothing can be opened: at once, and then each minute until something is."""
        now = self._world.clock()
        is_due = self._logged_at is None or now - self._logged_at >= _LOG_SECONDS
        if not self._is_open and is_due:
            self._logged_at = now
            LOGGER.warning("%s: %s; asking again", self.endpoint, why)

    # One connection.

    async def _connection(self, request: Request) -> End:
        """Read what one request brings; raise LostError where the stream has more to come."""
        self._intake.connected(request)
        self._is_open = False
        scanner = Scanner(limit=self._world.max_event_bytes)
        opened_at, events_before = None, self._intake.events
        try:
            async with AsyncExitStack() as stack:
                response = await self._answer(stack, request)
                if response is None:
                    return End.WHOLE
                opened_at = self._world.clock()
                self._opened(response)
                async with self._world.reporter.reporting():
                    return await self._follow(response, scanner)
        except (UnreadableError, WireError) as error:
            raise StreamFailedError(f"{self.endpoint}: {error}", reason="unreadable") from None
        finally:
            if opened_at is not None:
                self._observation.disconnected()
                lived = self._world.clock() - opened_at
                self._backoff.lived(lived, self._intake.events - events_before)

    async def _answer(self, stack: AsyncExitStack, request: Request) -> Response | None:
        """Return the stream that answers a request; None where all of it was sent before."""
        try:
            response = await self._head(stack, request)
            data = "" if is_stream(response.status, response.headers) else await _words(response)
            if check_head(self.endpoint, response.status, response.headers, data):
                return response
        except LateError:
            raise LostError("no answer in time") from None
        except ssl.SSLCertVerificationError as error:
            raise self._distrust(error) from None
        except UnreachableError as error:
            raise LostError(str(error), reason="unreachable") from None
        except OSError as error:
            raise LostError(str(error) or type(error).__name__) from error
        except StreamFailedError as why:
            raise self.endpoint.refused(why) from None
        return None

    async def _head(self, stack: AsyncExitStack, request: Request) -> Response:
        """Send a request, follow where it is redirected, and return the answer."""
        asked = request
        for _ in range(_MOST_REDIRECTS):
            sending = stack.enter_async_context(self._world.transport(asked))
            response = await within(self._limits.to_answer(), sending)
            try:
                following = redirected(asked, response.status, response.headers.get("location"))
            except ValueError as error:
                raise StreamFailedError(
                    f"{self.endpoint}: {error}", reason="refused", status=response.status
                ) from None
            if following is None:
                return response
            await stack.aclose()
            asked = following
        raise StreamFailedError(f"{self.endpoint}: redirects in a circle", reason="refused")

    def _distrust(self, error: ssl.SSLCertVerificationError) -> Exception:
        """Return what a certificate means that cannot be trusted: at first, that it never was."""
        why = f"its certificate cannot be trusted ({error.verify_message})"
        if self._was_ever_open:
            return LostError(why, reason="unreachable")
        return StreamFailedError(f"{self.endpoint}: {why}", reason="unreachable")

    def _opened(self, response: Response) -> None:
        self._was_ever_open = self._is_open = True
        self._logged_at = None
        self._observation.opened()
        self._intake.answered(response.headers)
        self._show("live")

    async def _follow(self, response: Response, scanner: Scanner) -> End:
        """Take the events of an answer until it ends, or nothing more comes of it."""
        chunks = unpacked(response.chunks, response.headers.get("content-encoding", ""))
        try:
            while (chunk := await self._next_chunk(chunks)) is not None:
                await self._hand_over(scanner.blocks(chunk))
                if self._intake.is_over:
                    break
                if scanner.retry is not None:
                    self._backoff.floor(scanner.retry / 1000)
        except LateError as late:
            if late.is_stall and self._intake.expects_more:
                self._observation.stalled()
                self._show("waiting", "no byte in time")
            return self._intake.ended(LostError("no byte in time"))
        except OSError as error:
            return self._intake.ended(LostError(str(error) or type(error).__name__))
        return self._intake.ended(None)

    async def _hand_over(self, blocks: list[Block]) -> None:
        """Hand over what arrived together, up to the end where the stream has one."""
        items: list[Item] = []
        try:
            for block in blocks:
                items += self._intake.take(block)
                if self._intake.is_over:
                    break
        finally:
            if items:
                await self.out.taken()
                self.out.put(items)

    async def _next_chunk(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """Return what arrives, None at the end in order."""
        try:
            return await within(self._limits.to_next_bytes(), anext(chunks))
        except StopAsyncIteration:
            return None

    def _show(self, status: str, why: str = "") -> None:
        shown = (status, self._backoff.attempt)
        if shown == self._shown:
            return
        self._shown, self.status = shown, status
        if self._world.on_status is not None:
            self._observation.shown(status)
            self._world.on_status(status, self._backoff.attempt, why)


async def _words(response: Response) -> str:
    """Return the JSON with which a server refuses, as far as it comes at once; else nothing."""
    if response.status < 400 or "json" not in response.headers.get("content-type", ""):
        return ""
    body = b""
    try:
        async with asyncio.timeout(_REFUSAL_SECONDS):
            encoding = response.headers.get("content-encoding", "")
            async for chunk in unpacked(response.chunks, encoding):
                body += chunk
                if len(body) > _MOST_REFUSAL_BYTES:
                    return ""
    except (OSError, UnreadableError):
        return ""
    return body.decode(errors="replace")
