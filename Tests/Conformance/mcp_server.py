"""A Model Context Protocol server of the official Python SDK, on a free port, which it prints."""

import socket
import sys

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("conformance")


@server.tool()
def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


@server.tool()
def get_weather(city: str) -> str:
    """Current weather of a city."""
    return f"Sunny in {city}"


@server.tool()
def search_documents(query: str, limit: int = 3) -> list[str]:
    """Full text search in the library."""
    return [f"{query} {number + 1}" for number in range(limit)]


@server.tool()
def explode() -> str:
    """A tool that always fails."""
    raise ValueError("boom")


app = server.streamable_http_app(json_response=sys.argv[1] == "json", stateless_http=sys.argv[2] == "stateless")
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
