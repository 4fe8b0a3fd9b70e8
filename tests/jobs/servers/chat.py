"""A chat with rooms, on PyPI `aiohttp`. A member of a room gets its messages, and is named when it comes and goes.

    {"join": "tea", "name": "ann"}     {"joined": "tea", "name": "ann", "members": ["ann"]}, to all members
    {"say": "hello", "room": "tea"}    {"room": "tea", "from": "ann", "say": "hello", "n": 1}, to all members
    {"leave": "tea"}                   {"left": "tea", "name": "ann"}, to all members, and to the one that leaves
    anything else                      {"error": "..."}
"""

import asyncio
import json
import sys
import threading
from collections import defaultdict

from aiohttp import WSCloseCode, WSMsgType, web

rooms = defaultdict(dict)
said = defaultdict(int)


async def tell(sockets, message):
    await asyncio.gather(*(socket.send_json(message) for socket in list(sockets)))


async def leave(room, socket):
    name = rooms[room].pop(socket)
    await tell(rooms[room], {"left": room, "name": name})
    return name


async def handle(socket, message):
    match message:
        case {"join": str(room), "name": str(name)}:
            rooms[room][socket] = name
            await tell(rooms[room], {"joined": room, "name": name, "members": sorted(rooms[room].values())})
        case {"say": str(text), "room": str(room)} if socket in rooms[room]:
            said[room] += 1
            await tell(rooms[room], {"room": room, "from": rooms[room][socket], "say": text, "n": said[room]})
        case {"leave": str(room)} if socket in rooms[room]:
            name = await leave(room, socket)
            await socket.send_json({"left": room, "name": name})
        case {"say": _, "room": _} | {"leave": _}:
            await socket.send_json({"error": "you are not in this room"})
        case _:
            await socket.send_json({"error": "there are join, say and leave"})


async def chat(request):
    socket = web.WebSocketResponse(heartbeat=20)
    await socket.prepare(request)
    async for message in socket:
        if message.type != WSMsgType.TEXT:
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text only")
            break
        await handle(socket, json.loads(message.data))
    for room in [room for room in rooms if socket in rooms[room]]:
        await leave(room, socket)
    return socket


async def main():
    app = web.Application()
    app.add_routes([web.get("/chat", chat)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("listening", runner.addresses[0][1], flush=True)
    # It ends when stdin does, so that no orphan survives.
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True).start()
    await ended.wait()


asyncio.run(main())
