"""The scenario `serve` of benches/compare: what idle connections cost a server, and what echoing costs it.

The servers are `wirecat serve`, node's `ws` and Python's `websockets` (benches/peers/server.*), each in a process of its
own that is measured from outside: VmRSS, and the CPU time of all its threads, both from /proc. The connections belong
to this script, which speaks plain RFC 6455 over sockets and does as little as it can.

Memory, growth of VmRSS for each of --connections:
  idle      no extension was offered
  agreed    permessage-deflate was offered as Chrome offers it, and agreed on; nothing was sent
  quiet     after one compressed message each way, of 1 KiB of JSON, and --silence seconds without any
CPU, for each message:
  echo      50 connections with 16 messages of 100 bytes on their way
  echo-64k  the same with one message of 64 KiB
CPU, for each delivery:
  fan-out   one sends messages of 100 bytes, eight at a time, and 1,000 others get them; wirecat by its event hub, in
            envelopes with ids, the others as they are, by `websockets.broadcast` and by a loop over ws' clients
A server starts anew for each of the first three.
"""

import base64
import hashlib
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")
KEY = bytes([0x37, 0xFA, 0x21, 0x3D])
ECHOING = 50
DEPTH = 16
RECEIVERS = 1000
BURST = 8
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


class Server:
    """A server in a process of its own, which prints the URL where it echoes."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        first = self.process.stdout.readline()
        found = re.search(r"ws://([^:/]+):(\d+)", first)
        if not found:
            self.close()
            raise SystemExit(f"`{' '.join(command)}` said {first!r} instead of where it listens")
        self.address = found[1], int(found[2])
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def memory(self):
        """Resident now, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE

    def cpu(self):
        """Used so far, in seconds."""
        with open(f"/proc/{self.process.pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def close(self):
        self.process.kill()
        self.process.communicate()


def connect(address, offer="", target="/echo"):
    """A connection whose handshake is over, and what was agreed on."""
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET {target} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offer}\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        block = connection.recv(4096)
        if not block:
            raise SystemExit(f"the handshake was answered with {head!r}")
        head += block
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
    if accept not in head:
        raise SystemExit(f"the handshake was answered with {head!r}")
    found = re.search(rb"(?i)permessage-deflate[^\r]*", head)
    return connection, found[0].decode() if found else ""


def length(size, mask):
    if size < 126:
        return bytes([mask | size])
    return struct.pack("!BH", mask | 126, size) if size < 1 << 16 else struct.pack("!BQ", mask | 127, size)


