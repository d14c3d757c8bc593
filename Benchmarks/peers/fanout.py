"""Fan-out on python-socketio and uvicorn: what Benchmarks/socket-benchmark serves, as a peer.

    python -m uvicorn fanout:app --loop uvloop --ws websockets
"""
import socketio

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
app = socketio.ASGIApp(server)


@server.event
async def join(sid):
    await server.enter_room(sid, "chat")
    await server.emit("joined", to=sid)


@server.event
async def say(sid, text):
    await server.emit("said", text, room="chat")
