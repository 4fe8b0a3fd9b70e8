// A server that keeps a ledger, on node's `ws`; the same options, ledger and announcement as ledger.py.
//
// Binds a loopback port, says `listening PORT`, and ends when its stdin does, so that no orphan survives.

import { on } from "node:events";
import { existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocketServer } = createRequire(`${peers}/node/package.json`)("ws");

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    ledger: { type: "string" },
    reply: { type: "string", default: "echo" },
    slow: { type: "string", default: "0" },
  },
});
if (!["echo", "ack"].includes(options.reply)) throw new Error(`--reply ${options.reply}`);
const slow = Number(options.slow);

// A kill may cut a line off, which then does not count; the next one must not be appended to it.
if (existsSync(options.ledger)) {
  truncateSync(options.ledger, readFileSync(options.ledger).lastIndexOf("\n") + 1);
}
// Not through a stream: what is written is there whenever the process is killed.
const ledger = openSync(options.ledger, "a");

// A linear congruential generator, for node has none with a seed.
let seed = 1;
function chance() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

function ack(message) {
  const value = JSON.parse(message);
  return JSON.stringify({ ack: value?.n ?? value });
}

// Without compression, as by default: in ws that takes a thread per message.
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(options.port) });

server.on("listening", () => console.log("listening", server.address().port));

server.on("connection", async (socket) => {
  socket.on("error", () => {}); // the test judges by what the client says
  let taken = 0;
  // Messages come to their turn one by one, those of a lost connection as well, and wait until then.
  for await (const [data, binary] of on(socket, "message", { close: ["close"] })) {
    if (slow && ++taken % slow === 0) await sleep(chance() * 3);
    writeSync(ledger, `${data}\n`);
    if (options.reply === "echo") socket.send(data, { binary });
    else socket.send(ack(data));
  }
});

process.stdin.on("end", () => process.exit(0)).resume();
