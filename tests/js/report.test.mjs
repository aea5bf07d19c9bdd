// Beacon reports: their content, when and how often they go, and what becomes of one that cannot.

import assert from "node:assert/strict";
import test from "node:test";

import { BOUNDS, World, idle } from "./world.mjs";

const RECONNECT = "sse_reconnect_time_seconds";
const RECOVERY = "sse_stall_recovery_seconds";
const DELAY = "sse_event_delay_seconds";

test("one whole stream is one report, sent at its end", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello().messages(0, 4).sink.end();
  await world.pass(1000);
  world.last.open().hello({ resumed_from: "4-e" }).messages(3, 6).done();
  await idle();
  assert.deepEqual(world.posts, [
    {
      url: "https://app.example/sse/deltas",
      token: "token 2",
      earlier: ["token 1"],
      n: 1,
      events: 9,
      duplicates: 2,
      shown: { connecting: 1, live: 2, reconnecting: 1, complete: 1 },
      [RECONNECT]: { counts: [0, 1, 0, 0, 0], sum: 1 },
      outcome: "completed",
    },
  ]);
  assert.ok(JSON.stringify(world.posts).length < 2048);
});

test("a stall, how long it took to recover, and what was lost unannounced", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello().messages(0, 0);
  await world.pass(25_000);
  await world.pass(1000);
  world.last.open().hello({ resumed_from: "0-e", lost: 2 }).messages(3, 3).messages(5, 5).done();
  await idle();
  const [report] = world.posts;
  assert.equal(report.stalls, 1);
  assert.equal(report.lost, 1, "the two that hello announced are the server's to count");
  assert.deepEqual(report[RECOVERY], { counts: [1, 0, 0, 0], sum: 1 });
});

test("delay is what arrival falls behind the best of the connection; no clock is compared", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello({ server_time: 9_000_000 });
  const sent = (t) => world.last.event("heartbeat", JSON.stringify({ t }));
  await world.pass(1000);
  sent(9_001_000);
  await world.pass(1000);
  sent(9_001_500);
  await world.pass(1000);
  sent(9_003_400);
  await world.pass(1000);
  sent(9_004_000);
  world.last.done();
  await idle();
  assert.deepEqual(world.posts[0][DELAY], { counts: [2, 2, 0], sum: 0.9 });
});

test("each minute at the latest, while it has a connection: that its client is there is news too", async () => {
  const world = new World();
  world.stream({ waitingAfter: Infinity });
  world.last.open().hello();
  const alive = async (ms) => {
    for (let n = 0; n < ms / 1000; n++) {
      world.last.sink.alive();
      await world.pass(1000);
    }
  };
  for (const random of [0, 0.5, 0.999]) {
    world.random = random;
    const before = world.posts.length;
    await alive(600_000);
    const [least, most] = random ? [9, 14] : [18, 20];
    const { length } = world.posts.slice(before);
    assert.ok(length >= least && length <= most, `${random}: ${length}`);
  }
  const [, second] = world.posts;
  assert.deepEqual({ ...second, n: 2 }, { url: "https://app.example/sse/deltas", token: "token 1", n: 2, shown: {} });
  assert.deepEqual(world.posts.map(({ n }) => n), world.posts.map((_, at) => at + 1));
  const before = world.posts.length;
  world.last.messages(0, 0);
  await alive(61_000);
  assert.equal(world.posts[before].events, 1);
});

test("an answer that is waited for without a byte is reported as long as it may come", async () => {
  const world = new World();
  world.stream({ waitingAfter: Infinity, fetch: { method: "POST", body: "{}" } });
  world.last.open().hello();
  await world.pass(600_000);
  assert.ok(world.posts.length >= 9, `${world.posts.length}`);
});

