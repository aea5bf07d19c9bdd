// Several tabs on one stream: one leads, all show the same, and when it goes the next one leads.

import assert from "node:assert/strict";
import test from "node:test";

import { World, idle } from "./world.mjs";

/** A browser with several tabs: channels by name, and locks that are held in turn. */
function browser() {
  const channels = new Set();
  const queues = new Map();
  class Channel {
    constructor(name) {
      this.name = name;
      channels.add(this);
    }
    postMessage(data) {
      for (const other of channels)
        if (other !== this && other.name === this.name) queueMicrotask(() => channels.has(other) && other.onmessage?.({ data }));
    }
    close() {
      channels.delete(this);
    }
  }
  const locks = {
    request: (name, { signal }, act) => {
      const queue = queues.get(name) ?? Promise.resolve();
      const turn = queue.then(() => (signal.aborted ? Promise.reject(signal.reason) : act()));
      queues.set(name, turn.catch(() => {}));
      return turn;
    },
  };
  return { Channel, locks };
}

function tab({ Channel, locks }, url, options = {}) {
  const world = new World();
  world.random = Math.random();
  world.window.BroadcastChannel = Channel;
  world.navigator.locks = locks;
  return Object.assign(world, { log: world.stream({ share: true, ...options }, url) });
}

test("one connection serves all tabs", async () => {
  const shared = browser();
  const [first, second] = [tab(shared), tab(shared)];
  await idle();
  assert.equal(first.connections.length + second.connections.length, 1);
  first.last.open().hello().messages(0, 2);
  await idle();
  assert.deepEqual(second.log.messages, ["m0", "m1", "m2"]);
  assert.equal(second.log.source.status, "live");
  first.last.done();
  await idle();
  assert.deepEqual([first.log.source.status, second.log.source.status], ["complete", "complete"]);
  assert.deepEqual(first.posts.map(({ events, outcome }) => [events, outcome]), [[3, "completed"]]);
  assert.deepEqual(second.posts, []);
});

test("when the leading tab closes, the next one resumes where both were; nobody says cancelled", async () => {
  const shared = browser();
  const [first, second] = [tab(shared), tab(shared)];
  await idle();
  first.last.open().hello().messages(0, 2);
  await idle();
  first.fire(first.window, "pagehide", {});
  await idle();
  assert.equal(second.last.query.last_event_id, "2-e");
  second.last.open().hello({ resumed_from: "2-e" }).messages(2, 4).done();
  await idle();
  assert.deepEqual(second.log.messages, ["m0", "m1", "m2", "m3", "m4"]);
  assert.deepEqual([...first.beacons, ...second.posts].map(({ outcome }) => outcome), [undefined, "completed"]);
});

test("a tab that is put away does not lead; one that comes back listens again", async () => {
  const shared = browser();
  const [first, second, third] = [tab(shared), tab(shared), tab(shared)];
  await idle();
  first.last.open().hello().messages(0, 2);
  await idle();
  second.fire(second.window, "pagehide", {});
  first.fire(first.window, "pagehide", {});
  await idle();
  assert.deepEqual([second.connections.length, third.connections.length], [0, 1]);
  second.fire(second.window, "pageshow", {});
  third.last.open().hello({ resumed_from: "2-e" }).messages(3, 3);
  await idle();
  assert.deepEqual(second.log.messages, ["m0", "m1", "m2", "m3"]);
  assert.equal(second.connections.length, 0);
});

test("the last tab that leaves says cancelled", async () => {
  const shared = browser();
  const [first, second] = [tab(shared), tab(shared)];
  await idle();
  first.last.open().hello();
  await idle();
  second.log.source.close();
  await idle();
  first.log.source.close();
  await idle();
  assert.deepEqual([...second.beacons, ...first.beacons].map(({ outcome }) => outcome), ["cancelled"]);
});

test("another URL is another stream", async () => {
  const shared = browser();
  const tabs = [tab(shared, "/a"), tab(shared, "/b")];
  await idle();
  assert.deepEqual(tabs.map((one) => one.connections.length), [1, 1]);
});

test("two requests that differ are two streams: headers, credentials, and any POST", async () => {
  const asks = (fetch) => ({ fetch });
  const post = asks({ method: "POST", body: "a poem" });
  for (const [one, other] of [
    [asks({ headers: { Authorization: "Bearer a" } }), asks({ headers: { Authorization: "Bearer b" } })],
    [{}, { withCredentials: true }],
    [post, asks({ method: "POST", body: "my salary" })],
    [post, post],
  ]) {
    const shared = browser();
    const tabs = [tab(shared, "/a", one), tab(shared, "/a", other)];
    await idle();
    assert.deepEqual(tabs.map((one) => one.connections.length), [1, 1]);
    tabs[0].last.open().event("message", "mine");
    await idle();
    assert.deepEqual(tabs[1].log.messages, []);
  }
});

test("the same headers in another form and order are the same request", async () => {
  const shared = browser();
  const headers = { Authorization: "Bearer a", "X-B": "1" };
  const one = tab(shared, "/a", { fetch: { headers } });
  const other = tab(shared, "/a", { fetch: { headers: new Headers(Object.entries(headers).reverse()) } });
  await idle();
  assert.equal(one.connections.length + other.connections.length, 1);
});

test("all tabs hear that it ended, and why", async () => {
  for (const how of ["refused", "no content", "error"]) {
    const shared = browser();
    const [first, second] = [tab(shared), tab(shared)];
    await idle();
    const told = [];
    for (const { log } of [first, second]) log.source.addEventListener("error", ({ reason, data, httpStatus }) => reason && told.push([reason, data, httpStatus]));
    if (how === "refused") first.last.sink.refuse(404, 0);
    if (how === "no content") first.last.sink.refuse(204, 0);
    if (how === "error") first.last.open().event("error", "no").sink.end();
    await idle();
    await second.pass(100_000);
    const status = how === "no content" ? "complete" : "failed";
    assert.deepEqual([first.log.source.status, second.log.source.status], [status, status], how);
    assert.equal(second.connections.length, 0);
    const why = { refused: ["refused", undefined, 404], error: ["error_event", "no", undefined] }[how];
    assert.deepEqual(told, why ? [why, why] : []);
  }
});

test("a browser without locks gives each tab a stream of its own", () => {
  const world = new World();
  world.stream({ share: true });
  assert.equal(world.connections.length, 1);
});
