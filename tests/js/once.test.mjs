// A request with effects is sent once: what ends it, what resumes it, and what never sends it again.

import assert from "node:assert/strict";
import test from "node:test";

import { World, idle } from "./world.mjs";

const CUT = new TypeError("network");
const POST = { method: "POST", body: '{"ask":"a poem"}', headers: { "Content-Type": "application/json", Authorization: "Bearer t" } };

/** A world with one POST under way; `ends` is what its failures came with. */
function asked(options = {}, url = "/chat") {
  const world = new World();
  const stream = world.stream({ fetch: POST, ...options }, url);
  const ends = [];
  stream.source.addEventListener("error", ({ reason, data, httpStatus }) => reason && ends.push({ reason, data, httpStatus }));
  return Object.assign(world, { log: stream, ends });
}

const methods = (world) => world.connections.map(({ request }) => request.init.method ?? "GET");
const header = (world, name) => world.last.request.init.headers.get(name);

/** Everything that ever made a client try again, and a day. */
async function tempt(world) {
  world.offline();
  world.online();
  world.hide();
  world.hide(false);
  world.fire(world.window, "pagehide", { persisted: true });
  world.fire(world.window, "pageshow", { persisted: true });
  await world.pass(86_400_000);
}

test("an answer that ends in order is complete, whatever its protocol, and is never asked for again", async () => {
  const world = asked();
  world.last.open().event("message", "a").event("message", "b").sink.end();
  await tempt(world);
  assert.deepEqual(world.log.statuses, ["connecting", "live", "complete"]);
  assert.deepEqual(methods(world), ["POST"]);
  assert.deepEqual([world.log.messages, world.log.errors, world.timers], [["a", "b"], 0, 0]);
  assert.equal(world.log.source.readyState, 2);
});

for (const method of ["POST", "PUT", "PATCH", "DELETE", "QUERY", "GETTER"])
  test(`a ${method} that is cut has failed, interrupted: what it does might be done twice`, async () => {
    const world = asked({ fetch: { ...POST, method } });
    world.last.open().event("message", "a").sink.end(CUT);
    await tempt(world);
    assert.deepEqual(world.log.statuses, ["connecting", "live", "failed"]);
    assert.deepEqual(methods(world), [method]);
    assert.deepEqual(world.ends, [{ reason: "interrupted", data: undefined, httpStatus: undefined }]);
  });

test("get and head in any spelling are asked again", async () => {
  for (const method of ["get", "HEAD", undefined]) {
    const world = asked({ fetch: { method } });
    world.last.open().event("message", "a").sink.end();
    await world.pass(1000);
    assert.equal(world.connections.length, 2, method);
  }
});

test("one that never opened has failed as well: the server may have begun all the same", async () => {
  const world = asked();
  world.last.sink.end(CUT);
  await tempt(world);
  assert.deepEqual([methods(world), world.ends[0].reason], [["POST"], "interrupted"]);
});

test("a slow model is waited for: before the headers, before the first byte, and within the answer", async () => {
  const world = asked();
  await world.pass(600_000);
  world.last.open();
  await world.pass(600_000);
  world.last.event("message", "a");
  await world.pass(600_000);
  world.last.event("message", "b").sink.end();
  assert.deepEqual(methods(world), ["POST"]);
  assert.deepEqual(world.log.messages, ["a", "b"]);
  assert.equal(world.log.source.status, "complete");
});

test("the limits that are set hold for a POST too, and end it", async () => {
  for (const [name, isOpen, isBegun] of [["connectTimeout", 0, 0], ["firstEventTimeout", 1, 0], ["stallTimeout", 1, 1]]) {
    const world = asked({ [name]: 20_000 });
    if (isOpen) world.last.open();
    if (isBegun) world.last.event("message", "a");
    await world.pass(19_999);
    assert.notEqual(world.log.source.status, "failed", name);
    await world.pass(1);
    assert.deepEqual([methods(world), world.ends[0].reason], [["POST"], "interrupted"], name);
    assert.ok(world.last.aborted);
  }
});

test("stallTimeout covers what follows the first event; before it firstEventTimeout does, never the shorter", async () => {
  for (const [options, first, later] of [
    [{ stallTimeout: 120_000 }, 120_000, 120_000],
    [{ stallTimeout: 5_000 }, 30_000, 5_000],
    [{ stallTimeout: 5_000, firstEventTimeout: 60_000 }, 60_000, 5_000],
  ]) {
    const world = new World();
    world.stream(options);
    world.last.open();
    await world.pass(first - 1);
    assert.equal(world.last.aborted, false);
    world.last.event("message", "a");
    await world.pass(later - 1);
    assert.equal(world.connections[0].aborted, false);
    await world.pass(1);
    assert.equal(world.connections[0].aborted, true);
  }
});

