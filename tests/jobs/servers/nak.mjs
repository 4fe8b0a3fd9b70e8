// What `nak event -k KIND -c CONTENT -t NAME=VALUE…` does: signs an event with the key in NOSTR_SECRET_KEY.

import { createHash } from "node:crypto";
import { load } from "./common.mjs";

const { schnorr } = load("nostr_core", "@noble/curves/secp256k1");

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const [command, ...options] = process.argv.slice(2);
const event = { created_at: Math.floor(Date.now() / 1000), tags: [] };
for (let at = 0; at < options.length; at += 2) {
  const value = options[at + 1];
  if (options[at] === "-k") event.kind = Number(value);
  else if (options[at] === "-c") event.content = value;
  else if (options[at] === "-t") event.tags.push([value.split("=", 1)[0], value.slice(value.indexOf("=") + 1)]);
  else throw new Error(`unknown option ${options[at]}`);
}
if (command !== "event") throw new Error(`unknown command ${command}`);

const secret = process.env.NOSTR_SECRET_KEY;
const pubkey = hex(schnorr.getPublicKey(secret));
const signed = JSON.stringify([0, pubkey, event.created_at, event.kind, event.tags, event.content]);
const id = createHash("sha256").update(signed).digest("hex");
console.log(JSON.stringify({ ...event, id, pubkey, sig: hex(schnorr.sign(id, secret)) }));
