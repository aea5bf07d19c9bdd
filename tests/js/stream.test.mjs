// One stream through all its connections: resume, backoff, stalls, statuses. Nothing waits.

import assert from "node:assert/strict";
import test from "node:test";

import { ResilientEventSource } from "../../sse_observe/client/sse-observe.js";
import { World, idle } from "./world.mjs";

test("EventSource's own interface, so that replacing it is one word", () => {
  const world = new World();
  const { source } = world.stream({ withCredentials: true }, "/s");
  const heard = [];
  source.onopen = (event) => heard.push(event.type);
  source.onmessage = (event) => heard.push([event.data, event.lastEventId, event.origin]);
  assert.deepEqual([source.CONNECTING, source.OPEN, source.CLOSED], [0, 1, 2]);
  assert.equal(ResilientEventSource.CLOSED, 2);
  assert.equal(source.url, "https://app.example/s");
  assert.equal(source.withCredentials, true);
  assert.equal(world.last.request.init.credentials, "include");
  assert.equal(source.readyState, source.CONNECTING);

  world.last.open().event("message", "hi", "7");
  assert.equal(source.readyState, source.OPEN);
  assert.equal(source.lastEventId, "7");
  source.close();
  assert.equal(source.readyState, source.CLOSED);
  assert.deepEqual(heard, ["open", ["hi", "7", "https://app.example"]]);
});

test("request-accept, request-cache-control: it asks for an event stream, past every cache", () => {
  const world = new World();
  world.stream({ fetch: { method: "POST", body: "{}", headers: { "X-Mine": "1" } } });
  const { init } = world.last.request;
  assert.deepEqual(Object.fromEntries(init.headers), { accept: "text/event-stream", ect: "3g", "x-mine": "1" });
  assert.equal(init.cache, "no-store");
  assert.deepEqual([init.method, init.body], ["POST", "{}"]);
});

test("eventsource-eventtarget: events of any name reach their listeners, as messages", () => {
  const world = new World();
  const { source } = world.stream();
  const heard = [];
  source.addEventListener("custom", (event) => heard.push([event.constructor.name, event.data]));
  world.last.open().event("custom", "x").event("heartbeat", "{}");
  assert.deepEqual(heard, [["MessageEvent", "x"]]);
});

test("a stream's own events named `status` and `gap` reach their listeners, and nothing else does", async () => {
  const world = new World();
  const { source } = world.stream();
  const heard = [];
  for (const name of ["status", "gap"]) source.addEventListener(name, ({ data }) => heard.push([name, data]));
  world.last.open().event("status", "searching").event("gap", "3 minutes").sink.end();
  await world.pass(1000);
  world.last.open().event("status", "done");
  assert.deepEqual(heard, [["status", "searching"], ["gap", "3 minutes"], ["status", "done"]]);
});

test("a gap is told by its short name as well, where the stream does not use it", async () => {
  const world = new World();
  const { source } = world.stream();
  const heard = [];
  for (const name of ["sse.gap", "gap"]) source.addEventListener(name, ({ lost }) => heard.push([name, lost]));
  world.last.open().hello({ lost: 3 });
  assert.deepEqual(heard, [["sse.gap", 3], ["gap", 3]]);
});

test("a heartbeat that is no JSON is a heartbeat all the same", () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().event("ping", "keep going").event("message", "a");
  assert.deepEqual(stream.messages, ["a"]);
});

test("a worker has no document: a relative URL is that of its script", () => {
  const world = new World();
  world.window.document = undefined;
  world.window.location = { href: "https://app.example/js/worker.js" };
  world.stream({}, "../feed");
  assert.equal(world.last.request.url, "https://app.example/feed");
});

test("a URL that is none is a SyntaxError", () => {
  assert.throws(() => new World().stream({}, "http://this is invalid/"), { name: "SyntaxError" });
});

test("a stream that ends well is complete, and is never asked for again", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 2).done();
  world.last.sink.end();
  await world.pass(100_000);
  assert.deepEqual(stream.messages, ["m0", "m1", "m2"]);
  assert.deepEqual(stream.statuses, ["connecting", "live", "complete"]);
  assert.equal(stream.errors, 0);
  assert.equal(world.connections.length, 1);
  assert.equal(world.timers, 0);
});

test("[DONE] ends a stream as well, and is handed on", () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().event("message", "a").event("message", "[DONE]");
  assert.deepEqual(stream.messages, ["a", "[DONE]"]);
  assert.equal(stream.source.readyState, 2);
});