// ---- resumed

test("cut after hello named it, it is resumed by GET: same URL, name and cursor, no body", async () => {
  const world = asked();
  world.last.open().hello({ stream: "s7" }).messages(0, 2).sink.end(CUT);
  assert.equal(world.log.source.status, "reconnecting");
  await world.pass(1000);
  const { url, init } = world.last.request;
  assert.equal(url, "https://app.example/chat?stream_id=s7&last_event_id=2-e&network_type=3g");
  assert.deepEqual([init.method, init.body], [undefined, undefined]);
  assert.deepEqual([header(world, "Authorization"), header(world, "Content-Type"), header(world, "Last-Event-ID")], ["Bearer t", null, "2-e"]);
  world.last.open().hello({ stream: "s7", resumed_from: "2-e" }).messages(2, 4).sink.end();
  assert.deepEqual(world.log.messages, ["m0", "m1", "m2", "m3", "m4"]);
  assert.equal(world.log.source.status, "complete", "it ended in order");
  assert.deepEqual([world.ends, world.log.gaps], [[], []]);
});

test("a stall after heartbeats were announced is a cut", async () => {
  const world = asked();
  world.last.open().hello({ stream: "s7" }).messages(0, 0);
  await world.pass(25_000);
  await world.pass(1000);
  assert.deepEqual(methods(world), ["POST", "GET"]);
});

test("cut before its first event it is resumed from before its start", async () => {
  const world = asked();
  world.last.open().hello({ stream: "s7" }).sink.end(CUT);
  await world.pass(1000);
  assert.deepEqual([methods(world), world.last.query.last_event_id], [["POST", "GET"], "-1"]);
});

test("a hello without a name resumes nothing", async () => {
  const world = asked();
  world.last.open().hello({ stream: null }).event("message", "a").sink.end(CUT);
  await tempt(world);
  assert.deepEqual([methods(world), world.ends[0].reason], [["POST"], "interrupted"]);
});

test("a resume that is refused for good: interrupted; one that passes is asked again, by GET", async () => {
  const world = asked();
  world.last.open().hello({ stream: "s7" }).messages(0, 0).sink.end(CUT);
  await world.pass(1000);
  world.last.sink.refuse(503, 0);
  await world.pass(2000);
  world.last.sink.refuse(405, 0);
  await tempt(world);
  assert.deepEqual(methods(world), ["POST", "GET", "GET"]);
  assert.deepEqual(world.ends, [{ reason: "interrupted", data: undefined, httpStatus: 405 }]);
});

test("a resume that is answered by another stream, or by a web page, has failed: it is no part of the answer", async () => {
  for (const answer of [(last) => last.open().hello({ stream: "s8" }).messages(0, 3, "other"), (last) => last.sink.refuse(200, 0)]) {
    const world = asked();
    world.last.open().hello({ stream: "s7" }).messages(0, 0).sink.end(CUT);
    await world.pass(1000);
    answer(world.last);
    await tempt(world);
    assert.deepEqual([methods(world), world.log.messages, world.log.gaps], [["POST", "GET"], ["m0"], []]);
    assert.equal(world.ends[0].reason, "interrupted");
  }
});

test("a resume that answers 204: nothing more will come", async () => {
  const world = asked();
  world.last.open().hello({ stream: "s7" }).messages(0, 0).sink.end(CUT);
  await world.pass(1000);
  world.last.sink.refuse(204, 0);
  assert.equal(world.log.source.status, "complete");
});

test("`resume` says how: a request, used as it is, or a URL", async () => {
  const request = new Request("https://app.example/answers/s7?after=1", { headers: { "X-Mine": "1" } });
  for (const [given, url] of [[request, request], ["https://app.example/a", "https://app.example/a"]]) {
    const heard = [];
    const world = asked({ resume: (...args) => (heard.push(args), given) });
    world.last.open().hello({ stream: "s7" }).messages(0, 1).sink.end(CUT);
    await world.pass(1000);
    assert.deepEqual(heard, [["s7", "1-e"]]);
    assert.equal(world.last.request.url, url);
    assert.equal(world.last.request.init.method, undefined);
    world.last.open().hello({ stream: "s7", resumed_from: "1-e" }).messages(2, 2).done();
    assert.deepEqual(world.log.messages, ["m0", "m1", "m2"]);
  }
});

