// A Nostr relay on `@nostr-relay/core`, with one direct message: for the key whose secret is all ones.

import { createServer } from "node:http";
import { listen, load } from "./common.mjs";

const { WebSocketServer } = load("protocols", "ws");
const { EventRepository } = load("nostr_core", "@nostr-relay/common");
const { NostrRelay } = load("nostr_core", "@nostr-relay/core");
const { Validator } = load("nostr_core", "@nostr-relay/validator");
const { schnorr } = load("nostr_core", "@noble/curves/secp256k1");

const reader = Buffer.from(schnorr.getPublicKey("1".repeat(64))).toString("hex");
const message = {
  id: "e".repeat(64), pubkey: "a".repeat(64), created_at: 1790000000, kind: 4, tags: [["p", reader]],
  content: "for you", sig: "5".repeat(128),
};
class Messages extends EventRepository {
  isSearchSupported = () => false;
  upsert = () => ({ isDuplicate: false });
  find = ({ kinds }) => (kinds?.includes(message.kind) ? [message] : []);
  destroy = async () => {};
}

const relay = new NostrRelay(new Messages(), { hostname: "127.0.0.1", logLevel: 5 });
const validator = new Validator();
const http = createServer();
new WebSocketServer({ server: http }).on("connection", (socket) => {
  relay.handleConnection(socket);
  socket.on("message", async (data) => relay.handleMessage(socket, await validator.validateIncomingMessage(data)));
  socket.on("close", () => relay.handleDisconnect(socket));
  socket.on("error", () => {}); // the test judges by what the client says
});
listen(http);
