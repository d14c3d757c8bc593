"""The cases that the public suites of Engine.IO 4 and Socket.IO 5 check, against the conformance server with
pingInterval 300 and pingTimeout 200: usage protocol_suite.py PORT."""

import asyncio
import json
import sys
import traceback

import aiohttp

HTTP = f"http://127.0.0.1:{sys.argv[1]}"
WS = HTTP.replace("http", "ws")
INTERVAL, TIMEOUT = 0.3, 0.2
SEPARATOR = "\x1e"
CASES = []


def case(function):
    CASES.append(function)
    return function


def equal(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


class Session:
    def __init__(self, web, path):
        self.web, self.path = web, path
        self.target = f"{HTTP}{path}?EIO=4&transport=polling"

    async def open(self):
        response = await self.web.get(self.target)
        equal(response.status, 200)
        text = await response.text()
        equal(text[0], "0")
        self.sid = json.loads(text[1:])["sid"]
        self.target += f"&sid={self.sid}"
        return self

    async def poll(self):
        response = await self.web.get(self.target)
        return response.status, await response.text()

    async def post(self, body):
        response = await self.web.post(self.target, data=body)
        return response.status, await response.text()

    async def upgrade(self):
        return await self.web.ws_connect(f"{WS}{self.path}?EIO=4&transport=websocket&sid={self.sid}")


async def receive(socket, skips_pings=True):
    while True:
        message = await asyncio.wait_for(socket.receive(), 3)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            return None
        if not (skips_pings and message.data == "2"):
            return message.data


async def closes(socket):
    while await receive(socket) is not None:
        pass


async def connect(web, path):
    socket = await web.ws_connect(f"{WS}{path}?EIO=4&transport=websocket")
    equal((await receive(socket))[0], "0")
    return socket


async def connect_socketio(web):
    socket = await connect(web, "/socket.io/")
    await socket.send_str("40")
    assert (await receive(socket)).startswith("40{")
    equal(await receive(socket), '42["auth",{}]')
    return socket


# Engine.IO


def handshake_is_right(text, upgrades):
    value = json.loads(text[1:])
    equal(set(value), {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"})
    equal((value["upgrades"], value["pingInterval"], value["pingTimeout"], value["maxPayload"]),
          (upgrades, 300, 200, 1000000))
    assert isinstance(value["sid"], str)


@case
async def polling_handshake(web):
    response = await web.get(f"{HTTP}/engine.io/?EIO=4&transport=polling")
    equal(response.status, 200)
    handshake_is_right(await response.text(), ["websocket"])


@case
async def polling_handshakes_that_fail(web):
    for query in ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"]:
        equal((await web.get(f"{HTTP}/engine.io/?{query}")).status, 400)
    equal((await web.post(f"{HTTP}/engine.io/?EIO=4&transport=polling")).status, 400)
    equal((await web.put(f"{HTTP}/engine.io/?EIO=4&transport=polling")).status, 400)


@case
async def websocket_handshake(web):
    socket = await web.ws_connect(f"{WS}/engine.io/?EIO=4&transport=websocket")
    handshake_is_right(await receive(socket), [])


@case
async def websocket_handshakes_that_fail(web):
    for query in ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]:
        try:
            await closes(await web.ws_connect(f"{WS}/engine.io/?{query}"))
        except aiohttp.WSServerHandshakeError as error:
            equal(error.status, 400)


@case
async def polling_messages(web):
    session = await Session(web, "/engine.io/").open()
    equal(await session.post("4hello"), (200, "ok"))
    equal(await session.poll(), (200, "4hello"))
    equal(await session.post(SEPARATOR.join(["4test1", "4test2", "4test3"])), (200, "ok"))
    equal(await session.poll(), (200, SEPARATOR.join(["4test1", "4test2", "4test3"])))
    equal(await session.post(f"4hello{SEPARATOR}bAQIDBA=="), (200, "ok"))
    equal(await session.poll(), (200, f"4hello{SEPARATOR}bAQIDBA=="))


@case
async def polling_invalid_packet(web):
    session = await Session(web, "/engine.io/").open()
    equal((await session.post("abc"))[0], 400)
    equal((await session.poll())[0], 400)


@case
async def polling_twice_at_once(web):
    session = await Session(web, "/engine.io/").open()
    first = asyncio.create_task(session.poll())
    await asyncio.sleep(0.02)
    second = await session.poll()
    equal(await first, (200, "1"))
    equal(second[0], 400)
    equal((await session.poll())[0], 400)


@case
async def websocket_messages(web):
    socket = await connect(web, "/engine.io/")
    await socket.send_str("4hello")
    equal(await receive(socket), "4hello")
    await socket.send_bytes(bytes([1, 2, 3, 4]))
    equal(await receive(socket), bytes([1, 2, 3, 4]))


@case
async def websocket_invalid_packet(web):
    socket = await connect(web, "/engine.io/")
    await socket.send_str("abc")
    await closes(socket)


@case
async def polling_heartbeats(web):
    session = await Session(web, "/engine.io/").open()
    for _ in range(3):
        equal(await session.poll(), (200, "2"))
        equal((await session.post("3"))[0], 200)


@case
async def polling_ping_timeout(web):
    session = await Session(web, "/engine.io/").open()
    await asyncio.sleep(INTERVAL + TIMEOUT + 0.1)
    equal((await session.poll())[0], 400)


@case
async def websocket_heartbeats(web):
    socket = await connect(web, "/engine.io/")
    for _ in range(3):
        equal(await receive(socket, skips_pings=False), "2")
        await socket.send_str("3")


@case
async def websocket_ping_timeout(web):
    await closes(await connect(web, "/engine.io/"))


@case
async def polling_close(web):
    session = await Session(web, "/engine.io/").open()
    poll = asyncio.create_task(session.poll())
    await asyncio.sleep(0.02)
    equal(await session.post("1"), (200, "ok"))
    equal(await poll, (200, "6"))
    equal((await session.poll())[0], 400)


@case
async def websocket_close(web):
    socket = await connect(web, "/engine.io/")
    await socket.send_str("1")
    await closes(socket)


@case
async def upgrade(web):
    session = await Session(web, "/engine.io/").open()
    socket = await session.upgrade()
    await socket.send_str("2probe")
    equal(await receive(socket), "3probe")
    equal(await session.poll(), (200, "6"))
    await socket.send_str("5")
    await socket.send_str("4hello")
    equal(await receive(socket), "4hello")


@case
async def http_is_ignored_after_the_upgrade(web):
    session = await Session(web, "/engine.io/").open()
    socket = await session.upgrade()
    await socket.send_str("2probe")
    equal(await receive(socket), "3probe")
    await socket.send_str("5")
    await socket.send_str("4hello")
    equal(await receive(socket), "4hello")
    equal((await session.poll())[0], 400)
    await socket.send_str("4again")
    equal(await receive(socket), "4again")


@case
async def a_second_websocket_is_ignored_after_the_upgrade(web):
    session = await Session(web, "/engine.io/").open()
    socket = await session.upgrade()
    await socket.send_str("2probe")
    equal(await receive(socket), "3probe")
    await socket.send_str("5")
    await closes(await session.upgrade())
    await socket.send_str("4hello")
    equal(await receive(socket), "4hello")


# Socket.IO


@case
async def connects_to_the_main_namespace(web):
    for payload, auth in [("", "{}"), ('{"token":"123"}', '{"token":"123"}')]:
        socket = await connect(web, "/socket.io/")
        await socket.send_str("40" + payload)
        answer = await receive(socket)
        assert answer.startswith("40{"), answer
        equal(list(json.loads(answer[2:])), ["sid"])
        equal(await receive(socket), f'42["auth",{auth}]')


@case
async def connects_to_a_custom_namespace(web):
    for payload, auth in [("", "{}"), ('{"token":"abc"}', '{"token":"abc"}')]:
        socket = await connect(web, "/socket.io/")
        await socket.send_str("40/custom," + payload)
        assert (await receive(socket)).startswith("40/custom,{")
        equal(await receive(socket), f'42/custom,["auth",{auth}]')


@case
async def unknown_namespaces(web):
    for wire in ["40/random", "40/random,", '40/random,{"a":1}']:
        socket = await connect(web, "/socket.io/")
        await socket.send_str(wire)
        equal(await receive(socket), '44/random,{"message":"Invalid namespace"}')


@case
async def invalid_handshake(web):
    socket = await connect(web, "/socket.io/")
    await socket.send_str("4abc")
    await closes(socket)


@case
async def no_handshake(web):
    socket = await connect(web, "/socket.io/")
    while True:
        data = await receive(socket, skips_pings=False)
        if data is None:
            return
        equal(data, "2")
        await socket.send_str("3")


@case
async def disconnects(web):
    socket = await connect_socketio(web)
    await socket.send_str("40/custom")
    assert (await receive(socket)).startswith("40/custom,{")
    equal(await receive(socket), '42/custom,["auth",{}]')
    await socket.send_str("41/custom")
    await socket.send_str('42["message","message to main namespace"]')
    equal(await receive(socket), '42["message-back","message to main namespace"]')
    await socket.send_str("41")
    await socket.send_str('42["message"]')
    await closes(socket)


PLACES = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


@case
async def messages(web):
    socket = await connect_socketio(web)
    await socket.send_str('42["message",1,"2",{"3":[true]}]')
    equal(await receive(socket), '42["message-back",1,"2",{"3":[true]}]')
    await socket.send_str(f'452-["message",{PLACES}]')
    await socket.send_bytes(bytes([1, 2, 3]))
    await socket.send_bytes(bytes([4, 5, 6]))
    equal([await receive(socket) for _ in range(3)],
          [f'452-["message-back",{PLACES}]', bytes([1, 2, 3]), bytes([4, 5, 6])])
    await socket.send_str('42456["message-with-ack",1,"2",{"3":[false]}]')
    equal(await receive(socket), '43456[1,"2",{"3":[false]}]')
    await socket.send_str(f'452-789["message-with-ack",{PLACES}]')
    await socket.send_bytes(bytes([1, 2, 3]))
    await socket.send_bytes(bytes([4, 5, 6]))
    equal([await receive(socket) for _ in range(3)], [f"462-789[{PLACES}]", bytes([1, 2, 3]), bytes([4, 5, 6])])


@case
async def invalid_packets(web):
    for wire in ["4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]']:
        socket = await connect_socketio(web)
        await socket.send_str(wire)
        await closes(socket)


async def main():
    failures = 0
    for function in CASES:
        async with aiohttp.ClientSession() as web:
            try:
                await asyncio.wait_for(function(web), 10)
            except Exception:
                failures += 1
                print(f"FAILED: {function.__name__}")
                traceback.print_exc(limit=2, file=sys.stdout)
    print(f"{len(CASES) - failures} of {len(CASES)} cases")
    sys.exit(failures > 0)


asyncio.run(main())