test("`resume` may know the name itself; where it knows none, nothing is sent", async () => {
  let known = "https://app.example/responses/7?starting_after=1";
  const world = asked({ resume: () => known });
  world.last.open().event("message", "a").sink.end(CUT);
  await world.pass(1000);
  assert.equal(world.last.request.url, known);
  known = undefined;
  world.last.sink.end(CUT);
  await tempt(world);
  assert.deepEqual([methods(world), world.ends[0].reason], [["POST", "GET"], "interrupted"]);
});

test("a POST that was refused has begun nothing that `resume` could find; a cut one may have", async () => {
  const refused = asked({ resume: () => "https://app.example/answers/mine" });
  refused.last.sink.refuse(503, 0);
  await tempt(refused);
  assert.deepEqual([methods(refused), refused.ends], [["POST"], [{ reason: "refused", data: undefined, httpStatus: 503 }]]);
  const cut = asked({ resume: () => "https://app.example/answers/mine" });
  cut.last.sink.end(CUT);
  await cut.pass(1000);
  cut.last.sink.refuse(503, 0);
  await cut.pass(2000);
  assert.deepEqual(methods(cut), ["POST", "GET", "GET"]);
});

test("back from the back-forward cache, an answer that was whole is complete, and one that failed has failed", async () => {
  for (const [data, status] of [['{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}', "complete"], ['{"error":{"message":"no"}}', "failed"]]) {
    const world = asked();
    world.last.open().event("message", '{"choices":[{"delta":{"content":"a"}}]}').event("message", data);
    world.fire(world.window, "pagehide", { persisted: true });
    world.fire(world.window, "pageshow", { persisted: true });
    assert.deepEqual([world.log.source.status, methods(world)], [status, ["POST"]]);
    assert.deepEqual(world.ends.map(({ reason }) => reason), status === "failed" ? ["error_event"] : []);
  }
});

test("a hidden tab, a look at it and the back-forward cache send no POST; what hello named is resumed", async () => {
  for (const hello of [true, false]) {
    const world = asked();
    world.last.open();
    if (hello) world.last.hello({ stream: "s7" });
    world.last.messages(0, 0);
    world.hide();
    world.hide(false);
    assert.equal(world.last.aborted, false);
    assert.equal(world.connections.length, 1);
    world.fire(world.window, "pagehide", { persisted: true });
    assert.ok(world.last.aborted);
    world.fire(world.window, "pageshow", { persisted: true });
    assert.deepEqual(methods(world), hello ? ["POST", "GET"] : ["POST"]);
    assert.equal(world.log.source.status, hello ? "connecting" : "failed");
  }
});

test("a network that comes back does not end an answer that may still live, nor one that cannot go on", async () => {
  const world = asked();
  world.last.open().event("message", "a");
  world.offline();
  await world.pass(5000);
  world.online();
  world.last.event("message", "b").sink.end();
  assert.deepEqual([methods(world), world.log.messages, world.log.source.status], [["POST"], ["a", "b"], "complete"]);
});

// ---- sent again with a key

test("with an idempotency key it is sent again, each time under the same key, and nothing is shown twice", async () => {
  const world = asked({ idempotencyKey: "k1" });
  const keys = [header(world, "Idempotency-Key")];
  world.last.open().event("message", "a").event("message", "b").sink.end(CUT);
  await world.pass(1000);
  keys.push(header(world, "Idempotency-Key"));
  world.last.open().event("message", "a").sink.end(CUT);
  await world.pass(2000);
  keys.push(header(world, "Idempotency-Key"));
  world.last.open().event("message", "a").event("message", "b").event("message", "c").sink.end();
  await idle();
  assert.deepEqual([methods(world), keys], [["POST", "POST", "POST"], ["k1", "k1", "k1"]]);
  assert.deepEqual(world.last.request.init.body, POST.body);
  assert.deepEqual(world.log.messages, ["a", "b", "c"]);
  assert.deepEqual(world.log.gaps, []);
  assert.equal(world.log.source.status, "complete");
  assert.equal(world.posts[0]?.duplicates ?? 0, 0, "no token was given here");
});

test("an answer that is another one is not mixed with the first", async () => {
  const world = asked({ idempotencyKey: "k1" });
  world.last.open().event("message", "a").event("message", "b").sink.end(CUT);
  await world.pass(1000);
  world.last.open().event("message", "a").event("message", "x").event("message", "y");
  assert.deepEqual([world.log.messages, world.ends[0].reason], [["a", "b"], "interrupted"]);
  assert.ok(world.last.aborted);
});

test("with ids they tell: a repetition may be cut into other pieces", async () => {
  const world = asked({ idempotencyKey: "k1" });
  world.last.open().messages(0, 3).sink.end(CUT);
  await world.pass(1000);
  world.last.open().messages(2, 5).sink.end();
  assert.deepEqual(world.log.messages, ["m0", "m1", "m2", "m3", "m4", "m5"]);
});

