// The way of getting bytes: fetch, with our own parser.

import assert from "node:assert/strict";
import test from "node:test";

import { fetchTransport } from "../../sse_observe/client/sse-observe.js";
import { idle } from "./world.mjs";

const URL_ = "https://app.example/s";

/** A sink that writes down every call. */
function listener() {
  const log = [];
  const write = (name) => (...args) => log.push([name, ...args]);
  const names = ["open", "alive", "frame", "retry", "end", "refuse"];
  return { log, sink: Object.fromEntries(names.map((name) => [name, write(name)])) };
}

/** Run the fetch transport against one answer; `pieces` are its body. */
async function fetched(pieces, { status = 200, type = "text/event-stream", headers = {}, fail } = {}) {
  const { log, sink } = listener();
  let signal;
  const encoder = new TextEncoder();
  const fetch = async (url, init) => {
    signal = init.signal;
    if (fail === "connect") throw new TypeError("network");
    const body = status === 204 ? null : new ReadableStream({
      async pull(stream) {
        const piece = pieces.shift();
        if (piece === undefined) return fail ? stream.error(new TypeError("cut")) : stream.close();
        stream.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece);
      },
    });
    return new Response(body, { status, headers: { ...(type && { "content-type": type }), ...headers } });
  };
  fetchTransport({ fetch }, { url: URL_, init: {}, types: [] }, sink);
  await new Promise((resolve) => setImmediate(resolve));
  await idle();
  return { log, names: log.map(([name]) => name), signal };
}

test("a stream opens, lives, and ends", async () => {
  const { log } = await fetched(["retry:5\n:hi\nid:1\ndata:a\n\n", "data:b\n\n"]);
  assert.deepEqual(log, [
    ["open", false],
    ["alive"],
    ["retry", 5],
    ["frame", { type: "message", data: "a", id: "1", own: true }],
    ["alive"],
    ["frame", { type: "message", data: "b", id: "1", own: false }],
    ["end"],
  ]);
});

test("a comment is a sign of life and nothing else", async () => {
  assert.deepEqual((await fetched([": ping\n\n"])).names, ["open", "alive", "end"]);
});

test("format-bom: one byte order mark at the start goes; format-bom-2: a second one stays", async () => {
  const of = async (text) =>
    (await fetched([text])).log.filter(([name]) => name === "frame").map(([, { data }]) => data);
  assert.deepEqual(await of("\ufeffdata:1\n\n"), ["1"]);
  assert.deepEqual(await of("\ufeff\ufeffdata:1\n\ndata:2\n\n"), ["2"]);
});

test("format-utf-8: characters may be cut between their bytes", async () => {
  const bytes = [...new TextEncoder().encode("data:é😀\n\n")].map((byte) => Uint8Array.of(byte));
  const { log } = await fetched(bytes);
  assert.equal(log.find(([name]) => name === "frame")[1].data, "é😀");
});

test("a stream that is cut ends by an error, one that closes without", async () => {
  const cut = await fetched(["data:a\n\n"], { fail: "cut" });
  assert.deepEqual(cut.names, ["open", "alive", "frame", "end"]);
  assert.equal(cut.log.at(-1)[1].message, "cut");
  const [refused] = (await fetched([], { fail: "connect" })).log;
  assert.deepEqual([refused[0], refused[1].message], ["end", "network"]);
});

for (const type of ["text/event-stream;charset=utf-8", "text/event-stream;", "Text/Event-Stream ; x=y"])
  test(`mime-valid: ${type}`, async () => {
    assert.equal((await fetched([], { type })).names[0], "open");
  });

for (const type of ["text/x-bogus", "text/event-streamx", "text/html; text/event-stream", ""])
  test(`mime-bogus: ${type || "none"}`, async () => {
    const { log, signal } = await fetched(["data:a\n\n"], { type });
    assert.deepEqual(log, [["refuse", 200, 0]]);
    assert.ok(signal.aborted);
  });

for (const status of [204, 210, 299, 404, 410, 503])
  test(`request-status-error: ${status} is handed on, its body not read`, async () => {
    const { log } = await fetched(["data:a\n\n"], { status });
    assert.deepEqual(log, [["refuse", status, 0]]);
  });

test("Retry-After is handed on, in milliseconds: seconds, or a date by the server's own clock", async () => {
  const after = async (value, headers) => (await fetched([], { status: 503, headers: { "retry-after": value, ...headers } })).log[0][2];
  assert.equal(await after("7"), 7000);
  assert.ok((await after("Fri, 31 Dec 1999 23:59:59 GMT")) <= 0);
  assert.equal(await after("Fri, 31 Dec 1999 23:59:59 GMT", { date: "Fri, 31 Dec 1999 23:59:29 GMT" }), 30_000);
  assert.ok(Math.abs((await after(new Date(Date.now() + 60_000).toUTCString())) - 60_000) < 5000);
  for (const nonsense of ["", "soon", "-5"]) assert.ok((await after(nonsense)) <= 0, nonsense);
});

test("201: a POST that made something, and streams it", async () => {
  const { log } = await fetched(["data:a\n\n"], { status: 201 });
  assert.equal(log[0][0], "open");
});

test("an answer with a length is a whole one: a poll", async () => {
  assert.deepEqual((await fetched(["data:a\n\n"], { headers: { "content-length": "8" } })).log[0], ["open", true]);
});