test("a hidden tab goes on to report; one without a connection says that it tries again", async () => {
  const world = new World();
  world.stream({ waitingAfter: Infinity, pollAfter: 0, firstEventTimeout: 1e9, stallTimeout: 1e9 });
  world.last.open().hello().messages(0, 0);
  world.hide();
  await world.pass(180_000);
  assert.ok(world.posts.length >= 3, `${world.posts.length}`);
  world.last.sink.end();
  await world.pass(61_000);
  const { length } = world.posts;
  await world.pass(600_000);
  const after = world.posts.slice(length);
  assert.ok(after.length >= 9);
  assert.ok(after.every(({ shown }) => shown.reconnecting && !shown.live), JSON.stringify(after));
});

test("hidden or closed, it goes by sendBeacon, once however often the browser asks", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello().messages(0, 2);
  world.hide();
  world.fire(world.window, "pagehide", { persisted: false });
  world.hide();
  await idle();
  assert.equal(world.posts.length, 0);
  assert.deepEqual(world.beacons.map(({ n, events, outcome }) => [n, events, outcome]), [[1, 3, undefined], [2, undefined, "cancelled"]]);
});

test("the stop button cancels; a stream that never opened ends without a word", async () => {
  const world = new World();
  const opened = world.stream();
  world.last.open().hello();
  opened.source.close();
  const unopened = world.stream();
  unopened.source.close();
  await idle();
  assert.deepEqual(world.beacons.map(({ outcome }) => outcome), ["cancelled"]);
});

test("what is given up or left is reported as what it was: lost, over, failed or whole, and only else as cancelled", async () => {
  const CUT = new TypeError("network");
  const finish = '{"choices":[{"delta":{},"finish_reason":"stop"}]}';
  const failure = '{"error":"overloaded"}';
  const close = ({ log }) => log.source.close();
  const leave = (world) => world.fire(world.window, "pagehide", {});
  const onError = (world) => (world.log.source.onerror = () => close(world));
  for (const [how, act, outcome] of [
    ["closed on the error of a cut", (world) => (onError(world), world.last.sink.end(CUT)), "failed"],
    ["closed on the error of an end, as with an EventSource", (world) => (onError(world), world.last.sink.end()), "completed"],
    ["closed on the server's own error", (world) => (onError(world), world.last.event("error", "overloaded")), "failed"],
    ["left after the server's own error", (world) => (world.last.event("message", failure), leave(world)), "failed"],
    ["closed when nothing was missing", (world) => (world.last.event("message", finish), close(world)), "completed"],
    ["left when nothing was missing", (world) => (world.last.event("message", finish), leave(world)), "completed"],
    ["closed while it waits to try again", (world) => (world.last.sink.end(CUT), close(world)), "cancelled"],
  ]) {
    const world = new World();
    world.log = world.stream();
    world.last.open().hello().event("message", '{"choices":[{"delta":{"content":"a"}}]}');
    act(world);
    await idle();
    assert.deepEqual(world.beacons.map((beacon) => beacon.outcome), [outcome], how);
  }
});

test("an ending is reported once: a tab that comes back from the back-forward cache does not repeat it", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello().messages(0, 0);
  world.fire(world.window, "pagehide", { persisted: true });
  world.fire(world.window, "pageshow", { persisted: true });
  world.last.open().hello({ resumed_from: "0-e" }).messages(1, 1).done();
  await idle();
  assert.deepEqual([...world.beacons, ...world.posts].map(({ outcome }) => outcome), ["cancelled", undefined]);
});

test("failed is reported, with a token that is asked for if no stream gave one", async () => {
  const world = new World();
  const asked = [];
  world.answer = (url, post) => {
    if (post) return { status: 204 };
    asked.push(url);
    return { ok: true, json: async () => ({ report_token: "asked", bounds: BOUNDS }) };
  };
  world.stream({}, "/chat/7?q=secret");
  world.last.sink.refuse(404, 0);
  await idle();
  assert.deepEqual(asked, ["https://app.example/sse/token?path=%2Fchat%2F7&network_type=3g"]);
  assert.deepEqual(world.posts.map(({ token, outcome }) => [token, outcome]), [["asked", "failed"]]);
});

