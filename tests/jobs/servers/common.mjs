// What the servers of tests/jobs have in common: where their packages are, and how they begin and end.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const peers = resolve(process.env.WIRECAT_PEERS ?? fileURLToPath(new URL("../../../target/peers", import.meta.url)));

// The package of this name, from a folder that .ci/peers filled.
export const load = (folder, name) => createRequire(`${peers}/${folder}/package.json`)(name);

// Binds a free loopback port, says `listening PORT`, and ends when stdin does, so that no orphan survives.
export function listen(server) {
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
  process.stdin.on("end", () => process.exit(0)).resume();
}
