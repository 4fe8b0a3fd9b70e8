"""Echo server on Python `websockets` 17 for `benches/compare serve`: takes permessage-deflate at level 1. What is sent to
/broadcast goes to all that are connected there.

Bytes are neither decoded nor encoded, and no pings are sent. Prints where it listens.
"""

import asyncio

import websockets.speedups  # noqa: F401  without it every byte is unmasked in Python, and nothing can be compared
from websockets.asyncio.server import broadcast, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


everyone = set()


async def echo(connection):
    if connection.request.path == "/broadcast":
        everyone.add(connection)
        while True:
            broadcast(everyone, await connection.recv())
    while True:
        await connection.send(await connection.recv(decode=False), text=True)


async def main():
    deflate = ServerPerMessageDeflateFactory(compress_settings={"level": 1})
    options = {"compression": None, "extensions": [deflate], "ping_interval": None, "max_size": None}
    async with serve(echo, "127.0.0.1", 0, **options) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening on ws://127.0.0.1:{port}/", flush=True)
        await server.serve_forever()


asyncio.run(main())
