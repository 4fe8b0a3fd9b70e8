"""Echo server on Python `websockets`, for tests/peers.rs; runs on the APIs of 10 (legacy) and 17 (asyncio).

Binds a free loopback port, says `listening PORT`, and ends when its stdin does, so that no orphan survives.
"""

import argparse
import asyncio
import os
import sys
import threading

try:
    from websockets.asyncio.server import serve, unix_serve
except ImportError:
    from websockets import serve, unix_serve  # before 13
from websockets.exceptions import ConnectionClosed

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--delay", type=float, default=0, metavar="SECONDS", help="before each answer, one by one")
options.add_argument("--close", nargs=2, metavar=("CODE", "REASON"), help="after the first answer")
options.add_argument("--close-on-open", nargs=2, metavar=("CODE", "REASON"))
options.add_argument("--subprotocol", metavar="NAME")
options.add_argument("--unix", metavar="PATH", help="listen on a Unix socket, and say `listening 0`")
options = options.parse_args()


async def echo(connection):
    if options.close_on_open:
        code, reason = options.close_on_open
        return await connection.close(int(code), reason)
    try:
        async for message in connection:
            await asyncio.sleep(options.delay)
            await connection.send(message)
            if options.close:
                code, reason = options.close
                return await connection.close(int(code), reason)
    except ConnectionClosed:
        pass  # the client did not wait for its answers; that is for the test to judge


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


async def main():
    subprotocols = [options.subprotocol] if options.subprotocol else None
    limits = {"subprotocols": subprotocols, "max_size": None}
    if options.unix:
        server = unix_serve(echo, options.unix, **limits)
    else:
        server = serve(echo, "127.0.0.1", 0, **limits)
    async with server as running:
        print("listening", 0 if options.unix else running.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


threading.Thread(target=end_with_stdin, daemon=True).start()
asyncio.run(main())
