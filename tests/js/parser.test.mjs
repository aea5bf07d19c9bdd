// The wire format, by the rules of the WHATWG; names as in the public web-platform tests.

import assert from "node:assert/strict";
import test from "node:test";

import { parser } from "../../sse_observe/client/sse-observe.js";

/** The frames and the retry delays of a stream of these pieces. */
function read(...pieces) {
  const [events, retries] = [[], []];
  const push = parser(
    (frame) => frame.data !== null && events.push(frame),
    (ms) => retries.push(ms),
  );
  for (const piece of pieces) push(piece);
  return { events, retries, brief: events.map(({ type, data }) => [type, data]) };
}

const data = (...pieces) => read(...pieces).events.map((event) => event.data);

const CASES = {
  "event-data: lines of data are joined": ["data:msg\ndata: msg\n\n", ["msg\nmsg"]],
  "event-data: a lone colon is a comment": [":\n\ndata:a\n\n", ["a"]],
  "format-comments: of any length, with colons": [`:${"x".repeat(5000)}:y\ndata:1\n:data:2\ndata:3\n\n`, ["1\n3"]],
  "format-data-before-final-empty-line: unfinished is dropped": ["retry:1\ndata:a", []],
  "format-field-data: empty lines count": ["data:\n\ndata\ndata\n\ndata:test\n\n", ["", "\n", "test"]],
  "format-field-parsing: names are exact": ["DATA:x\n data:x\ndata :x\ndata:y\n\n", ["y"]],
  "format-field-unknown: ignored": ["foo:x\ndata:y\nbar\n\n", ["y"]],
  "format-leading-space: one space goes": ["data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]],
  "format-newlines: CR, LF and CRLF end lines": ["data:a\r\ndata:b\ndata:c\r\r\ndata:d\r\n\r\n", ["a\nb\nc", "d"]],
  "format-null-character: kept in data": ["data:\0\n\n", ["\0"]],
  "format-utf-8: beyond the basic plane": ["data:ok…😀\n\n", ["ok…😀"]],
  "field with nothing behind its colon": ["data:\ndata:x\n\n", ["\nx"]],
};

for (const [name, [text, expected]] of Object.entries(CASES)) {
  test(name, () => assert.deepEqual(data(text), expected));
  test(`${name}; cut anywhere`, () => {
    for (let cut = 0; cut <= text.length; cut++)
      assert.deepEqual(data(text.slice(0, cut), text.slice(cut)), expected, `cut at ${cut}`);
    assert.deepEqual(data(...text), expected, "character by character");
  });
}

test("format-field-event: a type of its own, for one event only", () => {
  const { brief } = read("event:test\ndata:x\n\ndata:x\n\n");
  assert.deepEqual(brief, [["test", "x"], ["message", "x"]]);
});

test("format-field-event-empty: an empty type is `message`", () => {
  assert.deepEqual(read("event: \ndata:x\n\n").brief, [["message", "x"]]);
});

test("an event without data is none, and takes its type with it", () => {
  assert.deepEqual(read("event:heartbeat\n\ndata:x\n\n").brief, [["message", "x"]]);
});

test("format-field-id: an id stays until the next one", () => {
  const { events } = read("id:1\ndata:a\n\ndata:b\n\nid\ndata:c\n\n");
  assert.deepEqual(events.map(({ id, own }) => [id, own]), [["1", true], ["1", false], ["", true]]);
});

test("format-field-id-2: an id without data counts all the same", () => {
  const frames = [];
  parser((frame) => frames.push(frame))("id:7\n\ndata:x\n\n");
  assert.deepEqual(frames.map(({ id, data }) => [id, data]), [["7", null], ["7", "x"]]);
});

test("format-field-id-3: an unfinished block does not commit its id", () => {
  const frames = [];
  parser((frame) => frames.push(frame))("id:1\ndata:a\n\nid:2\ndata:b\n");
  assert.deepEqual(frames.map(({ id }) => id), ["1"]);
});

test("format-field-id-null: an id with a NUL is ignored", () => {
  assert.equal(read("id:a\ndata:x\n\nid:b\0c\ndata:y\n\n").events[1].id, "a");
});

test("format-field-retry: digits only; format-field-retry-bogus and -empty: ignored", () => {
  assert.deepEqual(read("retry:3000\nretry:3000x\nretry:-1\nretry:\nretry\nretry: 03\n").retries, [3000, 3]);
});

test("a line in many pieces costs its length, not its square", () => {
  const piece = "x".repeat(1000);
  const started = performance.now();
  const [only] = data("data:", ...Array(20_000).fill(piece), "\n\n");
  assert.equal(only.length, 20_000_000);
  assert.ok(performance.now() - started < 5000);
});
