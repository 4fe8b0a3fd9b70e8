"""The other end for tests/interop.rs, on Python `websockets`.

As `serve`: binds a free loopback port, says `listening PORT`, echoes what comes, and ends when its stdin
does, so that no orphan survives. As `connect`: sends the messages of a file of events to an echo server
and fails unless each comes back as it was. Either way every seventh message goes out in three fragments,
with a ping between them, and after a connection a line of JSON says what came over it.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import struct
import sys
import threading

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--no-compress", action="store_true")
options.add_argument("--own-defaults", action="store_true", help="the compression that the library has by itself")
options.add_argument("--server-max-window-bits", type=int)
options.add_argument("--client-max-window-bits", type=int)
options.add_argument("--server-no-context-takeover", action="store_true")
options.add_argument("--client-no-context-takeover", action="store_true")
options.add_argument("role", choices=["serve", "connect"])
options.add_argument("url", nargs="?")
options.add_argument("events", nargs="?")
options = options.parse_args()

FRAGMENTED = 7


class Counting:
    """Counts the bytes that come over the wire."""

    wire = 0

    def data_received(self, data):
        self.wire += len(data)
        super().data_received(data)


class Served(Counting, ServerConnection):
    pass


class Connected(Counting, ClientConnection):
    pass


class Tally:
    """What came and what was asked, for the report."""

    def __init__(self, connection):
        self.connection = connection
        self.messages = 0
        self.sha1 = hashlib.sha1()
        self.pings = []

    def add(self, message):
        kind, data = (1, message.encode()) if isinstance(message, str) else (2, message)
        self.messages += 1
        self.sha1.update(struct.pack(">BQ", kind, len(data)) + data)

    def report(self):
        answered = [ping for ping in self.pings if ping.done() and not ping.exception()]
        report = {
            "extensions": self.connection.response.headers.get("Sec-WebSocket-Extensions", ""),
            "messages": self.messages,
            "sha1": self.sha1.hexdigest(),
            "wire": self.connection.wire,
            "pings": len(self.pings),
            "pongs": len(answered),
        }
        print(json.dumps(report), flush=True)


async def send(tally, number, message):
    async def fragments():
        third = len(message) // 3
        yield message[:third]
        tally.pings.append(await tally.connection.ping(f"amid {number}"))
        yield message[third : 2 * third]
        yield message[2 * third :]

    await tally.connection.send(message if number % FRAGMENTED else fragments())


async def echo(connection):
    tally = Tally(connection)
    try:
        async for message in connection:
            tally.add(message)
            await send(tally, tally.messages, message)
    finally:
        tally.report()


def messages():
    with open(options.events, encoding="utf-8") as events:
        for event in map(json.loads, events):
            if event["type"] == "send":
                yield base64.b64decode(event["data"]) if "encoding" in event else event["data"]


async def send_all(tally, sent):
    for number, message in enumerate(sent, 1):
        await send(tally, number, message)


async def check(connection):
    tally = Tally(connection)
    sent = list(messages())
    sending = asyncio.create_task(send_all(tally, sent))
    for number, message in enumerate(sent, 1):
        reply = await connection.recv()
        if reply != message:
            sys.exit(f"message {number} of {len(message)} came back as another of {len(reply)}")
        tally.add(reply)
    await sending
    await connection.close()
    tally.report()


def deflate(factory):
    if options.no_compress or options.own_defaults:
        return []
    limits = {"server_max_window_bits": options.server_max_window_bits}
    # For a client, None is not even to offer that it takes a limit.
    if options.client_max_window_bits:
        limits["client_max_window_bits"] = options.client_max_window_bits
    return [factory(options.server_no_context_takeover, options.client_no_context_takeover, **limits)]


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


async def main():
    common = {
        "compression": "deflate" if options.own_defaults else None,
        "max_size": None,
        "ping_interval": None,
    }
    if options.role == "connect":
        extensions = deflate(ClientPerMessageDeflateFactory)
        async with connect(
            options.url, extensions=extensions, create_connection=Connected, proxy=None, **common
        ) as connection:
            return await check(connection)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    extensions = deflate(ServerPerMessageDeflateFactory)
    async with serve(
        echo, "127.0.0.1", 0, extensions=extensions, create_connection=Served, **common
    ) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
