// The exchanges of tests/exchanges/hub.txt: how they are read, and how they are run with a client of any
// kind. Node runs this, and a page in a browser, so it uses nothing of either.

const PATIENCE = 20_000;

class Mismatch extends Error {}

function exchanges(text) {
  const found = [];
  text.split("\n").forEach((line, index) => {
    if (line.startsWith("### ")) found.push({ name: line.slice(4), options: [], steps: [] });
    else if (line.startsWith("# serve: ") && found.length) found.at(-1).options.push(...line.slice(9).split(" "));
    else if (line && !line.startsWith("#")) found.at(-1).steps.push([index + 1, line]);
  });
  return found;
}

function matches(wanted, seen) {
  if (wanted === "*") return typeof seen === "string";
  if (wanted && seen && typeof wanted === "object" && typeof seen === "object") {
    const keys = Object.keys(wanted);
    return keys.length === Object.keys(seen).length
      && Array.isArray(wanted) === Array.isArray(seen)
      && keys.every((key) => Object.hasOwn(seen, key) && matches(wanted[key], seen[key]));
  }
  return wanted === seen;
}

// What a client has received that nobody has waited for: `{text}`, and at the end `{code, reason}`.
class Inbox {
  #items = [];
  #waiting = null;

  push(item) {
    if (this.#waiting) { this.#waiting(item); this.#waiting = null; } else this.#items.push(item);
  }

  next() {
    if (this.#items.length) return Promise.resolve(this.#items.shift());
    return new Promise((done) => { this.#waiting = done; });
  }
}

// A client is what `connect(target, headers)` makes. It has `opened`, which becomes the status of the
// handshake, an `inbox`, `send`, `close`, and `drop`, which ends without a Close where it can.
class Exchange {
  constructor(connect) {
    this.open = connect;
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
      client.close();
      for (let item = await client.inbox.next(); item.text !== undefined; item = await client.inbox.next()) {
        if (!/"(closed|offline)"/.test(item.text)) throw new Mismatch(`${name} also got ${item.text}`);
      }
    }
  }

  async connect(line, more) {
    const [, name, target] = line.split(" ");
    const status = Number(more.find((words) => words.startsWith("HTTP "))?.slice(5) ?? 101);
    const headers = Object.fromEntries(more.filter((words) => !words.startsWith("HTTP ")).map((words) => words.split(": ")));
    const client = this.open(target, headers);
    const seen = await client.opened;
    if (seen !== status) throw new Mismatch(`the handshake was answered with ${seen}`);
    if (status === 101) this.clients.set(name, client);
  }

  async step(line) {
    const [, name, kind, rest] = line.match(/^(\w+)(>close|<close|>drop|>|<|=) ?(.*)$/);
    const client = this.clients.get(name);
    if (kind === ">") client.send(this.sent(rest));
    else if (kind === "<") await this.receive(name, client, rest);
    else if (kind === "=") {
      const [variable, path] = rest.split(" ");
      this.values[variable] = path.slice(1).split(".").reduce((value, key) => value[key], this.last[name]);
    } else if (kind === ">drop") {
      client.drop();
      await this.ended(name, client);
    } else if (kind === ">close") {
      const [code, ...reason] = rest.split(" ");
      client.close(Number(code), reason.join(" "));
      await this.ended(name, client);
    } else {
      const [code, ...reason] = rest.split(" ");
      const item = await client.inbox.next();
      this.clients.delete(name);
      if (item.code !== Number(code) || item.reason !== reason.join(" ")) throw new Mismatch(`got ${JSON.stringify(item)}`);
    }
  }

  async ended(name, client) {
    this.clients.delete(name);
    let item;
    do item = await client.inbox.next(); while (item.text !== undefined);
  }

  sent(rest) {
    const space = `${rest} `.indexOf(" ");
    const text = rest.slice(space + 1);
    switch (rest.slice(0, space)) {
      case "TEXT": return text;
      case "BINARY": return Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16));
      case "LARGE": return JSON.stringify({ event: "message", data: "x".repeat(Number(text)) });
      default: return this.filled(rest);
    }
  }

  async receive(name, client, rest) {
    const { text, code, reason } = await client.inbox.next();
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

export { Exchange, Inbox, exchanges };
