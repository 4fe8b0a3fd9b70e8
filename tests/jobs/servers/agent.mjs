// An agent on the SDK of MCP: `agent.mjs URL`, or `agent.mjs COMMAND ARGUMENT…`, which it starts. It calls a tool with a
// text of two lines, and prints how many tools there are and what that one answered.

import { load } from "./common.mjs";

const sdk = (name) => load("mcp", `@modelcontextprotocol/sdk/client/${name}.js`);
const { Client } = sdk("index");
const { StdioClientTransport } = sdk("stdio");
const { WebSocketClientTransport } = sdk("websocket");
globalThis.WebSocket ??= load("protocols", "ws").WebSocket;

const [first, ...args] = process.argv.slice(2);
const transport = first.startsWith("ws:")
  ? new WebSocketClientTransport(new URL(first))
  : new StdioClientTransport({ command: first, args, env: process.env });
const client = new Client({ name: "agent", version: "1.0.0" });
await client.connect(transport);
const { tools } = await client.listTools();
const { content } = await client.callTool({ name: "echo", arguments: { message: "two\nlines" } });
console.log(tools.length > 5, JSON.stringify(content[0].text));
await client.close();
process.exit(0);
