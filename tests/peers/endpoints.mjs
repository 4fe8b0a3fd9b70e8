// A client of wirecat's endpoints on node's `ws`; the same jobs and reports as endpoints.py.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocket } = createRequire(`${peers}/node/package.json`)("ws");

function run(job) {
  const patience = (job.timeout ?? 10) * 1000;
  const report = { opened: false, status: null, error: null, messages: [], pings: 0 };
  return new Promise((done) => {
    const socket = new WebSocket(job.url, job.protocols ?? [], {
      headers: job.headers,
      handshakeTimeout: patience,
      followRedirects: true,
    });
    const end = () => {
      clearTimeout(timer);
      done(report);
    };
    const timer = setTimeout(() => {
      report.error ??= "timeout";
      socket.terminate();
      end();
    }, patience + 2000);
    const leave = () => {
      socket.close(1000);
      // A server that does not answer the Close.
      setTimeout(() => socket.terminate(), 1000).unref();
    };
    const next = () => {
      if (report.messages.length < (job.receive ?? 0)) return;
      if (!job.ping) return leave();
      report.pong = false;
      socket.once("pong", () => (report.pong = true));
      socket.ping();
      setTimeout(leave, 1000);
    };
    socket.on("upgrade", (response) => {
      report.cookies = response.headers["set-cookie"] ?? [];
    });
    socket.on("open", () => {
      report.opened = true;
      report.subprotocol = socket.protocol || null;
      report.extensions = socket.extensions;
      for (const message of job.send ?? []) socket.send(message);
      next();
    });
    socket.on("message", (data, binary) => {
      if (report.messages.length === job.receive) return;
      report.messages.push(binary ? `binary ${data.length}` : data.toString());
      next();
    });
    socket.on("ping", () => report.pings++);
    socket.on("unexpected-response", (request, response) => {
      report.status = response.statusCode;
      report.error = "unexpected-response";
      request.destroy();
      end();
    });
    socket.on("error", (error) => (report.error ??= error.code ?? error.message));
    socket.on("close", (code) => {
      report.code = code;
      // Before all that was to come, it is an error.
      if (report.messages.length < (job.receive ?? 0)) report.error ??= `closed with ${code}`;
      end();
    });
  });
}

for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  console.log(JSON.stringify(await run(job)));
}
process.exit(0);