const header = (world, name) => world.last.request.init.headers.get(name);

test("the first request is the URL as it was given, and its query is never spelled anew", async () => {
  const world = new World();
  const url = "https://app.example/s?key=a%20b~c&flag&sig=x%2Fy";
  world.stream({}, `${url}#here`);
  assert.equal(world.last.request.url, url);
  assert.equal(header(world, "Last-Event-ID"), null);
  world.last.open().event("message", "a", "7").sink.end();
  await world.pass(1000);
  assert.equal(world.last.request.url, url, "no hello: nothing is known of this server but the standard");
  assert.equal(header(world, "Last-Event-ID"), "7");
  world.last.open().hello().messages(0, 0).sink.end();
  await world.pass(2000);
  assert.equal(world.last.request.url, `${url}&last_event_id=0-e&network_type=3g`);
  world.last.open().hello().messages(1, 1).sink.end();
  await world.pass(4000);
  assert.equal(world.last.request.url, `${url}&last_event_id=1-e&network_type=3g`, "each field once");
});

test("a server that said hello is resumed by query and header", async () => {
  const world = new World();
  world.stream();
  assert.deepEqual(world.last.query, { stream_id: "s1" });
  world.last.open().hello().messages(0, 4).sink.end();
  await world.pass(1000);
  assert.deepEqual(world.last.query, { stream_id: "s1", network_type: "3g", last_event_id: "4-e" });
  assert.equal(header(world, "Last-Event-ID"), "4-e");
});

test("an id beyond Latin-1 resumes: a header holds the bytes of its UTF-8", async () => {
  const world = new World();
  world.stream();
  world.last.open().event("message", "a", "заказ-1").sink.end();
  await world.pass(1000);
  assert.equal(Buffer.from(header(world, "Last-Event-ID"), "latin1").toString(), "заказ-1");
});

test("another origin that said hello gets the cursor by query: the header would need its permission", async () => {
  const world = new World();
  world.stream({}, "https://api.example/s");
  world.last.open().hello().messages(0, 0).sink.end();
  await world.pass(1000);
  assert.equal(world.last.query.last_event_id, "0-e");
  assert.equal(header(world, "Last-Event-ID"), null);
  assert.equal(header(world, "ECT"), null);
});

test("another origin without hello is resumed by the header, if it allows that", async () => {
  const world = new World();
  const stream = world.stream({}, "https://api.example/s");
  world.last.open().event("message", "a", "4").sink.end();
  await world.pass(1000);
  assert.deepEqual([header(world, "Last-Event-ID"), world.last.query], ["4", {}]);
  world.last.open().event("message", "b", "5");
  assert.deepEqual([stream.messages, stream.gaps], [["a", "b"], []]);
});

test("one that does not allow it is asked without, at once, and says that nobody knows what is missing", async () => {
  const world = new World();
  const stream = world.stream({}, "https://api.example/s");
  world.last.open().event("message", "a", "4").sink.end();
  await world.pass(1000);
  world.last.sink.end(new TypeError("preflight"));
  assert.deepEqual([header(world, "Last-Event-ID"), world.last.query], [null, {}]);
  world.last.open().event("message", "b", "9").event("message", "c", "10");
  assert.deepEqual([stream.messages, stream.gaps], [["a", "b", "c"], [null]]);
});

test("`cursorParameter` is the way of a server that allows no header; nobody else gets a parameter", async () => {
  for (const url of ["https://api.example/s?topic=a%20b", "/s?topic=a%20b"]) {
    const world = new World();
    const stream = world.stream({ cursorParameter: "lastEventID" }, url);
    assert.deepEqual(world.last.query, { topic: "a b" });
    for (const id of ["заказ-1", "2"]) {
      world.last.open().event("message", id, id).sink.end();
      await world.pass(2000);
      assert.deepEqual(world.last.query, { topic: "a b", lastEventID: id });
      assert.equal(header(world, "Last-Event-ID") === null, url.startsWith("https:"));
    }
    assert.deepEqual([stream.messages, stream.gaps], [["заказ-1", "2"], []]);
  }
});

test("one that is down is asked both ways each time, and loses nothing when it is up again", async () => {
  const world = new World();
  const stream = world.stream({}, "https://api.example/s");
  world.last.open().event("message", "a", "4").sink.end();
  await world.pass(1000);
  world.last.sink.end(new TypeError("down"));
  world.last.sink.end(new TypeError("down"));
  assert.equal(stream.source.attempt, 2);
  await world.pass(2000);
  assert.equal(header(world, "Last-Event-ID"), "4");
});

