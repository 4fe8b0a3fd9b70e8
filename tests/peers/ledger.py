"""A server that keeps a ledger, on Python `websockets`; runs on the APIs of 10 (legacy) and 17 (asyncio).

Appends each message to a file, one line each, and only then answers it. Messages are numbers, or JSON objects
with a number as member "n". Binds a loopback port, says `listening PORT`, and ends when its stdin does, so
that no orphan survives.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import threading

try:
    from websockets.asyncio.server import serve
except ImportError:
    from websockets import serve  # before 13
from websockets.exceptions import ConnectionClosed

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--port", type=int, default=0, help="0: a free one")
options.add_argument("--ledger", required=True, metavar="FILE")
options.add_argument("--reply", choices=["echo", "ack"], default="echo", help='the message itself, or {"ack":N}')
options.add_argument("--slow", type=int, default=0, metavar="N", help="up to 3 ms before every Nth message")
options = options.parse_args()

# A kill may cut a line off, which then does not count; the next one must not be appended to it.
if os.path.exists(options.ledger):
    with open(options.ledger, "rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
# Not through a buffer: what is written is there whenever the process is killed.
ledger = os.open(options.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
chance = random.Random(1)


def reply(message):
    if options.reply == "echo":
        return message
    value = json.loads(message)
    number = value["n"] if isinstance(value, dict) else value
    return f'{{"ack":{number}}}'


def enter(message):
    line = message.encode() if isinstance(message, str) else message
    os.write(ledger, line + b"\n")


async def keep(connection):
    taken = 0
    try:
        async for message in connection:
            taken += 1
            if options.slow and taken % options.slow == 0:
                await asyncio.sleep(chance.uniform(0, 0.003))
            enter(message)
            await connection.send(reply(message))
    except ConnectionClosed:
        pass  # the client went, or lost us; that is for the test to judge


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


async def main():
    async with serve(keep, "127.0.0.1", options.port, max_size=None) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


threading.Thread(target=end_with_stdin, daemon=True).start()
asyncio.run(main())
