// Client on node's `ws`, for tests/listen.rs: waits for a message, sends two, and says what came and how it
// was closed.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocket } = createRequire(`${peers}/node/package.json`)("ws");

const socket = new WebSocket(process.argv[2]);
socket.on("message", (data) => {
  console.log(data.toString());
  socket.send('{"op":"hi"}');
  socket.send('{"op":"bye"}');
});
socket.on("close", (code) => console.log("closed", code));
socket.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