test("a replay from the start is no gap, even if nobody knows why", async () => {
  const world = new World();
  const stream = world.stream({}, "https://api.example/s");
  world.last.open().event("message", "a", "1").sink.end();
  await world.pass(1000);
  world.last.sink.end(new TypeError("preflight"));
  world.last.open().event("message", "a", "1").event("message", "b", "2");
  assert.deepEqual([stream.messages, stream.gaps], [["a", "b"], []]);
});

test("events without ids: a GET that comes back says that nobody knows what is missing", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().event("message", "a").sink.end();
  await world.pass(1000);
  world.last.open().event("message", "a");
  assert.deepEqual([stream.messages, stream.gaps], [["a", "a"], [null]]);
});

test("before its first event a stream is asked for by name, so that it is not started twice", async () => {
  const world = new World();
  world.stream({}, "/api/v1/stream");
  world.last.open().hello({ stream: "new" }).sink.end();
  await world.pass(1000);
  assert.deepEqual(world.last.query, { stream_id: "new", last_event_id: "-1", network_type: "3g" });
});

test("the network type of the first open stays with the stream", async () => {
  const world = new World();
  world.stream();
  world.navigator.connection.effectiveType = "2g";
  world.last.open().hello().messages(0, 0).sink.end();
  await world.pass(1000);
  assert.deepEqual([world.last.query.network_type, header(world, "ECT")], ["3g", "3g"]);
});

// ---- backoff

/** The pauses before each of the next attempts that fail. */
async function pauses(world, attempts) {
  const found = [];
  for (let n = 0; n < attempts; n++) {
    const lost = world.time;
    const before = world.connections.length;
    world.last.sink.end();
    while (world.connections.length === before) await world.pass(50);
    found.push(world.time - lost);
  }
  return found;
}

test("it waits 1 s, 2 s, 4 s … at most 30 s, and never gives up", async () => {
  const world = new World();
  const stream = world.stream({ pollAfter: Infinity });
  assert.deepEqual(await pauses(world, 8), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.equal(stream.statuses.at(-1), "reconnecting 8");
  assert.equal(stream.errors, 8);
});

test("each pause is spread from half to one and a half of it", async () => {
  const world = new World();
  world.stream({ pollAfter: Infinity });
  world.random = 0;
  assert.deepEqual(await pauses(world, 3), [500, 1000, 2000]);
  world.random = 0.999;
  const [long] = await pauses(world, 1);
  assert.ok(long > 11_900 && long <= 12_000);
});

test("`retry:` and Retry-After are the least that it waits", async () => {
  const world = new World();
  world.stream({ pollAfter: Infinity });
  world.last.open().sink.retry(2500);
  assert.deepEqual(await pauses(world, 3), [2500, 2500, 4000]);
  const before = world.connections.length;
  world.last.sink.refuse(503, 20_000);
  await world.pass(19_999);
  assert.equal(world.connections.length, before);
  await world.pass(1);
  assert.equal(world.connections.length, before + 1);
});

test("a server that accepts and drops is not asked every second", async () => {
  const world = new World();
  world.stream({ pollAfter: Infinity });
  const found = [];
  for (let n = 0; n < 4; n++) {
    world.last.open().hello();
    found.push(...(await pauses(world, 1)));
  }
  assert.deepEqual(found, [1000, 2000, 4000, 8000]);
});

test("after a healthy while with an event in it, the next pause is short again", async () => {
  const world = new World();
  world.stream({ pollAfter: Infinity });
  await pauses(world, 3);
  world.last.open().messages(0, 0);
  await world.pass(5000);
  world.last.messages(1, 1);
  assert.deepEqual(await pauses(world, 1), [1000]);
  world.last.open();
  await world.pass(4999);
  assert.deepEqual(await pauses(world, 1), [2000], "no event: not healthy");
});

test("maxRetries ends it: failed is shown once, and is final", async () => {
  const world = new World();
  const stream = world.stream({ maxRetries: 2 });
  for (let n = 0; n < 3; n++) {
    world.last.sink.end();
    await world.pass(5000);
  }
  assert.deepEqual(stream.statuses, ["connecting", "reconnecting 1", "reconnecting 2", "failed"]);
  assert.equal(world.connections.length, 3);
  assert.equal(stream.source.readyState, 2);
  assert.equal(world.timers, 0);
});

// ---- refusals

for (const status of [400, 401, 403, 404, 405, 406, 410, 422, 210, 299])
  test(`${status} is final`, async () => {
    const world = new World();
    const stream = world.stream();
    world.last.sink.refuse(status, 0);
    await world.pass(100_000);
    assert.deepEqual(stream.statuses, ["connecting", "failed"]);
    assert.equal(stream.errors, 1);
    assert.equal(world.connections.length, 1);
  });

for (const status of [408, 425, 429, 500, 502, 503, 504])
  test(`${status} passes: it is tried again`, async () => {
    const world = new World();
    const stream = world.stream();
    world.last.sink.refuse(status, 0);
    await world.pass(1000);
    assert.deepEqual(stream.statuses, ["connecting", "reconnecting 1"]);
    assert.equal(world.connections.length, 2);
  });

test("204 is the orderly stop", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.sink.refuse(204, 0);
  await world.pass(100_000);
  assert.deepEqual(stream.statuses, ["connecting", "complete"]);
  assert.equal(world.connections.length, 1);
});

