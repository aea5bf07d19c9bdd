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