test("a stream without hello reports as well", async () => {
  const world = new World();
  world.answer = (url, post) =>
    post ? { status: 204 } : { ok: true, json: async () => ({ report_token: "asked", bounds: BOUNDS }) };
  world.stream({}, "/plain");
  world.last.open().event("message", "a");
  world.last.event("message", "[DONE]");
  await idle();
  assert.deepEqual(world.posts.map(({ token, events, outcome }) => [token, events, outcome]), [["asked", 1, "completed"]]);
});

for (const [name, answer] of Object.entries({
  "no network": () => Promise.reject(new TypeError()),
  "a server error": () => ({ status: 503 }),
  "a limit": () => ({ status: 429 }),
}))
  test(`a report that met ${name} is kept, unchanged, for the next chance`, async () => {
    const world = new World();
    world.answer = answer;
    world.stream();
    world.last.open().hello().messages(0, 2).done();
    await idle();
    const [first] = world.posts;
    world.answer = () => ({ status: 204 });
    world.stream();
    world.online();
    await idle();
    assert.deepEqual(world.posts[1], first);
    world.online();
    await idle();
    assert.equal(world.posts.length, 2);
  });

test("what is refused for good is not sent again", async () => {
  const world = new World();
  world.answer = () => ({ status: 400 });
  world.stream();
  world.last.open().hello().done();
  await idle();
  world.stream();
  world.online();
  await idle();
  assert.equal(world.posts.length, 1);
});

test("offline nothing is given to sendBeacon, which would lose it", async () => {
  const world = new World();
  const { source } = world.stream();
  world.last.open().hello().messages(0, 0);
  world.offline();
  source.close();
  await idle();
  assert.equal(world.beacons.length, 0);
  world.navigator.onLine = true;
  world.stream();
  world.online();
  await idle();
  assert.deepEqual(world.posts.map(({ outcome }) => outcome), ["cancelled"]);
});

test("a token of a process that is gone is replaced, and the report sent again at once", async () => {
  const world = new World();
  world.answer = (url, post) => {
    if (!post) return { ok: true, json: async () => ({ report_token: "new", bounds: BOUNDS }) };
    return { status: post.token === "new" ? 204 : 403 };
  };
  world.stream();
  world.last.open().hello().messages(0, 0).done();
  await idle();
  assert.deepEqual(world.posts.map(({ token, n, outcome }) => [token, n, outcome]), [
    ["token 1", 1, "completed"],
    ["new", 1, "completed"],
  ]);
});

test("where storage is forbidden an unsent report is kept while the tab lives", async () => {
  const world = new World();
  world.window.localStorage = new Proxy({}, { get() { throw new DOMException("no", "SecurityError"); }, set() { throw new DOMException("no", "SecurityError"); } });
  world.answer = () => ({ status: 500 });
  world.stream();
  world.last.open().hello().messages(0, 0);
  world.hide(false);
  world.online();
  await idle();
  world.answer = () => ({ status: 204 });
  world.online();
  await idle();
  // And that it is still there.
  assert.deepEqual(world.posts.map(({ n }) => n), [1, 1, 2]);
});

test("time that the browser was offline or asleep is no reconnect time", async () => {
  const world = new World();
  world.stream();
  world.last.open().hello().messages(0, 0);
  world.offline();
  world.last.sink.end();
  await world.pass(600_000);
  world.online();
  await world.pass(700);
  world.last.open().hello({ resumed_from: "0-e" }).sink.end();
  await world.sleep(3_600_000);
  await world.pass(800);
  world.last.open().hello({ resumed_from: "0-e" }).done();
  await idle();
  const [report] = world.posts.filter((post) => post.outcome);
  assert.equal(world.posts.flatMap((post) => post[RECONNECT]?.counts ?? []).reduce((a, b) => a + b), 2);
  assert.ok(report);
  const total = world.posts.reduce((sum, post) => sum + (post[RECONNECT]?.sum ?? 0), 0);
  assert.ok(total < 4, `${total} s`);
});