test("a wrong content type is final at first, and passes later: a proxy's own apology", async () => {
  const world = new World();
  const first = world.stream();
  world.last.sink.refuse(200, 0);
  assert.equal(first.source.status, "failed");
  const second = world.stream();
  world.last.open().messages(0, 0).sink.end();
  await world.pass(1000);
  world.last.sink.refuse(200, 0);
  assert.equal(second.source.status, "reconnecting");
});

// ---- what was seen

test("what is replayed is shown once", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 3).sink.end();
  await world.pass(1000);
  world.last.open().hello({ resumed_from: "3-e" }).messages(1, 5);
  assert.deepEqual(stream.messages, ["m0", "m1", "m2", "m3", "m4", "m5"]);
  assert.deepEqual(stream.gaps, []);
});

test("a replay that comes after the live events heals the hole that they left", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 1).sink.end();
  await world.pass(1000);
  world.last.open().hello({ resumed_from: "1-e" }).messages(4, 4).messages(2, 5).done();
  assert.deepEqual(stream.messages, ["m0", "m1", "m4", "m2", "m3", "m5"]);
  assert.deepEqual(stream.gaps, []);
});

test("it asks again from before a hole", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello().messages(0, 1).messages(3, 4).sink.end();
  await world.pass(1000);
  assert.equal(world.last.query.last_event_id, "1-e");
});

test("a hole that stays is announced before the end", () => {
  const world = new World();
  const stream = world.stream();
  const heard = [];
  stream.source.addEventListener("sse.gap", () => heard.push("gap"));
  stream.source.addEventListener("done", () => heard.push("done"));
  world.last.open().hello().messages(0, 1).messages(4, 4).done();
  assert.deepEqual(stream.gaps, [2]);
  assert.deepEqual(heard, ["gap", "done"]);
});

test("a hole far behind is given up, so that what is remembered stays small", () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 0).messages(2, 70);
  assert.deepEqual(stream.gaps, [1]);
});

test("a gap that the server announces is an event, and no duplicate follows from it", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 3).sink.end();
  await world.pass(1000);
  world.last.open().hello({ resumed_from: "3-e", lost: 4 }).messages(8, 9).done();
  assert.deepEqual(stream.messages.slice(4), ["m8", "m9"]);
  assert.deepEqual(stream.gaps, [4]);
});

test("a client that comes late learns how much there was before", () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello({ lost: 7 }).messages(7, 8);
  assert.deepEqual(stream.gaps, [7]);
  assert.deepEqual(stream.messages, ["m7", "m8"]);
});

test("a resume that was not understood replays from the start, and nothing is shown twice", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 3).sink.end();
  await world.pass(1000);
  world.last.open().hello({ resumed_from: null, lost: 2 }).messages(2, 5);
  assert.deepEqual(stream.messages, ["m0", "m1", "m2", "m3", "m4", "m5"]);
  assert.deepEqual(stream.gaps, []);
});

