// A service as many have one: it answers pings, and `POST /jobs` starts a job, of which everyone at /events is told.

import { createServer } from "node:http";
import { listen, load } from "./common.mjs";

const { WebSocketServer } = load("protocols", "ws");

let jobs = 0;
const events = new Set();
const tell = (event) => events.forEach((socket) => socket.send(JSON.stringify(event)));

const http = createServer((request, response) => {
  if (request.method !== "POST" || request.url !== "/jobs") return response.writeHead(404).end();
  const job = ++jobs;
  response.writeHead(202, { "Content-Type": "application/json" }).end(JSON.stringify({ job }) + "\n");
  tell({ type: "JobQueued", job });
  setTimeout(() => tell({ type: "JobCompleted", job }), 50);
});

const sockets = new WebSocketServer({ noServer: true });
http.on("upgrade", (request, socket, head) => {
  if (!["/", "/events"].includes(request.url)) return socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  sockets.handleUpgrade(request, socket, head, (client) => {
    if (request.url === "/events") {
      events.add(client);
      client.on("close", () => events.delete(client));
    }
    client.on("error", () => {}); // the test judges by what the client says
    client.on("message", (data) => {
      const { op } = JSON.parse(data);
      client.send(JSON.stringify(op === "ping" ? { op: "pong" } : { error: `unknown op ${op}` }));
    });
  });
});

listen(http);
