// A hostile server: whatever it names its events, ids and fields, it reaches nothing else in the page.

import assert from "node:assert/strict";
import test from "node:test";

import { World } from "./world.mjs";

const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];
const shape = (value) => Object.getOwnPropertyNames(value).sort();
const BEFORE = [Object.prototype, Array.prototype, Function.prototype, Event.prototype].map(shape);

function unharmed() {
  const now = [Object.prototype, Array.prototype, Function.prototype, Event.prototype].map(shape);
  assert.deepEqual(now, BEFORE);
  assert.equal({}.polluted, undefined);
  assert.equal([].polluted, undefined);
}

test("names of Object's own are names of events like any other", () => {
  const world = new World();
  const { source } = world.stream();
  const heard = [];
  for (const name of NAMES) source.addEventListener(name, (event) => heard.push([event.type, event.data, event.lastEventId]));
  world.last.open();
  for (const name of NAMES) world.last.event(name, `{"__proto__":{"polluted":1}}`, name);
  assert.deepEqual(heard, NAMES.map((name) => [name, `{"__proto__":{"polluted":1}}`, name]));
  assert.equal(source.lastEventId, NAMES.at(-1));
  unharmed();
});

test("fields of a greeting, of a failure and of an end change nothing but themselves", () => {
  const evil = (fields) => `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${fields}}`;
  for (const field of NAMES) {
    const world = new World();
    const { source } = world.stream({ report: false });
    const events = [];
    for (const kind of ["status", "gap", "error", "message"]) source.addEventListener(kind, (event) => events.push(event));
    const hello = `"stream":"s","lost":2,"heartbeat_seconds":10,"server_time":1,"report_token":"t","${field}":{"polluted":1}`;
    world.last.open().event("sse.hello", evil(hello)).event("message", "x", "3-abcdefgh01234567");
    world.last.event("error", evil(`"error":{"type":"x","message":"y","${field}":1}`)).event("done", evil(`"n":1`));
    for (const event of events) assert.equal(event.polluted, undefined, field);
    source.close();
    unharmed();
  }
});

test("numbers as large as can be written cost no time: neither of ids, nor of what is lost", () => {
  const world = new World();
  const { source } = world.stream({ report: false });
  const lost = [];
  source.addEventListener("gap", (event) => lost.push(event.lost));
  world.last.open().hello().messages(0, 0);
  for (let n = 0; n < 70; n++) world.last.event("message", "x", `${999999999999000 + 2 * n}-e`);
  assert.equal(lost.length, 1);
  assert.ok(lost[0] > 999999999998000 && lost[0] < 999999999999130);
  world.last.hello({ lost: 2 ** 40, resumed_from: "999999999999140-e" });
  assert.ok(Number.isSafeInteger(lost[1]));
});

test("a flood of messages is handed on, and ids are forgotten", () => {
  const world = new World();
  const { source } = world.stream({ report: false });
  let heard = 0;
  source.onmessage = () => heard++;
  world.last.open();
  for (let n = 0; n < 50_000; n++) world.last.event("message", "x", `flood ${n}`);
  // The first one is forgotten: under its id something else is not taken for a repetition.
  world.last.event("message", "x", "flood 0");
  assert.equal(heard, 50_001);
});

test("a greeting of any form costs the stream nothing", async () => {
  const forms = [{ server_time: 1e300 }, { server_time: "x" }, { lost: 1e300 }, { lost: {} }, { lost: -5 }, { resumed_from: {} }];
  for (const beat of [1e-9, 0, -5, "x", 1e308, null, {}]) forms.push({ heartbeat_seconds: beat });
  for (const form of forms) {
    const world = new World();
    const { source } = world.stream();
    world.last.open().hello().messages(0, 0).sink.end();
    await world.pass(5000);
    world.last.open().hello(form).messages(1, 1);
    await world.pass(60_000);
    assert.ok(world.connections.length < 10, JSON.stringify(form));
    assert.notEqual(source.status, "failed", JSON.stringify(form));
    source.close();
  }
});