test("a name goes before the key: to resume costs nothing", async () => {
  const world = asked({ idempotencyKey: "k1" });
  world.last.open().hello({ stream: "s7" }).messages(0, 0).sink.end(CUT);
  await world.pass(1000);
  assert.deepEqual(methods(world), ["POST", "GET"]);
});

test("a look at the tab does not send it early, even with a key", async () => {
  const world = asked({ idempotencyKey: "k1" });
  world.last.open().event("message", "a").sink.end(CUT);
  world.hide();
  world.hide(false);
  assert.equal(world.connections.length, 1);
});

test("503 and 429: sent again with a key, after the pause that is asked for; without one it is refused", async () => {
  for (const status of [429, 503]) {
    const world = asked({ idempotencyKey: "k1" });
    world.last.sink.refuse(status, 7000);
    await world.pass(6999);
    assert.deepEqual(methods(world), ["POST"]);
    await world.pass(1);
    assert.deepEqual(methods(world), ["POST", "POST"]);
    const without = asked();
    without.last.sink.refuse(status, 0);
    await tempt(without);
    assert.deepEqual(methods(without), ["POST"]);
    assert.deepEqual(without.ends, [{ reason: "refused", data: undefined, httpStatus: status }]);
  }
});

test("a POST is never polled", async () => {
  const world = asked({ idempotencyKey: "k1" });
  for (let n = 0; n < 8; n++) {
    world.last.sink.end(CUT);
    await world.pass(60_000);
  }
  assert.ok(world.connections.every(({ query }) => !query.mode));
});

// ---- storage

test("a reload resumes an answer that hello named, and asks for no other", async () => {
  const world = asked();
  const storage = { getItem: (key) => world.items.get(key) ?? null, setItem: (key, v) => world.items.set(key, v) };
  const open = (fetch) => world.stream({ storage, fetch }, "/chat");
  open(POST);
  world.last.open().hello({ stream: "s7" }).messages(0, 3);
  world.hide();
  open(POST);
  assert.equal(world.last.request.init.method, undefined);
  assert.deepEqual([world.last.query.stream_id, world.last.query.last_event_id], ["s7", "3-e"]);
  for (const other of [
    { ...POST, body: '{"ask":"my salary"}' },
    { ...POST, method: "PUT" },
    { ...POST, headers: { ...POST.headers, Authorization: "Bearer another" } },
  ]) {
    open(other);
    assert.deepEqual([world.last.request.init.method, world.last.query], [other.method, {}]);
    assert.equal(header(world, "Last-Event-ID"), null);
  }
});

test("what was complete is asked anew; so is what nobody named", async () => {
  for (const finish of [(last) => last.hello({ stream: "s7" }).messages(0, 1).done(), (last) => last.event("message", "a", "7")]) {
    const world = asked();
    const storage = { getItem: (key) => world.items.get(key) ?? null, setItem: (key, v) => world.items.set(key, v) };
    world.stream({ storage, fetch: POST }, "/chat");
    finish(world.last.open());
    world.hide();
    world.stream({ storage, fetch: POST }, "/chat");
    assert.deepEqual([world.last.request.init.method, world.last.query], ["POST", {}]);
    assert.equal(header(world, "Last-Event-ID"), null);
  }
});

test("a body that is no text cannot be compared: nothing of it is kept", () => {
  const world = asked();
  const storage = { getItem: () => assert.fail(), setItem: () => assert.fail() };
  world.stream({ storage, fetch: { method: "POST", body: new FormData() } }, "/chat");
  world.last.open().hello({ stream: "s7" }).messages(0, 1);
  world.hide();
});

// ---- what the web page gives

test("headers in any form are sent", () => {
  const token = { Authorization: "Bearer t" };
  for (const headers of [token, new Headers(token), Object.entries(token)]) {
    const world = new World();
    world.stream({ fetch: { headers } });
    assert.equal(header(world, "Authorization"), "Bearer t");
    assert.equal(header(world, "Accept"), "text/event-stream");
  }
});

test("what can never be sent is refused aloud, and not tried again and again", () => {
  for (const fetch of [{ headers: { "a b": "c" } }, { body: "of a GET" }, { method: "a b" }, { method: "TRACE" }])
    assert.throws(() => new World().stream({ fetch }), TypeError);
});