def masked(first, payload):
    """A frame with the first byte `first`, as a client sends it."""
    key = int.from_bytes((KEY * (len(payload) // 4 + 1))[: len(payload)], "big")
    body = (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
    return bytes([first]) + length(len(payload), 0x80) + KEY + body


def receive(connection, size):
    block = bytearray()
    while len(block) < size:
        more = connection.recv(size - len(block))
        if not more:
            raise SystemExit("the server closed the connection")
        block += more
    return bytes(block)


# Memory


def chat(size):
    """JSON as an API might send it."""
    chance, text = random.Random(1), []
    while len(json.dumps(text)) < size:
        text.append({"user": chance.choice("abcdef") * 3, "id": chance.randrange(10**9), "text": "hello there"})
    return json.dumps(text).encode()


def exchange(connections):
    """Sends a compressed message on each, and takes the answer, which must be it, compressed too."""
    plain = chat(1024)
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    frame = masked(0xC1, (deflate.compress(plain) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4])
    for connection in connections:
        connection.sendall(frame)
        first, size = receive(connection, 2)
        if size == 126:
            size = int.from_bytes(receive(connection, 2), "big")
        body = zlib.decompressobj(-15).decompress(receive(connection, size) + b"\x00\x00\xff\xff")
        if (first, body) != (0xC1, plain):
            raise SystemExit(f"the server answered with {first:#x} and {len(body)} bytes")


def memory(start, what, count, silence):
    """Growth of the server's memory for each of `count` connections, in bytes, and what was agreed on."""
    server = start()
    try:
        # What a first connection of each kind costs once is not what each one costs.
        kept = [connect(server.address, OFFER if what != "idle" else "")]
        time.sleep(0.5)
        before = server.memory()
        for _ in range(count):
            kept.append(connect(server.address, OFFER if what != "idle" else ""))
        agreed = {agreed for _, agreed in kept}
        if ("" in agreed) != (what == "idle"):
            raise SystemExit(f"{server.name} agreed on {agreed}")
        if what == "quiet":
            exchange([connection for connection, _ in kept])
            time.sleep(silence)
        time.sleep(1)
        return (server.memory() - before) / count, agreed.pop()
    finally:
        for connection, _ in kept:
            connection.close()
        server.close()


# Echo


def echo(start, payload, depth, seconds):
    """The server's CPU time for each message, in seconds, and how many there were."""
    server = start()
    try:
        connections = [connect(server.address)[0] for _ in range(ECHOING)]
        request = masked(0x81, payload) * depth
        answer = len(bytes([0x81]) + length(len(payload), 0) + payload) * depth
        echo_for(connections, request, answer, seconds / 4)  # to warm up
        before = server.cpu()
        messages = echo_for(connections, request, answer, seconds) * depth
        return (server.cpu() - before) / messages, messages
    finally:
        for connection in connections:
            connection.close()
        server.close()


def echo_for(connections, request, answer, seconds):
    """Sends the request on each, and again when its answer is there; how many answers there were."""
    poll, waiting, rest = select.epoll(), {}, {}
    for connection in connections:
        connection.setblocking(False)
        poll.register(connection, select.EPOLLIN | select.EPOLLOUT)
        waiting[connection.fileno()] = [connection, answer, memoryview(request)]
    until, answers, open_ = time.perf_counter() + seconds, 0, len(connections)
    while open_:
        for fd, _ in poll.poll(5):
            state = waiting[fd]
            connection, left, rest = state
            try:
                while rest:
                    rest = rest[connection.send(rest) :]
                    if not rest:
                        poll.modify(fd, select.EPOLLIN)
                while left:
                    left -= len(connection.recv(min(left, 1 << 18)))
                answers += 1
                if time.perf_counter() > until:
                    open_ -= 1
                    poll.unregister(fd)
                    continue
                left, rest = answer, memoryview(request)
                poll.modify(fd, select.EPOLLIN | select.EPOLLOUT)
            except BlockingIOError:
                pass
            state[1:] = left, rest
    poll.close()
    return answers


# Fan-out


def frames(block):
    """How many whole frames there are, and what follows them."""
    count, at = 0, 0
    while len(block) >= at + 2:
        size, head = block[at + 1], 2
        if size == 126:
            if len(block) < at + 4:
                break
            size, head = int.from_bytes(block[at + 2 : at + 4], "big"), 4
        if len(block) < at + head + size:
            break
        at += head + size
        count += 1
    return count, block[at:]


def fan_out(start, seconds):
    """The server's CPU time for each delivery, in seconds, and how many there were."""
    server = start()
    hub = server.name in ("wirecat", "baseline")
    connections = []
    try:
        target = "/events?token=receiver" if hub else "/broadcast"
        connections = [connect(server.address, target=target)[0] for _ in range(RECEIVERS)]
        sender = connect(server.address, target="/events?token=sender" if hub else "/broadcast")[0]
        connections.append(sender)
        text = b"0123456789" * 10
        message = b'{"event":"message","echo":false,"data":"' + text + b'"}' if hub else text
        request = masked(0x81, message) * BURST
        time.sleep(1)
        for connection in connections:
            connection.setblocking(False)
            try:
                while connection.recv(1 << 16):
                    pass
            except BlockingIOError:
                pass
        deliver(connections, sender, request, 1)  # to warm up
        before = server.cpu()
        deliveries = deliver(connections, sender, request, seconds)
        return (server.cpu() - before) / deliveries, deliveries
    finally:
        for connection in connections:
            connection.close()
        server.close()


def deliver(connections, sender, request, seconds):
    """Sends a burst, and the next when all have it; how many messages were delivered."""
    poll, states = select.epoll(), {}
    for connection in connections[:-1]:
        poll.register(connection, select.EPOLLIN)
        states[connection.fileno()] = [connection, b""]
    until, bursts = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        sender.sendall(request)
        left = BURST * RECEIVERS
        while left:
            for fd, _ in poll.poll(30) or [(None, None)]:
                if fd is None:
                    raise SystemExit(f"{left} messages did not come")
                state = states[fd]
                count, state[1] = frames(state[1] + state[0].recv(1 << 16))
                left -= count
        bursts += 1
        try:
            sender.recv(1 << 16)  # the others send it back to the sender too
        except BlockingIOError:
            pass
    poll.close()
    return bursts * BURST * RECEIVERS


# The table


def servers(wirecat, peers, baseline):
    """How to start each."""
    python = os.path.join(peers, "websockets17", "bin", "python")
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
    commands = {
        "wirecat": [wirecat, "serve", "--port", "0"],
        **({"baseline": [baseline, "serve", "--port", "0"]} if baseline else {}),
        "ws": ["node", os.path.join(here, "server.mjs")],
        "websockets": [python, os.path.join(here, "server.py")],
    }
    return {name: lambda name=name, command=command: Server(name, command) for name, command in commands.items()}


def compare(starts, connections, silence, seconds, progress):
    """The rows of the table: what, one figure for each server, and the first one's ratio to the others'."""
    rows = []

    def row(what, unit, scale, figures):
        first = next(iter(figures.values()))
        ratios = [f"×{first / figure:.3f}" for figure in list(figures.values())[1:]]
        rows.append([what, unit, *(f"{figure * scale:,.2f}" for figure in figures.values()), *ratios])

    for what in ("idle", "agreed", "quiet"):
        figures = {}
        for name, start in starts.items():
            progress(f"serve {what} {name}")
            figures[name], agreed = memory(start, what, connections, silence)
            if agreed and what == "agreed":
                progress("")
                print(f"{name} agreed on {agreed}")
        row(what, "KiB/connection", 1 / 1024, figures)
    for what, payload, depth in (("echo", b"0123456789" * 10, DEPTH), ("echo-64k", b"0123456789abcdef" * 4096, 1)):
        figures = {}
        for name, start in starts.items():
            progress(f"serve {what} {name}")
            figures[name], _ = echo(start, payload, depth, seconds)
        row(what, "µs/message", 1e6, figures)
    figures = {}
    for name, start in starts.items():
        progress(f"serve fan-out {name}")
        figures[name], _ = fan_out(start, seconds)
    row("fan-out", "µs/delivery", 1e6, figures)
    progress("")
    return rows