test("without a place to report to nothing is sent and nothing is asked", async () => {
  const world = new World();
  world.stream({ reportTo: "" });
  world.last.open().hello().messages(0, 0).done();
  await idle();
  assert.deepEqual([world.posts, world.beacons], [[], []]);
});

test("where no beacon is, one line in the console says so, and no more is sent", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  for (const [name, answer] of [
    ["a report", (_, post) => (post ? { status: 404 } : { ok: true, json: async () => ({ report_token: "t", bounds: BOUNDS }) })],
    ["a token", () => ({ status: 404 })],
    ["a site of files", () => ({ status: 405 })],
  ]) {
    warn.mock.resetCalls();
    const world = new World();
    world.answer = answer;
    world.stream({}, "/plain");
    world.last.open().event("message", "a");
    for (let minute = 0; minute < 5; minute++) {
      await world.pass(61_000);
      world.online();
      await idle();
    }
    assert.deepEqual(warn.mock.calls.map((call) => call.arguments), [["sse-observe: no beacon_app() at https://app.example/sse/deltas; set reportTo"]], name);
    assert.ok(world.posts.length <= 1);
  }
});

test("a page that answers everything with itself is no beacon: one line says so, and nothing breaks", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  for (const json of [() => Promise.reject(new SyntaxError("<html>")), async () => null, async () => "ok", async () => ({})]) {
    warn.mock.resetCalls();
    const world = new World();
    world.answer = () => ({ ok: true, status: 200, json });
    world.stream({}, "/plain");
    world.last.open().event("message", "a").sink.refuse(204);
    await idle();
    await world.pass(200_000);
    assert.deepEqual(world.posts, []);
    assert.deepEqual(warn.mock.calls.map((call) => call.arguments), [["sse-observe: no beacon_app() at https://app.example/sse/deltas; set reportTo"]]);
  }
});

test("a token without bounds, or with anything instead, and somebody else's words in the storage, break no report", async () => {
  const bounds = (value) => Object.fromEntries(Object.keys(BOUNDS).map((name) => [name, value]));
  for (const odd of [undefined, null, 5, "text", [], bounds(5), bounds("text"), bounds({}), bounds(["a", null, {}])]) {
    const world = new World();
    world.window.localStorage["sse-unsent"] = "{not ours";
    const stream = world.stream();
    world.last.open().hello({ bounds: odd }).messages(0, 0).sink.end();
    await world.pass(1000);
    world.last.open().hello({ bounds: odd, resumed_from: "0-e" }).done();
    await idle();
    assert.equal(stream.source.status, "complete");
    assert.equal(world.posts.length, 1, JSON.stringify(odd));
  }
});

test("from an application's own bundle reports go to where the documentation mounts the beacon, on the page's origin", async () => {
  const world = new World();
  const asked = [];
  world.answer = (url) => (asked.push(url), { status: 403 });
  world.stream({ reportTo: undefined }, "https://api.example/s");
  world.last.open().event("message", "a");
  await idle();
  assert.deepEqual(asked, ["https://app.example/sse/token?path=%2Fs&network_type=3g"]);
});

test("a stream that is over at once asks for one token, and waits for it", async () => {
  const world = new World();
  const asked = [];
  world.answer = (url, post) => {
    if (post) return { status: 204 };
    asked.push(url);
    // As a beacon does it: one stream, one token. The second answer is there before the first is read.
    if (asked.length > 1) return { ok: false, status: 403 };
    return { ok: true, json: async () => (await idle(), { report_token: "asked", bounds: BOUNDS }) };
  };
  world.stream({}, "/plain");
  world.last.open().event("message", "a").event("message", "[DONE]");
  await idle();
  await idle();
  await idle();
  assert.equal(asked.length, 1);
  assert.deepEqual(world.posts.map(({ token, outcome }) => [token, outcome]), [["asked", "completed"]]);
});
