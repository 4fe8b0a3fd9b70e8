// Run the exchanges of a file with node `ws`, each on a fresh server: exchange.mjs FILE SERVER [OPTION...].
// As exchange.py does it with Python `websockets`.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createConnection } from "node:net";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url)));
const { WebSocket } = createRequire(`${peers}/node/package.json`)("ws");
const PATIENCE = 20_000;

class Mismatch extends Error {}

function exchanges(path) {
  const found = [];
  readFileSync(path, "utf8").split("\n").forEach((line, index) => {
    if (line.startsWith("### ")) found.push({ name: line.slice(4), options: [], steps: [] });
    else if (line.startsWith("# serve: ") && found.length) found.at(-1).options.push(...line.slice(9).split(" "));
    else if (line && !line.startsWith("#")) found.at(-1).steps.push([index + 1, line]);
  });
  return found;
}

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

function matches(wanted, seen) {
  if (wanted === "*") return typeof seen === "string";
  if (wanted && seen && typeof wanted === "object" && typeof seen === "object") {
    const keys = Object.keys(wanted);
    return isDeepStrictEqual(keys.toSorted(), Object.keys(seen).toSorted())
      && Array.isArray(wanted) === Array.isArray(seen)
      && keys.every((key) => matches(wanted[key], seen[key]));
  }
  return wanted === seen;
}

// A client, and what it has received that nobody has waited for.
class Client {
  constructor(url, headers) {
    this.inbox = [];
    this.waiting = null;
    this.socket = new WebSocket(url, { headers });
    this.opened = new Promise((done, reject) => {
      this.socket.on("open", () => done(101));
      this.socket.on("unexpected-response", (request, response) => { done(response.statusCode); request.destroy(); });
      this.socket.on("error", reject);
    });
    this.socket.on("message", (data) => this.push({ text: data.toString() }));
    this.socket.on("close", (code, reason) => this.push({ code, reason: reason.toString() }));
  }

  push(item) {
    if (this.waiting) { this.waiting(item); this.waiting = null; } else this.inbox.push(item);
  }

  next() {
    if (this.inbox.length) return Promise.resolve(this.inbox.shift());
    return new Promise((done) => { this.waiting = done; });
  }
}

class Exchange {
  constructor(base) {
    this.base = base;
    this.clients = new Map();
    this.last = {};
    this.values = {};
  }

  filled(text) {
    return text.replace(/\{\{(\w+)\}\}/g, (_, name) => this.values[name]);
  }

  async run(steps) {
    for (let index = 0; index < steps.length;) {
      const [number, line] = steps[index++];
      const more = [];
      if (line.startsWith("WEBSOCKET ")) {
        while (index < steps.length && /^(HTTP \d|[\w-]+: )/.test(steps[index][1])) more.push(steps[index++][1]);
      }
      const work = line.startsWith("WEBSOCKET ") ? this.connect(line, more) : this.step(line);
      let timer;
      const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Mismatch("nothing came in time")), PATIENCE); });
      try {
        await Promise.race([work, late]);
      } catch (error) {
        throw new Mismatch(`line ${number}: ${line}\n  ${error.message}`);
      } finally {
        clearTimeout(timer);
      }
    }
    for (const [name, client] of this.clients) {
      client.socket.close();
      for (let item = await client.next(); item.text !== undefined; item = await client.next()) {
        if (!/"(closed|offline)"/.test(item.text)) throw new Mismatch(`${name} also got ${item.text}`);
      }
    }
  }

  async connect(line, more) {
    const [, name, target] = line.split(" ");
    const status = Number(more.find((words) => words.startsWith("HTTP "))?.slice(5) ?? 101);
    const headers = Object.fromEntries(more.filter((words) => !words.startsWith("HTTP ")).map((words) => words.split(": ")));
    const client = new Client(this.base + target, headers);
    const seen = await client.opened;
    if (seen !== status) throw new Mismatch(`the handshake was answered with ${seen}`);
    if (status === 101) this.clients.set(name, client);
  }

  async step(line) {
    const [, name, kind, rest] = line.match(/^(\w+)(>close|<close|>drop|>|<|=) ?(.*)$/);
    const client = this.clients.get(name);
    if (kind === ">") client.socket.send(this.sent(rest));
    else if (kind === "<") await this.receive(name, client, rest);
    else if (kind === "=") {
      const [variable, path] = rest.split(" ");
      this.values[variable] = path.slice(1).split(".").reduce((value, key) => value[key], this.last[name]);
    } else if (kind === ">drop") {
      client.socket.terminate();
      await this.ended(name, client);
    } else if (kind === ">close") {
      const [code, ...reason] = rest.split(" ");
      client.socket.close(Number(code), reason.join(" "));
      await this.ended(name, client);
    } else {
      const [code, ...reason] = rest.split(" ");
      const item = await client.next();
      this.clients.delete(name);
      if (item.code !== Number(code) || item.reason !== reason.join(" ")) throw new Mismatch(`got ${JSON.stringify(item)}`);
    }
  }

  async ended(name, client) {
    this.clients.delete(name);
    let item;
    do item = await client.next(); while (item.text !== undefined);
  }

  sent(rest) {
    const space = `${rest} `.indexOf(" ");
    const text = rest.slice(space + 1);
    switch (rest.slice(0, space)) {
      case "TEXT": return text;
      case "BINARY": return Buffer.from(text, "hex");
      case "LARGE": return JSON.stringify({ event: "message", data: "x".repeat(Number(text)) });
      default: return this.filled(rest);
    }
  }

  async receive(name, client, rest) {
    const { text, code, reason } = await client.next();
    if (text === undefined) throw new Mismatch(`closed with ${code} ${reason}`);
    const seen = this.last[name] = JSON.parse(text);
    let wanted;
    if (rest.startsWith("LARGE ")) {
      const [, id, from, length] = rest.split(" ");
      wanted = { event: "message", id: Number(id), from, data: "x".repeat(Number(length)), at: "*" };
    } else wanted = JSON.parse(this.filled(rest));
    if (!matches(wanted, seen)) throw new Mismatch(`got ${text.slice(0, 500)}`);
  }
}

const [path, server, ...options] = process.argv.slice(2);
const found = exchanges(path);
let failed = 0;
for (const [number, { name, options: extra, steps }] of found.entries()) {
  if (options.includes("--redis")) await empty(options[options.indexOf("--redis") + 1]);
  const [child, base] = await start(server, [...options.map((option) => option.replace("{n}", number)), ...extra]);
  try {
    await new Exchange(base).run(steps);
  } catch (error) {
    failed++;
    console.log(`${name}: ${error.message}`);
  } finally {
    child.kill("SIGKILL");
  }
}
console.log(`${found.length - failed} of ${found.length} exchanges`);
process.exit(failed ? 1 : 0);