test("another stream in its place is announced as a gap of unknown size, and the old cursor dropped", async () => {
  const world = new World();
  const stream = world.stream({}, "/api/v1/stream");
  world.last.open().hello().messages(0, 3).sink.end();
  await world.pass(1000);
  world.last.open().hello({ stream: "s2", resumed_from: null }).sink.end();
  assert.deepEqual(stream.gaps, [null]);
  await world.pass(2000);
  assert.deepEqual([world.last.query.stream_id, world.last.query.last_event_id], ["s2", "-1"]);
  world.last.open().hello({ stream: "s2", resumed_from: "-1" }).messages(0, 1, "other");
  assert.deepEqual(stream.messages.slice(4), ["m0", "m1"]);
  assert.deepEqual(stream.gaps, [null]);
});

test("only after a hello an id is a number and an epoch: without, it may be anything", async () => {
  const world = new World();
  const stream = world.stream();
  // The words of two messages, and a counter that begins again.
  const words = ["the", "cat", "the", "end"];
  world.last.open();
  words.forEach((word) => world.last.event("message", word, "0-room7"));
  world.last.event("message", "next", "3-room7").sink.end();
  await world.pass(1000);
  world.last.open().event("message", "new", "0-room8");
  assert.deepEqual([stream.messages, stream.gaps], [[...words, "next", "new"], []]);
});

test("after a resume an event that is known by its id and its content is not shown again", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().event("message", "a", "x").event("message", "b", "y").sink.end();
  await world.pass(1000);
  assert.equal(header(world, "Last-Event-ID"), "y");
  world.last.open().event("message", "a", "x").event("message", "b", "y").event("message", "d", "z");
  world.last.event("message", "e", "x");
  assert.deepEqual(stream.messages, ["a", "b", "d", "e"]);
  assert.deepEqual(stream.gaps, []);
});

test("a counter that begins again with its process is another stream: all is shown, and a gap says so", async () => {
  const world = new World();
  const stream = world.stream();
  for (const run of ["first", "second", "third"]) {
    for (let n = 1; n <= 3; n++) world.last.open().event("message", `${run} ${n}`, `${n}`);
    world.last.sink.end();
    await world.pass(10_000);
  }
  assert.equal(stream.messages.length, 9);
  assert.deepEqual(stream.gaps, [null, null]);
});

test("one id for all words of a message says nothing of one of them: after a break all words are new", async () => {
  const world = new World();
  const stream = world.stream();
  const say = (...words) => words.forEach((word) => world.last.event("message", word, "msg-7"));
  world.last.open();
  say("the", "cat", "saw");
  world.last.sink.end();
  await world.pass(1000);
  world.last.open();
  say("the", "saw");
  assert.deepEqual(stream.messages, ["the", "cat", "saw", "the", "saw"]);
  assert.deepEqual(stream.gaps, []);
});

test("an event without an id shows the one before it, also of the connection before", async () => {
  const world = new World();
  const ids = [];
  const { source } = world.stream();
  source.addEventListener("message", ({ lastEventId }) => ids.push(lastEventId));
  world.last.open().event("message", "a", "5").event("message", "b").sink.end();
  await world.pass(1000);
  world.last.open().event("message", "c");
  assert.deepEqual(ids, ["5", "5", "5"]);
});

test("an empty id: there is nothing to resume from, and a gap says what that may mean", async () => {
  for (const hello of [true, false]) {
    const world = new World();
    const stream = world.stream();
    world.last.open();
    if (hello) world.last.hello({ stream: undefined });
    world.last.event("message", "a", "0-e").event("message", "b", "").sink.end();
    assert.equal(stream.source.lastEventId, "");
    await world.pass(1000);
    assert.equal(header(world, "Last-Event-ID"), null);
    world.last.open().event("message", "c", "9-e");
    assert.deepEqual([stream.messages, stream.gaps], [["a", "b", "c"], [null]]);
  }
});

test("pauses of centuries are no pause of nothing: a wait is at most five minutes, a timer at most 24 days", async () => {
  const world = new World();
  const waits = [];
  const { setTimeout: set } = world.window;
  world.window.setTimeout = (act, ms) => (waits.push(ms), set(act, ms));
  world.stream({ waitingAfter: 1e15 });
  world.last.open().hello().sink.retry(1e18);
  world.last.sink.end();
  await world.pass(299_999);
  assert.equal(world.connections.length, 1);
  await world.pass(2);
  assert.equal(world.connections.length, 2);
  world.last.sink.refuse(503, 1e15);
  await world.pass(300_001);
  assert.equal(world.connections.length, 3);
  assert.ok(waits.every((ms) => ms < 2 ** 31));
});

