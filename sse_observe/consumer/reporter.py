"""
The word that a stream is still read, given each minute to the service that sends it.

A proxy between both may keep a connection open whose client is gone. Knows a token and where to
report; what it costs is one small request, and its failure costs nothing.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urljoin

from sse_observe.consumer.request import Request, check_url, is_same_origin, merged, place
from sse_observe.consumer.transport import Transport
from sse_observe.contract import REPORT_SECONDS
from sse_observe.errors import SettingsError

LOGGER = logging.getLogger("sse_observe")

_LONGEST_TOKEN = 1024
_PATIENCE_SECONDS = 10.0


def report_request(report_to: object, url: str, headers: Mapping[str, str]) -> Request:
    """
    Return the request by which a stream of `url` is reported, without its body.

    `headers` of the caller go to the stream's own origin alone. Raises SettingsError for a place
    that nobody can ask.
    """
    if not isinstance(report_to, str) or not report_to:
        raise SettingsError(
            f"resume_stream: report_to={report_to!r} is wrong; give the URL of beacon reports, "
            "as '/sse/deltas'"
        )
    place_of_reports = urljoin(url, report_to)
    check_url(place_of_reports)
    kind = {"Content-Type": "application/json"}
    if is_same_origin(url, place_of_reports):
        return Request(place_of_reports, "POST", merged(headers, kind))
    return Request(place_of_reports, "POST", kind, foreign=True)


class Reporter:
    """Reports of one stream; without a `request` there are none."""

    def __init__(
        self,
        request: Request | None,
        transport: Transport,
        *,
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self._request = request
        self._transport = transport
        self._sleep = sleep
        self._random = random
        self._token: str | None = None
        self._earlier: tuple[str, ...] = ()
        self._n = 1

    def greeted(self, token: object) -> None:
        """Take the token that a greeting brings; the connection before is over."""
        if isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN and token != self._token:
            self._earlier = () if self._token is None else (self._token,)
            self._token = token

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report as long as the block lasts: as long as there is a connection."""
        if self._request is None:
            yield
            return
        task = asyncio.create_task(self._run(self._request))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, request: Request) -> None:
        while True:
            # A fleet that began together does not report together.
            await self._sleep(REPORT_SECONDS * (0.5 + self._random() / 2))
            if self._token is None:
                continue
            status = await self._send(request, self._token)
            if status in (404, 405):
                LOGGER.warning("%s: no beacon_app() there; set report_to", place(request.url))
                return

    async def _send(self, request: Request, token: str) -> int | None:
        """Send one report; return how it was answered, None if not."""
        report = {"token": token, "n": self._n}
        if self._earlier:
            report["earlier"] = self._earlier
        body = json.dumps(report).encode()
        sent = Request(request.url, request.method, request.headers, body, request.foreign)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._transport(sent) as response:
                status = response.status
        except (OSError, SettingsError):
            return None
        if status < 500 and status != 429:
            self._n += 1
            self._earlier = ()
        return status
