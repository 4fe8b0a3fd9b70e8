"""Run the exchanges of a file with Python `websockets`, each on a fresh server.

    exchange.py FILE SERVER [OPTION...]

SERVER is `wirecat`, OPTIONs are those of the store. `{n}` in them becomes the number of the exchange; with
`--redis URL` the database is emptied before each. With VIA in the environment, which is the URL of a proxy
in front of the server, clients connect to it, at 127.0.0.1 whatever its name is. The format is described at
the head of the file.
"""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.parse

import websockets

PATIENCE = 20
VIA = os.environ.get("VIA")
LEGACY = int(websockets.__version__.split(".")[0]) < 14


class Mismatch(Exception):
    pass


def exchanges(path):
    """The name, options and steps of each, a step with its line number."""
    found = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if line.startswith("### "):
            found.append((line[4:], [], []))
        elif line.startswith("# serve: ") and found:
            found[-1][1].extend(shlex.split(line[9:]))
        elif line and not line.startswith("#"):
            found[-1][2].append((number, line))
    return found


def start(server, options):
    command = [server, "serve", "--port", "0", "--silent", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    if "ws://" not in line:
        raise SystemExit(f"{command} said {line!r}")
    return process, line[line.index("ws://"):].strip()


def empty(redis):
    """Empty the database of a Redis."""
    import socket

    url = urllib.parse.urlparse(redis)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64).startswith(b"+OK"), "FLUSHALL"


def matches(wanted, seen):
    if wanted == "*":
        return isinstance(seen, str)
    if isinstance(wanted, dict) and isinstance(seen, dict):
        return wanted.keys() == seen.keys() and all(matches(wanted[key], seen[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(seen, list):
        return len(wanted) == len(seen) and all(map(matches, wanted, seen))
    return type(wanted) is type(seen) and wanted == seen


class Exchange:
    def __init__(self, base):
        self.base = base
        self.clients = {}
        self.last = {}
        self.values = {}

    def filled(self, text):
        return re.sub(r"\{\{(\w+)\}\}", lambda name: self.values[name[1]], text)

    async def run(self, steps):
        index = 0
        while index < len(steps):
            number, line = steps[index]
            index += 1
            try:
                if line.startswith("WEBSOCKET "):
                    more = []
                    while index < len(steps) and re.match(r"HTTP \d|[\w-]+: ", steps[index][1]):
                        more.append(steps[index][1])
                        index += 1
                    await asyncio.wait_for(self.connect(line, more), PATIENCE)
                else:
                    await asyncio.wait_for(self.step(line), PATIENCE)
            except Mismatch as mismatch:
                raise Mismatch(f"line {number}: {line}\n  {mismatch}") from None
            except Exception as error:
                raise Mismatch(f"line {number}: {line}\n  {type(error).__name__}: {error}") from None
        for name, client in self.clients.items():
            # What nobody has waited for was not to come.
            await client.close()
            async for extra in client:
                if '"closed"' not in extra and '"offline"' not in extra:
                    raise Mismatch(f"{name} also got {extra}")

    async def connect(self, line, more):
        _, name, target = line.split(" ", 2)
        status = next((int(words[5:]) for words in more if words.startswith("HTTP ")), 101)
        headers = [tuple(words.split(": ", 1)) for words in more if not words.startswith("HTTP ")]
        keyword = {"extra_headers" if LEGACY else "additional_headers": headers}
        if VIA:
            keyword["host"] = "127.0.0.1"
        try:
            client = await websockets.connect(self.base + target, open_timeout=PATIENCE, **keyword)
        except Exception as error:
            seen = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
            if seen != status:
                raise
            return
        if status != 101:
            raise Mismatch("the handshake was accepted")
        self.clients[name] = client

    async def step(self, line):
        name, kind, rest = re.match(r"(\w+)(>close|<close|>drop|>|<|=) ?(.*)", line).groups()
        client = self.clients[name]
        if kind == ">":
            await client.send(self.sent(rest))
        elif kind == "<":
            await self.receive(name, client, rest)
        elif kind == "=":
            variable, path = rest.split(" ", 1)
            value = self.last[name]
            for key in path.strip(".").split("."):
                value = value[key]
            self.values[variable] = value
        elif kind == ">drop":
            client.transport.abort()
            await client.wait_closed()
            del self.clients[name]
        elif kind == ">close":
            code, _, reason = rest.partition(" ")
            await client.close(int(code), reason)
            del self.clients[name]
        else:
            await self.closed(name, client, rest)

    def sent(self, rest):
        kind, _, text = rest.partition(" ")
        if kind == "TEXT":
            return text
        if kind == "BINARY":
            return bytes.fromhex(text)
        if kind == "LARGE":
            return json.dumps({"event": "message", "data": "x" * int(text)})
        return self.filled(rest)

    async def receive(self, name, client, rest):
        text = await client.recv()
        seen = self.last[name] = json.loads(text)
        if rest.startswith("LARGE "):
            _, identity, sender, length = rest.split()
            wanted = {"event": "message", "id": int(identity), "from": sender, "data": "x" * int(length), "at": "*"}
        else:
            wanted = json.loads(self.filled(rest))
        if not matches(wanted, seen):
            raise Mismatch(f"got {text[:500]}")

    async def closed(self, name, client, rest):
        code, _, reason = rest.partition(" ")
        try:
            raise Mismatch(f"got {await client.recv()}")
        except websockets.ConnectionClosed:
            await client.wait_closed()
        if (client.close_code, client.close_reason) != (int(code), reason):
            raise Mismatch(f"closed with {client.close_code} {client.close_reason!r}")
        del self.clients[name]


async def main(path, server, options):
    failed = 0
    found = exchanges(path)
    for number, (name, extra, steps) in enumerate(found):
        if "--redis" in options:
            empty(options[options.index("--redis") + 1])
        process, base = start(server, [option.replace("{n}", str(number)) for option in options] + extra)
        try:
            await Exchange(VIA or base).run(steps)
        except Mismatch as mismatch:
            failed += 1
            print(f"{name}: {mismatch}")
        finally:
            process.kill()
            process.wait()
    print(f"{len(found) - failed} of {len(found)} exchanges")
    return failed > 0


sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:])))
