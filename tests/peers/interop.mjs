// The other end for tests/interop.rs, on node's `ws`; the same options, roles and report as interop.py.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocket, WebSocketServer } = createRequire(`${peers}/node/package.json`)("ws");

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "no-compress": { type: "boolean" },
    "own-defaults": { type: "boolean" },
    "server-max-window-bits": { type: "string" },
    "client-max-window-bits": { type: "string" },
    "server-no-context-takeover": { type: "boolean" },
    "client-no-context-takeover": { type: "boolean" },
  },
});
const [role, url, events] = positionals;

const FRAGMENTED = 7;

// Bytes on their way out, above which an echo reads no more.
const ENOUGH = 1 << 18;

function deflate() {
  if (options["no-compress"]) return false;
  if (options["own-defaults"]) return true;
  const bits = (name) => options[name] && Number(options[name]);
  return {
    threshold: 0, // small messages, too
    serverMaxWindowBits: bits("server-max-window-bits"),
    clientMaxWindowBits: bits("client-max-window-bits"),
    serverNoContextTakeover: options["server-no-context-takeover"],
    clientNoContextTakeover: options["client-no-context-takeover"],
  };
}

// What came over a connection and was asked on it; reported when it ends.
function tally(socket, extensions) {
  const tcp = socket._socket;
  const sha1 = createHash("sha1");
  const count = { messages: 0, pings: 0, pongs: 0 };
  socket.on("pong", () => count.pongs++);
  socket.on("close", () => {
    console.log(JSON.stringify({ extensions, ...count, sha1: sha1.digest("hex"), wire: tcp.bytesRead }));
  });
  count.add = (data, binary) => {
    const head = Buffer.alloc(9);
    head[0] = binary ? 2 : 1;
    head.writeBigUInt64BE(BigInt(data.length), 1);
    sha1.update(head).update(data);
    count.messages++;
  };
  return count;
}

function send(socket, count, number, data, binary, done) {
  if (number % FRAGMENTED !== 0) return socket.send(data, { binary }, done);
  // Text is cut wherever that falls, inside a character as well.
  const third = Math.floor(data.length / 3);
  socket.send(data.subarray(0, third), { binary, fin: false });
  socket.ping(`amid ${number}`);
  count.pings++;
  socket.send(data.subarray(third, 2 * third), { binary, fin: false });
  socket.send(data.subarray(2 * third), { binary, fin: true }, done);
}

function serve() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: deflate() });
  let answer;
  server.on("listening", () => console.log("listening", server.address().port));
  server.on("headers", (lines) => {
    answer = lines.find((line) => /^sec-websocket-extensions:/i.test(line));
  });
  server.on("connection", (socket) => {
    const count = tally(socket, answer?.replace(/^.*?: */, "") ?? "");
    socket.on("error", (error) => console.error(error));
    const sent = () => {
      if (socket.bufferedAmount < ENOUGH) socket.resume();
    };
    socket.on("message", (data, binary) => {
      count.add(data, binary);
      send(socket, count, count.messages, data, binary, sent);
      // Pings count as well: with too many of them unanswered, ws hangs up.
      if (socket.bufferedAmount >= ENOUGH) socket.pause();
    });
  });
  process.stdin.on("end", () => process.exit(0)).resume();
}

function messages() {
  const lines = readFileSync(events, "utf8").split("\n").filter(Boolean);
  const sends = lines.map((line) => JSON.parse(line)).filter((event) => event.type === "send");
  return sends.map(({ data, encoding }) => ({ data: Buffer.from(data, encoding), binary: encoding !== undefined }));
}

function connect() {
  const sent = messages();
  const socket = new WebSocket(url, { perMessageDeflate: deflate() });
  let extensions = "";
  let count;
  socket.on("upgrade", (response) => {
    extensions = response.headers["sec-websocket-extensions"] ?? "";
  });
  socket.on("open", () => {
    count = tally(socket, extensions);
    sent.forEach(({ data, binary }, index) => send(socket, count, index + 1, data, binary));
  });
  socket.on("message", (data, binary) => {
    const expected = sent[count.messages];
    if (binary !== expected.binary || !data.equals(expected.data)) {
      throw new Error(`message ${count.messages + 1} of ${expected.data.length} came back as another of ${data.length}`);
    }
    count.add(data, binary);
    if (count.messages === sent.length) socket.close(1000);
  });
  socket.on("close", () => {
    process.exitCode = count?.messages === sent.length ? 0 : 1;
  });
}

if (role === "connect") connect();
else serve();