test("ids that only look numbered lose nothing: milliseconds and a counter", () => {
  const world = new World();
  const stream = world.stream();
  world.last.open();
  for (const id of ["1526919030474-0", "1526919030474-1", "1526919031000-0"]) world.last.event("message", id, id);
  assert.equal(stream.messages.length, 3);
  assert.deepEqual(stream.gaps, []);
});

test("events without ids are never taken for duplicates", () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().event("message", "a").event("message", "a").event("message", "a");
  assert.equal(stream.messages.length, 3);
});

const kept = (world) => ({ getItem: (key) => world.items.get(key) ?? null, setItem: (key, v) => world.items.set(key, v) });

test("a web page that keeps the cursor resumes after a reload; the cursor of another stream is not used", async () => {
  const world = new World();
  const storage = kept(world);
  world.stream({ storage });
  world.last.open().hello().messages(0, 3);
  world.hide();
  const again = world.stream({ storage });
  assert.equal(world.last.query.last_event_id, "3-e");
  world.last.open().hello().messages(2, 4);
  assert.deepEqual(again.messages, ["m4"]);
  world.last.done();
  world.stream({ storage });
  assert.equal(world.last.query.last_event_id, undefined);
  world.stream({ storage }, "/api/v1/stream?stream_id=s9");
  assert.equal(world.last.query.last_event_id, undefined);
});

test("`resume` says how a GET goes on as well: after a cut and after a reload", async () => {
  const world = new World();
  const options = { storage: kept(world), resume: (_, cursor) => `https://app.example/feed?since=${cursor}` };
  world.stream(options, "/feed");
  assert.equal(world.last.request.url, "https://app.example/feed");
  world.last.open().event("message", "a", "7").sink.end();
  await world.pass(1000);
  assert.equal(world.last.request.url, "https://app.example/feed?since=7");
  world.last.open().event("message", "b", "8");
  world.hide();
  world.stream(options, "/feed");
  assert.equal(world.last.request.url, "https://app.example/feed?since=8");
});

test("what is kept belongs to one request: another user's headers do not find it, and its name tells none", () => {
  const world = new World();
  const storage = kept(world);
  const as = (token) => ({ storage, fetch: { headers: { Authorization: `Bearer ${token}` } } });
  world.stream(as("secret"));
  world.last.open().event("message", "a", "7");
  world.hide();
  world.stream(as("other"));
  assert.equal(header(world, "Last-Event-ID"), null);
  world.stream(as("secret"));
  assert.equal(header(world, "Last-Event-ID"), "7");
  assert.ok(![...world.items.keys()].join().includes("secret"));
});

// ---- time

test("silence shows as waiting, and a byte does not hide that nothing is answered", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello();
  await world.pass(4000);
  world.last.beat();
  await world.pass(1000);
  assert.deepEqual(stream.statuses, ["connecting", "live", "waiting"]);
  world.last.messages(0, 0);
  assert.equal(stream.source.status, "live");
});

test("no byte for 2.5 announced heartbeats is a stall: the connection is given up and resumed", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 0);
  await world.pass(24_999);
  assert.equal(world.last.aborted, false);
  await world.pass(1);
  assert.equal(world.connections[0].aborted, true);
  assert.deepEqual(stream.statuses, ["connecting", "live", "waiting"]);
  await world.pass(1000);
  assert.equal(world.last.query.last_event_id, "0-e");
  world.last.open().hello({ resumed_from: "0-e" });
  assert.deepEqual(stream.statuses, ["connecting", "live", "waiting", "live"]);
});

test("without an announced heartbeat it is 30 s, with stallTimeout as long as that", async () => {
  for (const [options, limit] of [[{}, 30_000], [{ stallTimeout: 7000 }, 7000]]) {
    const world = new World();
    world.stream(options);
    world.last.open().event("message", "a");
    await world.pass(limit - 1);
    assert.equal(world.last.aborted, false);
    await world.pass(1);
    assert.equal(world.connections[0].aborted, true);
  }
});

test("comments and heartbeats keep a connection; nothing stalls right after a reconnect", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello();
  for (let n = 0; n < 20; n++) {
    await world.pass(20_000);
    n % 2 ? world.last.sink.alive() : world.last.beat();
  }
  await world.pass(25_000);
  await world.pass(1000);
  world.last.open().hello();
  await world.pass(24_000);
  assert.equal(world.connections.length, 2);
  assert.equal(stream.errors, 1);
});

