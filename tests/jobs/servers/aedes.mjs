// aedes, an MQTT broker, over WebSocket.

import { createServer } from "node:http";
import { listen, load } from "./common.mjs";

const { WebSocketServer, createWebSocketStream } = load("protocols", "ws");
const { Aedes } = load("protocols", "aedes");

const broker = await Aedes.createBroker();
const http = createServer();
const sockets = new WebSocketServer({
  server: http,
  handleProtocols: (offered) => offered.has("mqtt") && "mqtt",
});
sockets.on("connection", (socket, request) => {
  if (socket.protocol !== "mqtt") return socket.close(1002, "the subprotocol mqtt is missing");
  broker.handle(createWebSocketStream(socket), request);
});

listen(http);
