"""An MCP server by the SDK of its authors, with tools that end in every way that a call can end."""

import asyncio
from typing import Any

from mcp.server.mcpserver import Context, MCPServer

THINKING_SECONDS = 0.6
_PACE_SECONDS = 0.02


class ToolServer:
    """The ASGI application; `cut` breaks the answers to calls from then on."""

    def __init__(self) -> None:
        self.cut = False
        server = MCPServer("tools", log_level="CRITICAL")
        for tool in (self.count, self.think, self.refuse, self.break_off, self.change):
            server.add_tool(tool)
        self._inner: Any = server.streamable_http_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve; an answer that is cut ends with an exception."""

        async def send_or_break(message: Any) -> None:
            if self.cut and scope["method"] == "POST" and message["type"].endswith(".body"):
                raise RuntimeError("the source failed")
            await send(message)

        await self._inner(scope, receive, send_or_break)

    async def count(self, to: int, ctx: Context) -> str:
        """Report progress, then answer."""
        for number in range(to):
            await ctx.report_progress(number, to)
            await asyncio.sleep(_PACE_SECONDS)
        return f"{to}"

    async def think(self, ctx: Context) -> str:
        """Say nothing for a while."""
        await asyncio.sleep(THINKING_SECONDS)
        return await self.count(1, ctx)

    async def refuse(self, ctx: Context) -> str:
        """Fail: the error is the answer."""
        await ctx.report_progress(0, 1)
        raise ValueError("no such city")

    async def break_off(self, ctx: Context) -> str:
        """Lose the stream before the answer."""
        await ctx.report_progress(0, 1)
        await asyncio.sleep(_PACE_SECONDS)
        self.cut = True
        return "never seen"

    async def change(self, ctx: Context) -> str:
        """Tell whoever listens that the tools have changed."""
        await ctx.notify_tools_changed()
        return "changed"
