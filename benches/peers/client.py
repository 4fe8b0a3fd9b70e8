"""Client on Python `websockets` 17 for benches/compare: lines of stdin out as messages, replies to stdout as lines.

Asks for what wirecat does: permessage-deflate at level 1 with the window that the server grants. Bytes are neither
decoded nor encoded, no pings are sent, and WINDOW messages are on their way at once. Says on stderr what was agreed on.
"""

import asyncio
import sys

import websockets.speedups  # noqa: F401  without it every byte is masked in Python, and nothing can be compared
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

WINDOW = 1000


async def main(url):
    lines = sys.stdin.buffer.read().split(b"\n")[:-1]
    deflate = ClientPerMessageDeflateFactory(client_max_window_bits=True, compress_settings={"level": 1})
    options = {"compression": None, "extensions": [deflate], "ping_interval": None, "max_queue": None, "proxy": None}
    async with connect(url, **options) as connection:
        print(connection.response.headers["Sec-WebSocket-Extensions"], file=sys.stderr)
        room = asyncio.Semaphore(WINDOW)

        async def send():
            for line in lines:
                await room.acquire()
                await connection.send(line, text=True)

        sending = asyncio.create_task(send())
        for _ in lines:
            sys.stdout.buffer.write(await connection.recv(decode=False) + b"\n")
            room.release()
        await sending


asyncio.run(main(sys.argv[1]))
