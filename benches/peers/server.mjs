// Echo server on node's `ws` 8 for `benches/compare serve`: takes permessage-deflate at level 1, for messages of any
// size. What is sent to /broadcast goes to all that are connected there. Prints where it listens.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocketServer } = createRequire(`${peers}/node/package.json`)("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level: 1 } },
});
server.on("listening", () => console.log(`listening on ws://127.0.0.1:${server.address().port}/`));
const everyone = new Set();
server.on("connection", (socket, request) => {
  if (request.url === "/broadcast") {
    everyone.add(socket);
    socket.on("message", (data, binary) => everyone.forEach((other) => other.send(data, { binary })));
  } else {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  }
});
