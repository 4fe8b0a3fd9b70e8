import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import WebSocket, { extension, PerMessageDeflate } from "ws";

const server = createSecureServer({
  cert: readFileSync("/etc/ssl/ws.example.pem"),
  key: readFileSync("/etc/ssl/ws.example.key"),
  settings: { enableConnectProtocol: true }, // RFC 8441
});

server.on("stream", (stream, headers) => {
  if (headers[":protocol"] !== "websocket" || headers[":path"] === "/private") {
    stream.respond({ ":status": 403 });
    return stream.end("members only");
  }
  const answer = { ":status": 200 };
  const socket = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 30_000 });
  const name = PerMessageDeflate.extensionName;
  const offers = headers["sec-websocket-extensions"];
  if (offers) {
    const deflate = new PerMessageDeflate({ isServer: true });
    deflate.accept(extension.parse(offers)[name]);
    answer["sec-websocket-extensions"] = extension.format({ [name]: [deflate.params] });
    socket._extensions[name] = deflate;
  }
  stream.respond(answer);
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 4 << 20 });
  if (headers[":path"] === "/close") return socket.close(4001, "bye");
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});

server.listen(443);
