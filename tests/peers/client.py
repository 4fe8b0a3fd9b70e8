"""Client on Python `websockets`, for tests/listen.rs: waits for a message, sends two, and says what came and how it was
closed; runs on the APIs of 10 (legacy) and 17 (asyncio).
"""

import asyncio
import sys

try:
    from websockets.asyncio.client import connect
except ImportError:
    from websockets import connect  # before 13
from websockets.exceptions import ConnectionClosed


async def main():
    async with connect(sys.argv[1]) as connection:
        print(await connection.recv())
        await connection.send('{"op":"hi"}')
        await connection.send('{"op":"bye"}')
        try:
            await connection.recv()
        except ConnectionClosed as closed:
            print("closed", closed.code if not hasattr(closed, "rcvd") else closed.rcvd.code)


asyncio.run(main())
