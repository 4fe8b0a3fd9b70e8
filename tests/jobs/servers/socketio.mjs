// socket.io 4: everyone is told what `chat` says. It pings every second, and disconnects who has answered twice.

import { createServer } from "node:http";
import { listen, load } from "./common.mjs";

const { Server } = load("protocols", "socket.io");

const http = createServer();
const io = new Server(http, { pingInterval: 1000, pingTimeout: 1500 });

io.on("connection", (socket) => {
  let pongs = 0;
  socket.conn.on("packet", ({ type }) => {
    if (type === "pong" && ++pongs === 2) socket.disconnect(true);
  });
  socket.on("chat", (text, acknowledge) => {
    io.emit("chat", text);
    acknowledge?.("delivered");
  });
});
listen(http);
