// Client on node's `ws` 8 for benches/compare: lines of stdin out as messages, replies to stdout as lines.
//
// Asks for what wirecat does: permessage-deflate at level 1 for messages of any size, with the window that the server
// grants. WINDOW messages are on their way at once. Says on stderr what was agreed on.

import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const WebSocket = createRequire(`${peers}/node/package.json`)("ws");

const WINDOW = 64; // of 16, 64 and 1000 the cheapest; 1000 cost a third more
const BLOCK = 64 * 1024;
const NEWLINE = Buffer.from("\n");
const lines = readFileSync(0, "latin1").split("\n").slice(0, -1).map((line) => Buffer.from(line, "latin1"));
let sent = 0;
let received = 0;
let block = [];
let size = 0;

const socket = new WebSocket(process.argv[2], {
  perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level: 1 } },
});

function send() {
  while (sent < lines.length && sent - received < WINDOW) socket.send(lines[sent++], { binary: false });
}

function flush() {
  for (let rest = Buffer.concat(block); rest.length > 0; rest = rest.subarray(writeSync(1, rest)));
  block = [];
  size = 0;
}

socket.on("upgrade", (response) => console.error(response.headers["sec-websocket-extensions"]));
socket.on("open", send);
socket.on("message", (reply) => {
  received += 1;
  block.push(reply, NEWLINE);
  size += reply.length + 1;
  if (size >= BLOCK) flush();
  if (received === lines.length) socket.close();
  else send();
});
socket.on("close", flush);
