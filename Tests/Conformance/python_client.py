"""python-socketio's client against the conformance server: usage python_client.py PORT."""

import asyncio
import sys

import socketio

URL = f"http://127.0.0.1:{sys.argv[1]}"
WAIT = 5


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


async def talk(transports):
    client = socketio.AsyncClient(reconnection=False)
    inbox = asyncio.Queue()
    for name in ("auth", "message-back", "answered", "news"):
        client.on(name, lambda *args, name=name: inbox.put_nowait((name, args)))
        client.on(name, lambda *args, name=name: inbox.put_nowait(("/custom " + name, args)), namespace="/custom")
    client.on("question", lambda *args: args)
    ended = asyncio.Event()
    client.on("disconnect", lambda *args: ended.set())

    async def receive():
        return await asyncio.wait_for(inbox.get(), WAIT)

    await client.connect(URL, transports=transports, auth={"token": "123"}, namespaces=["/", "/custom"])
    greetings = sorted([await receive(), await receive()])
    check(greetings == [("/custom auth", ({"token": "123"},)), ("auth", ({"token": "123"},))], greetings)
    if transports == ["polling", "websocket"]:
        check(client.transport() == "websocket", "no upgrade")

    await client.emit("message", (1, "2", {"3": [True]}, "héllo ☃ 👍"))
    check(await receive() == ("message-back", (1, "2", {"3": [True]}, "héllo ☃ 👍")), "message")
    blob = bytes(range(256)) * 40
    await client.emit("message", (blob, {"deep": [b"", blob]}))
    check(await receive() == ("message-back", (blob, {"deep": [b"", blob]})), "binary message")
    check(tuple(await client.call("message-with-ack", (1, None), timeout=WAIT)) == (1, None), "ack")
    check(await client.call("message-with-ack", blob, timeout=WAIT) == blob, "binary ack")
    await client.emit("ask", ("how", blob))
    check(await receive() == ("answered", ("how", blob)), "ack to the server")
    await client.emit("message", "here", namespace="/custom")
    check(await receive() == ("/custom message-back", ("here",)), "namespace")
    await client.emit("broadcast", 7)
    check(await receive() == ("news", (7,)), "broadcast")

    # In order, and more than one polling payload holds.
    for number in range(500):
        await client.emit("message", (number, "x" * 1000))
    for number in range(500):
        check((await receive())[1][0] == number, "order")

    # Longer than several heartbeats.
    await asyncio.sleep(1.2)
    check(client.connected, "heartbeat")
    await client.emit("kick", True)
    await asyncio.wait_for(ended.wait(), WAIT)


async def refused():
    for namespace, auth, error in [
        ("/guarded", {"token": "bad"}, {"message": "Authentication failed", "data": {"code": 401}}),
        ("/nowhere", None, {"message": "Invalid namespace"}),
    ]:
        client = socketio.AsyncClient(reconnection=False)
        errors = asyncio.Queue()
        client.on("connect_error", errors.put_nowait, namespace=namespace)
        try:
            await client.connect(URL, auth=auth, namespaces=[namespace], wait_timeout=WAIT)
            raise Failure(f"{namespace} let it in")
        except socketio.exceptions.ConnectionError:
            check(await asyncio.wait_for(errors.get(), WAIT) == error, namespace)
        await client.disconnect()
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(URL, auth={"token": "good"}, namespaces=["/guarded"], wait_timeout=WAIT)
    await client.disconnect()


async def reconnects():
    client = socketio.AsyncClient(reconnection=True, reconnection_delay=0.05, reconnection_delay_max=0.1)
    connects = asyncio.Queue()
    client.on("connect", lambda: connects.put_nowait(client.get_sid()))
    await client.connect(URL)
    first = await asyncio.wait_for(connects.get(), WAIT)
    # The connection breaks under the client.
    await client.eio.ws.close()
    second = await asyncio.wait_for(connects.get(), WAIT)
    check(first != second, "a new session has a new id")
    check(await client.call("message-with-ack", "again", timeout=WAIT) == "again", "after reconnecting")
    await client.disconnect()


async def main():
    await talk(["polling"])
    print("polling: ok")
    await talk(["websocket"])
    print("websocket: ok")
    await talk(["polling", "websocket"])
    print("polling, then websocket: ok")
    await refused()
    print("tokens and namespaces: ok")
    await reconnects()
    print("reconnect: ok")


asyncio.run(main())