test("a machine that slept has seen no stall; a stream that lives goes on", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 0);
  await world.sleep(3_600_000);
  assert.equal(world.last.aborted, false);
  world.last.beat();
  await world.pass(20_000);
  world.last.messages(1, 1);
  assert.equal(world.connections.length, 1);
  assert.equal(stream.errors, 0);
});

test("after sleep a dead connection is found within half a stall, and is not called a stall", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 0);
  await world.sleep(3_600_000);
  await world.pass(12_500);
  assert.equal(world.connections[0].aborted, true);
  assert.equal(stream.statuses.at(-1), "reconnecting 1");
});

test("a hidden tab whose timers fire once a minute still finds a dead connection", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello();
  world.hide();
  for (let n = 0; n < 3; n++) await world.sleep(60_000);
  assert.equal(world.connections[0].aborted, true);
});

test("a connection that does not open in time is given up", async () => {
  const world = new World();
  const stream = world.stream();
  await world.pass(14_999);
  assert.equal(world.last.aborted, false);
  await world.pass(1);
  assert.equal(world.connections[0].aborted, true);
  assert.equal(stream.statuses.at(-1), "reconnecting 1");
});

test("one that opens and sends nothing is given up too, and is not called a stall", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open();
  await world.pass(30_000);
  assert.equal(world.connections[0].aborted, true);
  assert.equal(stream.statuses.at(-1), "reconnecting 1");
});

// ---- the tab and its network

test("offline it waits without trying, and tries at once when the network is back", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 0);
  world.offline();
  world.last.sink.end();
  await world.pass(600_000);
  assert.equal(world.connections.length, 1);
  assert.deepEqual(stream.statuses, ["connecting", "live", "offline"]);
  world.online();
  assert.equal(world.connections.length, 2);
});

test("a pause ends when the network comes back or the tab is looked at", async () => {
  for (const event of ["online", "visible"]) {
    const world = new World();
    world.stream();
    world.last.sink.end();
    event === "online" ? world.online() : world.hide(false);
    assert.equal(world.connections.length, 2, event);
  }
});

test("a connection that was silent through a change of network is replaced, one that spoke is kept", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 0);
  await world.pass(100);
  world.offline();
  await world.pass(100);
  world.last.messages(1, 1);
  assert.equal(stream.source.status, "live");
  world.online();
  assert.equal(world.connections.length, 1);
  world.offline();
  await world.pass(2000);
  world.online();
  assert.equal(world.connections.length, 2);
  assert.equal(world.last.query.last_event_id, "1-e");
});

test("close cancels everything", async () => {
  for (const stop of ["connecting", "open", "pausing", "offline"]) {
    const world = new World();
    const stream = world.stream();
    if (stop === "open") world.last.open();
    if (stop === "offline") world.offline();
    if (stop === "pausing" || stop === "offline") world.last.sink.end();
    stream.source.close();
    const known = { ...stream, messages: [...stream.messages], statuses: [...stream.statuses] };
    world.last.open().messages(0, 3);
    world.last.sink.end();
    world.online();
    world.hide(false);
    await world.pass(1_000_000);
    assert.equal(world.connections.length, 1, stop);
    assert.ok(world.last.aborted, stop);
    assert.deepEqual([stream.messages, stream.statuses], [known.messages, known.statuses], stop);
    assert.equal(world.timers, 0, stop);
  }
});

test("a listener may close the stream while it hears of an event", async () => {
  const world = new World();
  const stream = world.stream();
  stream.source.addEventListener("error", () => stream.source.close());
  world.last.open().sink.end();
  await world.pass(100_000);
  assert.equal(world.connections.length, 1);
});

test("eventsource-bfcache: a tab put away closes its stream without an error and resumes when it is back", async () => {
  const world = new World();
  const stream = world.stream();
  world.last.open().hello().messages(0, 2);
  world.fire(world.window, "pagehide", { persisted: true });
  assert.ok(world.last.aborted);
  await world.sleep(600_000);
  assert.equal(world.connections.length, 1);
  world.fire(world.window, "pageshow", { persisted: true });
  assert.equal(world.last.query.last_event_id, "2-e");
  assert.equal(stream.errors, 0);
});

// ---- polling

/** Fail until it polls. */
async function untilPolling(world) {
  while (world.last.query.mode !== "poll") await pauses(world, 1);
}

