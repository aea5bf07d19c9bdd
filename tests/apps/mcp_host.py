"""A legacy MCP server whose sessions are kept in a store: one tool that counts aloud."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import types
from mcp.server.lowlevel import Server
from starlette.applications import Starlette
from starlette.routing import Mount

from sse_observe.reference import MemoryStore
from sse_observe.reference.mcp_sessions import ResumableSessionManager


async def tools(_context: Any, _params: Any) -> types.ListToolsResult:
    tool = types.Tool(name="count", input_schema={"type": "object"})
    return types.ListToolsResult(tools=[tool])


async def call(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    for n in range(3):
        await context.session.report_progress(n, 3)
    return types.CallToolResult(content=[types.TextContent(type="text", text="counted")])


server: Server[Any] = Server("counter", on_list_tools=tools, on_call_tool=call)
manager = ResumableSessionManager(server, MemoryStore())


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with manager.run():
        yield


app = Starlette(routes=[Mount("/mcp", app=manager.handle_request)], lifespan=lifespan)