/** Ask for headers by a function, as an application with short-lived tokens does. */
function tokens(more) {
  const world = new World();
  const asked = [];
  const headers = async (refused) => (asked.push(refused), { Authorization: `Bearer ${asked.length}` });
  const stream = world.stream({ fetch: { headers, ...more } }, "/s");
  const sent = () => world.connections.map(({ request }) => request.init.headers.get("Authorization"));
  return { world, asked, stream, sent };
}

test("a function for headers is asked before each request, and after a 401 once more: the stream goes on from its cursor", async () => {
  const { world, asked, stream, sent } = tokens();
  await idle();
  world.last.open().event("message", "a", "1").sink.end();
  await world.pass(1000);
  world.last.sink.refuse(401, 0);
  await idle();
  assert.equal(world.last.request.init.headers.get("Last-Event-ID"), "1");
  world.last.open().event("message", "b", "2");
  assert.deepEqual(sent(), ["Bearer 1", "Bearer 2", "Bearer 3"]);
  assert.deepEqual(asked, [undefined, undefined, 401]);
  assert.deepEqual([stream.messages, stream.gaps, stream.source.status], [["a", "b"], [], "live"]);
});

test("a second 401 in a row is final, and says so; a POST that was refused by it has begun nothing, and is sent again", async () => {
  const { world, stream } = tokens({ method: "POST", body: "{}" });
  const failures = [];
  stream.source.addEventListener("error", ({ reason, httpStatus }) => failures.push([reason, httpStatus]));
  await idle();
  world.last.sink.refuse(401, 0);
  await idle();
  assert.deepEqual([world.connections.length, world.last.request.init.body], [2, "{}"]);
  world.last.sink.refuse(401, 0);
  await idle();
  assert.equal(world.connections.length, 2);
  assert.deepEqual(failures, [["refused", 401]]);
});

test("a 401 without such a function is final at once", async () => {
  const world = new World();
  const stream = world.stream({ fetch: { headers: { Authorization: "old" } } }, "/s");
  world.last.sink.refuse(401, 0);
  assert.deepEqual([world.connections.length, stream.source.status], [1, "failed"]);
});

test("a token that cannot be had is tried for again, as a stream is; for a POST it is the end", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  for (const [method, status] of [["GET", "live"], ["POST", "failed"]]) {
    const world = new World();
    let asked = 0;
    const headers = () => (asked++ ? {} : Promise.reject(new TypeError("no network")));
    const stream = world.stream({ fetch: { method, headers } }, "/s");
    await idle();
    assert.equal(world.connections.length, 0);
    await world.pass(1000);
    world.last?.open();
    assert.equal(stream.source.status, status);
  }
  assert.equal(warn.mock.callCount(), 2);
});

test("close while headers are asked for: nothing is sent later", async () => {
  const { world, stream } = tokens();
  stream.source.close();
  await world.pass(60_000);
  assert.equal(world.connections.length, 0);
});

test("what can never be sent has failed with a reason, and is not tried again and again", async (t) => {
  const said = t.mock.method(console, "error", () => {});
  for (const options of [{ fetch: { headers: () => ({ "bad name": "x" }) } }, { resume: () => "http://[" }]) {
    const world = new World();
    const stream = world.stream(options, "/s");
    const reasons = [];
    stream.source.addEventListener("error", ({ reason }) => reason && reasons.push(reason));
    await idle();
    world.last?.open().event("message", "a", "1").sink.end();
    await world.pass(600_000);
    assert.deepEqual([reasons, stream.source.status], [["request"], "failed"]);
    assert.equal(world.timers, 0);
  }
  assert.equal(said.mock.callCount(), 2);
});

test("a name and a password in the URL: failed, once its listeners are there, as `EventSource` does", async (t) => {
  const said = t.mock.method(console, "error", () => {});
  const world = new World();
  const stream = world.stream({}, "https://me:pw@app.example/s");
  const reasons = [];
  stream.source.addEventListener("error", ({ reason }) => reasons.push(reason));
  assert.equal(stream.source.status, "connecting");
  await world.pass(600_000);
  assert.deepEqual([reasons, stream.statuses, world.timers], [["request"], ["connecting", "failed"], 0]);
  assert.equal(world.connections.length, 0);
  assert.equal(said.mock.callCount(), 1);
});

test("a web page that was asked for by name and password: its relative URLs leave them to the browser", () => {
  const world = new World();
  world.document.baseURI = "https://me:pw@app.example/chat";
  world.stream({}, "s");
  assert.equal(world.last.request.url, "https://app.example/s");
});

test("two streams whose headers are asked for are never taken for one", () => {
  const world = new World();
  const storage = { getItem: () => assert.fail(), setItem: () => assert.fail() };
  const { source } = world.stream({ fetch: { headers: () => ({}) }, storage, share: true }, "/s");
  source.close();
});