test("after enough failures it polls, shows so, and goes back to a stream as soon as one opens", async () => {
  const world = new World();
  const stream = world.stream({ pollAfter: 3 });
  await untilPolling(world);
  assert.equal(world.connections.length, 4);
  world.last.open(true).hello().messages(0, 1).sink.end();
  assert.equal(stream.statuses.at(-1), "polling");
  await world.pass(0);
  assert.equal(world.last.query.mode, undefined, "the way is free: a stream is tried at once");
  assert.equal(world.last.query.last_event_id, "1-e");
  world.last.open().hello().messages(2, 2);
  assert.equal(stream.statuses.at(-1), "live");
  world.last.sink.end();
  await world.pass(1000);
  assert.equal(world.last.query.mode, undefined);
});

test("where streams are held back it polls every few seconds, and tries a stream every minute", async () => {
  const world = new World();
  const stream = world.stream({ pollInterval: 5000 });
  const modes = [];
  const answer = () => {
    const { last } = world;
    if (last.answered) return;
    last.answered = true;
    modes.push(last.query.mode ?? "stream");
    if (last.query.mode) last.open(true).hello().sink.end();
  };
  for (let n = 0; n < 150; n++) {
    answer();
    await world.pass(1000);
  }
  assert.deepEqual(modes.slice(0, 3), ["stream", "stream", "poll"]);
  const streams = modes.slice(2).filter((mode) => mode === "stream").length;
  assert.equal(streams, 2);
  assert.ok(modes.length > 15);
  assert.equal(stream.statuses.at(-1), "polling");
  assert.equal(stream.source.readyState, 1);
});

test("a stream whose first stamps lie seconds apart and arrive together was held back", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello({ server_time: 5_000_000 + world.time - 9000 }).beat();
  assert.equal(world.last.aborted, true);
  await world.pass(1000);
  assert.equal(world.last.query.mode, "poll");
});

test("a poll that brings the end completes the stream", async () => {
  const world = new World();
  const stream = world.stream({ pollAfter: 1 });
  await untilPolling(world);
  world.last.open(true).hello().messages(0, 1).done();
  assert.equal(stream.source.status, "complete");
});

test("a server that cannot poll is not asked again", async () => {
  const world = new World();
  const stream = world.stream({ pollAfter: 1 });
  await untilPolling(world);
  world.last.sink.refuse(400, 0);
  for (let n = 0; n < 5; n++) {
    await world.pass(31_000);
    assert.equal(world.last.query.mode, undefined);
    world.last.sink.end();
  }
  assert.notEqual(stream.source.status, "failed");
});

test("one that answers a poll with a stream is taken at its word", async () => {
  const world = new World();
  const stream = world.stream({ pollAfter: 1 });
  await untilPolling(world);
  world.last.open(false).event("message", "a");
  assert.equal(stream.statuses.at(-1), "live");
});

// ---- statuses

test("bindStatus shows a text for each status, in another language too, and announces it politely", async () => {
  const world = new World();
  const { source } = world.stream();
  const element = () => ({ dataset: {}, setAttribute(name, value) { this[name] = value; } });
  const [english, german] = [element(), element()];
  source.bindStatus(english);
  const unbind = source.bindStatus(german, { reconnecting: "Verbinde neu ({attempt}. Versuch) …" });
  assert.equal(english["aria-live"], "polite");
  assert.equal(english.textContent, "Connecting...");
  world.last.sink.end();
  assert.equal(english.textContent, "Reconnecting (attempt 1)...");
  assert.equal(german.textContent, "Verbinde neu (1. Versuch) …");
  assert.equal(english.dataset.status, "reconnecting");
  unbind();
  await world.pass(1000);
  world.last.open();
  assert.equal(english.textContent, "Connected");
  assert.equal(german.textContent, "Verbinde neu (1. Versuch) …");
  await world.pass(5000);
  assert.equal(english.textContent, "Waiting for server response...");
  world.last.done();
  assert.equal(english.textContent, "Response complete");
  const failing = world.stream();
  failing.source.bindStatus(english);
  world.last.sink.refuse(404, 0);
  assert.equal(english.textContent, "Connection failed. Please refresh.");
});

test("nothing writes HTML, and nothing keeps a web page from the back-forward cache", async () => {
  const { readFile } = await import("node:fs/promises");
  const source = await readFile(new URL("../../sse_observe/client/sse-observe.js", import.meta.url), "utf8");
  for (const word of ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "beforeunload", "setInterval"])
    assert.ok(!source.includes(word), word);
});
