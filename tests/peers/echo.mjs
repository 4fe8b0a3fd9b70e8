// Echo server on node's `ws`, for tests/peers.rs; the same options and announcement as echo.py.
//
// Binds a free loopback port, says `listening PORT`, and ends when its stdin does, so that no orphan survives.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocketServer } = createRequire(`${peers}/node/package.json`)("ws");

const options = { delay: 0 };
for (let rest = process.argv.slice(2); rest.length > 0; ) {
  const name = rest.shift();
  if (name === "--delay") options.delay = Number(rest.shift());
  else if (name === "--close") options.close = [Number(rest.shift()), rest.shift()];
  else if (name === "--close-on-open") options.closeOnOpen = [Number(rest.shift()), rest.shift()];
  else if (name === "--subprotocol") options.subprotocol = rest.shift();
  else throw new Error(`unknown option ${name}`);
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: true,
  handleProtocols: (offered) => offered.has(options.subprotocol) && options.subprotocol,
});

server.on("listening", () => console.log("listening", server.address().port));

server.on("connection", (socket) => {
  if (options.closeOnOpen) return socket.close(...options.closeOnOpen);
  let turn = Promise.resolve();
  socket.on("error", () => {}); // the test judges by what the client says
  socket.on("message", (data, binary) => {
    turn = turn.then(async () => {
      await sleep(options.delay * 1000);
      if (socket.readyState !== socket.OPEN) return;
      socket.send(data, { binary });
      if (options.close) socket.close(...options.close);
    });
  });
});

process.stdin.on("end", () => process.exit(0)).resume();
