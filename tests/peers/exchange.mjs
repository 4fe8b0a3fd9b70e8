// Run the exchanges of a file with node `ws`, each on a fresh server: exchange.mjs FILE SERVER [OPTION...].
// As exchange.py does it with Python `websockets`.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createConnection } from "node:net";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Exchange, Inbox, exchanges } from "./exchange_steps.mjs";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocket } = createRequire(`${peers}/node/package.json`)("ws");

async function start(server, options) {
  const child = spawn(server, ["serve", "--port", "0", "--silent", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    return [child, line.slice(line.indexOf("ws://")).trim()];
  }
  throw new Error(`${options} did not start`);
}

function empty(redis) {
  const { hostname, port } = new URL(redis);
  return new Promise((done, reject) => {
    const connection = createConnection(port, hostname, () => connection.write("FLUSHALL\r\n"));
    connection.on("data", () => { connection.end(); done(); }).on("error", reject);
  });
}

class Client {
  constructor(url, headers) {
    this.inbox = new Inbox();
    this.socket = new WebSocket(url, { headers });
    this.opened = new Promise((done, reject) => {
      this.socket.on("open", () => done(101));
      this.socket.on("unexpected-response", (request, response) => { done(response.statusCode); request.destroy(); });
      this.socket.on("error", reject);
    });
    this.socket.on("message", (data) => this.inbox.push({ text: data.toString() }));
    this.socket.on("close", (code, reason) => this.inbox.push({ code, reason: reason.toString() }));
  }

  send(message) { this.socket.send(message); }

  close(code, reason) { this.socket.close(code, reason); }

  drop() { this.socket.terminate(); }
}

const [path, server, ...options] = process.argv.slice(2);
const found = exchanges(readFileSync(path, "utf8"));
let failed = 0;
for (const [number, { name, options: extra, steps }] of found.entries()) {
  if (options.includes("--redis")) await empty(options[options.indexOf("--redis") + 1]);
  const [child, base] = await start(server, [...options.map((option) => option.replace("{n}", number)), ...extra]);
  try {
    await new Exchange((target, headers) => new Client(base + target, headers)).run(steps);
  } catch (error) {
    failed++;
    console.log(`${name}: ${error.message}`);
  } finally {
    child.kill("SIGKILL");
  }
}
console.log(`${found.length - failed} of ${found.length} exchanges`);
process.exit(failed ? 1 : 0);
