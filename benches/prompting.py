"""The scenario `prompt` of benches/compare: how soon a key shows at the prompt while messages flood in.

The prompt runs in a terminal of 80 columns that this script reads as fast as it can. The server, which is this file in a
process of its own, sends RATE small JSON messages a second, as far as the client takes them. Meanwhile a key is typed
every 50 ms, whether or not the one before it shows. Each key is a letter that is nowhere else on the screen: it shows
when its bytes come out of the terminal for the first time.

Two floods follow each other over one connection. The first fills the scrollback; the memory after the second should be
that after the first.
"""

import base64
import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
RATE = 50_000
SECONDS = 3
STEP = 0.01
EVERY = 0.05
FLOODS = 2
# Capital letters, Latin, Greek, Cyrillic and Armenian: what is shown has no others, and each is typed once.
CAPITALS = [(0x41, 0x5B), (0x391, 0x3A2), (0x3A3, 0x3AA), (0x410, 0x430), (0x531, 0x557)]
LETTERS = [chr(code) for first, end in CAPITALS for code in range(first, end)]
PATIENCE = 20
END = b"the flood is over"


# The server


def frame(payload):
    return bytes([0x81, len(payload)]) + payload


def serve():
    """Accepts one connection, and floods it after each message; prints its port, and how many messages it sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    key = re.search(rb"(?i)sec-websocket-key: *([^\r]+)", head)[1]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    connection.sendall(
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    count = int(RATE * STEP)
    block = b"".join(frame(b'{"event":"tick","data":{"n":%d,"price":1.5}}' % n) for n in range(count))
    for _ in range(FLOODS):
        connection.recv(4096)
        start, sent = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS:
            connection.sendall(block)
            sent += count
            time.sleep(max(0, start + sent / RATE - time.perf_counter()))
        print(sent, flush=True)
        connection.sendall(frame(END))
    while connection.recv(4096):
        pass


# The prompt


class Prompt:
    """A wirecat in a terminal, and when the keys that are typed show."""

    def __init__(self, path, port):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.home = tempfile.TemporaryDirectory()
        homes = dict.fromkeys(["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"], self.home.name)
        self.process = subprocess.Popen(
            [path, f"ws://127.0.0.1:{port}/"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, **homes, "TERM": "xterm-256color", "COLUMNS": "80"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.typed, self.shown, self.tail, self.written, self.peak = {}, [], b"", 0, 0

    def memory(self):
        """Resident now, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE

    def type(self, text):
        os.write(self.master, text.encode())

    def type_key(self, letter):
        self.typed[letter.encode()] = time.perf_counter()
        self.type(letter)

    def read(self, until):
        """Reads what is shown until that time, or for a moment where it is over; whether something came."""
        ready, _, _ = select.select([self.master], [], [], max(0, until - time.perf_counter()))
        if not ready:
            return False
        block = os.read(self.master, 1 << 16)
        now = time.perf_counter()
        self.written += len(block)
        fresh = self.tail + block
        for key in [key for key in self.typed if key in fresh]:
            self.shown.append(now - self.typed.pop(key))
        self.tail = fresh[-256:]
        return True

    def wait_for(self, text):
        until = time.perf_counter() + PATIENCE
        while text not in self.tail:
            if time.perf_counter() > until:
                raise SystemExit(f"{text!r} does not show: {self.tail!r}")
            self.read(until)

    def flood(self, letters):
        """Types through one flood, and waits until its end is shown."""
        self.tail = b""
        self.type("go\r")
        start = time.perf_counter()
        for n, letter in enumerate(letters):
            due = start + (n + 1) * EVERY
            while time.perf_counter() < due:
                self.read(due)
            self.peak = max(self.peak, self.memory())
            self.type_key(letter)
        until = time.perf_counter() + PATIENCE
        while self.typed or END not in self.tail:
            if time.perf_counter() > until:
                missing = b" ".join(self.typed).decode()
                raise SystemExit(f"still to be shown after {PATIENCE} s: {missing} or {END!r}: {self.tail!r}")
            self.read(until)
        self.peak = max(self.peak, self.memory())
        # Ctrl-A, Ctrl-K
        self.type("\x01\x0b")

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.master)
        self.home.cleanup()


def measure(path):
    """The keys' times in seconds, the messages sent, the bytes written, and the memory over time."""
    server = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    prompt = None
    try:
        prompt = Prompt(path, server.stdout.readline().strip())
        prompt.wait_for(b"Ctrl-D leaves.")
        memory, sent = [prompt.memory()], 0
        keys = int(SECONDS / EVERY)
        for n in range(FLOODS):
            prompt.flood(LETTERS[n * keys :][:keys])
            memory.append(prompt.memory())
            sent += int(server.stdout.readline())
        return sorted(prompt.shown), sent, prompt.written, [*memory, prompt.peak]
    finally:
        server.kill()
        server.communicate()
        if prompt:
            prompt.close()


def rows(name, path):
    """The rows of the table for one wirecat."""
    keys, sent, written, memory = measure(path)
    times = [statistics.median(keys), keys[int(len(keys) * 0.99)], keys[-1]]
    rate = sent / (FLOODS * SECONDS)
    before, first, second, peak = (f"{size / (1 << 20):.1f}" for size in memory)
    shown = [f"{time * 1000:.1f}" for time in times]
    return [[name, str(len(keys)), *shown, f"{rate:,.0f}", f"{written:,}", before, first, second, peak]]


HEADINGS = ["program", "keys", "median ms", "p99 ms", "max ms", "msg/s", "bytes", "MiB before", "after 1", "after 2", "peak"]

if __name__ == "__main__":
    serve()
