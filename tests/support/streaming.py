"""Applications that stream, end and leave in every way, for tests of the middleware."""

import asyncio

from tests.support.asgi import END, Exchange, body, http_scope, samples, start, value

EVENT = b"data: x\n\n"


DONE = b"event: done\ndata: {}\n\n"


def app_of(*messages, fails=None):
    """Return an application that sends these messages, and may fail after them."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)
        if fails is not None:
            raise fails

    return app


def streaming(*bodies, end=True, fails=None):
    """Return an application that streams these bodies."""
    return app_of(start(), *map(body, bodies), *([END] if end else []), fails=fails)


def ends(metrics):
    """Return how streams were closed: reason -> count; opened and open now must fit."""
    found = {
        key.split("reason=")[1].split(",")[0]: n
        for key, n in samples(metrics, "sse_streams_closed_total").items()
    }
    opened = value(metrics, "sse_streams_opened_total")
    assert value(metrics, "sse_concurrent_streams") == opened - sum(found.values())
    return found


def leaving(*before, listens=True, after=(), ends_with=END):
    """Return an application whose client leaves after the first bodies; it may go on sending."""

    async def app(scope, receive, send):
        await send(start())
        for message in map(body, before):
            await send(message)
        scope["leave"]()
        if listens:
            while (await receive())["type"] != "http.disconnect":
                pass
        for message in map(body, after):
            await send(message)
        if ends_with is not None:
            await send(ends_with)

    return app


def run_leaving(app):
    """Drive an application whose client leaves when the application says so."""

    async def run():
        exchange = Exchange(app, http_scope())
        exchange.scope["leave"] = exchange.gone.set
        await exchange.run()

    asyncio.run(run())


def open_streams(app, count, work):
    """Hold streams open, do some work, then let them go on."""

    async def run():
        exchanges = [Exchange(app, http_scope()) for _ in range(count)]
        tasks = [asyncio.create_task(exchange.run()) for exchange in exchanges]
        await asyncio.sleep(0.01)
        found = work()
        if asyncio.iscoroutine(found):
            await found
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return exchanges

    return asyncio.run(run())


def holding(*bodies, headers=None):
    """Return an application that sends some bodies and stays."""

    async def app(scope, receive, send):
        await send(start(headers=headers))
        for data in bodies:
            await send(body(data))
        await asyncio.Event().wait()

    return app
