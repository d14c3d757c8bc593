"""python-socketio against the poc surface of the real binary with its demo data: usage poc_client.py PORT."""

import asyncio
import sys

import aiohttp
import socketio

URL = f"http://127.0.0.1:{sys.argv[1]}"
WAIT = 10


def check(condition, what):
    if not condition:
        raise SystemExit(f"FAILED: {what}")


async def talk(http, transports):
    async with http.post(f"{URL}/auth/login", json={"username": "test", "password": "test123"}) as reply:
        login = await reply.json()
    check(login["success"], login)
    token = login["token"]
    client = socketio.AsyncClient(reconnection=False)
    inbox = asyncio.Queue()
    client.on("*", lambda event, *args: inbox.put_nowait((event, args[0] if args else None)))

    async def expect(name):
        event, payload = await asyncio.wait_for(inbox.get(), WAIT)
        check(event == name, f"{event} {payload} instead of {name}")
        return payload

    await client.connect(URL, transports=transports, auth={"token": token})
    check((await expect("connected"))["socketId"], "no socketId")
    await client.emit("createSession", {})
    check((await expect("sessionError"))["error"] == "Authentication required", "sessions without authenticate")
    await client.emit("authenticate", {"token": token, "userId": login["userId"]})
    check((await expect("authenticationSuccess"))["authenticated"], "authenticate")
    await client.emit("createSession", {"metadata": {"deviceInfo": "python"}})
    session = (await expect("sessionCreated"))["sessionId"]
    await client.emit("sendMessage", {"content": "What is my account balance?"})
    check((await expect("messageReceived"))["status"] == "processing", "messageReceived")
    reply = await expect("newMessage")
    check("balance is $" in reply["content"], reply["content"])
    answer = await client.call("chat:message", {"sessionId": session, "content": "Show my transactions"}, timeout=WAIT)
    check(answer["agent"]["type"] == "banking", answer)
    for name in ("messageReceived", "newMessage", "chat:response"):
        await expect(name)
    # A reply to REST comes over the socket, too.
    headers = {"Authorization": f"Bearer {token}", "X-Session-ID": session}
    async with http.post(f"{URL}/api/chat/message", json={"message": "hello"}, headers=headers) as posted:
        body = await posted.json()
    check((await expect("newMessage"))["id"] == body["response"]["id"], "the push of a REST reply")
    await client.emit("chat:history", {"sessionId": session, "limit": 50})
    history = await expect("chat:history")
    check(history["count"] == 6, history["count"])
    await client.emit("endSession")
    check((await expect("sessionEnded"))["session"]["isActive"] is False, "sessionEnded")
    check((await expect("sessionEnded"))["reason"] == "user_initiated", "sessionEnded for the sender")
    check(client.transport() == transports[-1], client.transport())
    await client.disconnect()
    refused = socketio.AsyncClient(reconnection=False)
    reasons = []
    refused.on("connect_error", reasons.append)
    try:
        await refused.connect(URL, transports=transports, auth={"token": "bad"})
        check(False, "a bad token was let in")
    except socketio.exceptions.ConnectionError:
        check(reasons[0]["message"] == "Authentication failed", reasons)


async def main():
    async with aiohttp.ClientSession() as http:
        for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
            await talk(http, transports)
            print(f"poc over {' and '.join(transports)}: passed")


asyncio.run(main())
