// Drives Chromium through a conversation over a WebSocket, and saves it as an HTTP archive.
//
//     node browser.mjs embed|attach|devtools OUT.har PAGE ARGUMENTS
//
// ARGUMENTS is JSON: the URL of the WebSocket, and the steps. A step sends a text, or bytes that are given
// as a list of numbers, and waits for `replies`; "{ID}" in a text stands for the `id` of the last message
// that had one. `embed` and `attach` are the two ways of Playwright's own recorder. `devtools` takes the
// events of the DevTools protocol and writes them as the network tab of Chrome's DevTools exports them
// (front_end/models/har/Log.ts): the tab itself cannot be driven.

import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';

const { PLAYWRIGHT, CHROMIUM, CHROMIUM_ENVIRONMENT } = process.env;
const { chromium } = createRequire(PLAYWRIGHT + '/')('playwright-core');

const [form, out, address, conversation] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  env: JSON.parse(CHROMIUM_ENVIRONMENT),
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
try {
  const isPlaywright = form !== 'devtools';
  const recordHar = isPlaywright ? { path: out, content: form, mode: 'full' } : undefined;
  const context = await browser.newContext({ recordHar });
  const page = await context.newPage();
  // The other files that a page asks for are in an archive, too.
  await page.goto(address);
  const finish = isPlaywright ? undefined : await watch(await context.newCDPSession(page));
  await page.evaluate(converse, JSON.parse(conversation));
  if (finish) writeFileSync(out, JSON.stringify(await finish(), null, 2));
  // What Playwright records is written now.
  await context.close();
} finally {
  await browser.close();
}

/** Runs in the page. Resolves once the connection is closed. */
async function converse({ url, steps }) {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  const waiting = [];
  let came = 0, id;
  const look = () => waiting.splice(0).forEach((check) => check());
  socket.onmessage = ({ data }) => {
    came += 1;
    try { id = JSON.parse(data).id ?? id; } catch { /* no JSON */ }
    look();
  };
  const closed = new Promise((resolve) => { socket.onclose = () => { resolve(); look(); }; });
  const open = new Promise((resolve) => { socket.onopen = resolve; });
  await Promise.race([open, closed]);
  let expected = 0;
  for (const { send, replies } of steps) {
    if (typeof send === 'string') socket.send(send.replace('{ID}', id));
    if (Array.isArray(send)) socket.send(new Uint8Array(send));
    expected += replies;
    while (came < expected && socket.readyState < 2) await new Promise((resolve) => waiting.push(resolve));
  }
  socket.close(1000, 'done');
  await closed;
}

/** Collects the WebSockets of a page; the result gives the archive once all are closed. */
async function watch(session) {
  const requests = new Map();
  const on = (event, does) => session.on(`Network.${event}`, (it) => does(requests.get(it.requestId), it));
  session.on('Network.webSocketCreated', ({ requestId, url }) => {
    requests.set(requestId, { url, frames: [], request: {}, response: {} });
  });
  on('webSocketWillSendHandshakeRequest', (it, { request, timestamp, wallTime }) => {
    Object.assign(it, { request, issued: timestamp, wallTime });
  });
  on('webSocketHandshakeResponseReceived', (it, { response, timestamp }) => {
    Object.assign(it, { response, answered: timestamp });
  });
  // NetworkRequest.pseudoWallTime: the wall clock of the request, and the monotonic one since then.
  const wall = (it, timestamp) => it.wallTime - it.issued + timestamp;
  const frame = (type) => (it, { response, timestamp }) => it.frames.push({
    type, time: wall(it, timestamp), opcode: response.opcode, data: response.payloadData,
  });
  on('webSocketFrameSent', frame('send'));
  on('webSocketFrameReceived', frame('receive'));
  on('webSocketFrameError', (it, { errorMessage, timestamp }) => it.frames.push({
    type: 'error', time: wall(it, timestamp), opcode: -1, data: errorMessage,
  }));
  on('webSocketClosed', (it, { timestamp }) => { it.ended = timestamp; });
  await session.send('Network.enable');
  return async () => {
    const all = () => [...requests.values()];
    while (all().some((it) => !it.ended)) await new Promise((resolve) => setTimeout(resolve, 10));
    return { log: {
      version: '1.2', creator: { name: 'WebInspector', version: '537.36' }, pages: [], entries: all().map(entry),
    } };
  };
}

function entry({ url, request, response, frames, issued, answered, ended, wallTime }) {
  const headers = (of) => Object.entries(of ?? {}).map(([name, value]) => ({ name, value }));
  const query = [...new URL(url).searchParams].map(([name, value]) => ({ name, value }));
  return {
    _connectionId: '0', _initiator: { type: 'script' }, _priority: null, _resourceType: 'websocket',
    _webSocketMessages: frames,
    cache: {}, connection: undefined,
    request: {
      method: 'GET', url, httpVersion: 'HTTP/1.1', headers: headers(request.headers), queryString: query,
      cookies: [], headersSize: -1, bodySize: 0,
    },
    response: {
      status: response.status ?? 0, statusText: response.statusText ?? '', httpVersion: 'HTTP/1.1',
      headers: headers(response.headers), cookies: [], content: { size: 0, mimeType: 'x-unknown' },
      redirectURL: '', headersSize: -1, bodySize: -1, _transferSize: 0, _error: null,
    },
    serverIPAddress: '', startedDateTime: new Date(wallTime * 1000).toISOString(), time: (ended - issued) * 1000,
    timings: { blocked: -1, dns: -1, ssl: -1, connect: -1, send: 0, wait: (answered - issued) * 1000, receive: 0 },
  };
}
