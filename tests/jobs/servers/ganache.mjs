// ganache: an Ethereum node of its own chain, with a block each second.

import { load } from "./common.mjs";

const ganache = load("ganache", "ganache");

const server = ganache.server({ logging: { quiet: true }, miner: { blockTime: 1 }, chain: { chainId: 1 }, wallet: { deterministic: true } });
await server.listen(0, "127.0.0.1");
console.log("listening", server.address().port);
process.stdin.on("end", () => process.exit(0)).resume();
