// GraphQL over WebSocket (graphql-transport-ws): a query, and a subscription that counts down. It pings every second.

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, load } from "./common.mjs";

const { WebSocketServer } = load("protocols", "ws");
const { buildSchema } = load("protocols", "graphql");
const { useServer } = load("protocols", "graphql-ws/use/ws");

const schema = buildSchema(`
  type Query { hello: String }
  type Subscription { countdown(from: Int!): Int }
`);

async function* countdown({ from }) {
  for (let n = from; n >= 0; n--) {
    yield { countdown: n };
    await sleep(400);
  }
}

const http = createServer();
const sockets = new WebSocketServer({ server: http, path: "/graphql" });
const roots = { query: { hello: "world" }, subscription: { countdown } };
useServer({ schema, roots, connectionInitWaitTimeout: 2000 }, sockets);
sockets.on("connection", (socket) => {
  const pings = setInterval(() => socket.send('{"type":"ping"}'), 1000);
  socket.on("close", () => clearInterval(pings));
});

listen(http);
