// The recorded streams of each protocol, as `tests/support/samples.py` describes them: the server and the browser judge alike.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

import { parser } from "../../sse_observe/client/sse-observe.js";
import { World } from "./world.mjs";

const FOLDER = new URL("../samples/", import.meta.url);
const NAMES = readdirSync(FOLDER).flatMap((folder) => readdirSync(new URL(folder, FOLDER)).map((name) => `${folder}/${name}`));

/** Read a sample: its facts, the meaning of each block, and the stream as it is sent. */
function sample(name) {
  const text = readFileSync(new URL(name, FOLDER), "utf8");
  const at = text.indexOf("---\n");
  const facts = Object.fromEntries(text.slice(0, at).trim().split("\n").map((line) => line.split(/: (.*)/s)));
  const blocks = text.slice(at + 4).split("\n\n").filter(Boolean);
  const meanings = blocks.map((block) => /^# (.*)/.exec(block)[1]);
  return { facts, meanings, body: blocks.map((block) => block.replace(/^# .*\n/, "") + "\n\n").join("") };
}

/** Show a stream to the client; return its status before the end, after it, and why it failed. */
function shown(body, method) {
  const world = new World();
  const { source } = world.stream({ fetch: { method } }, "/stream");
  const reasons = [];
  source.addEventListener("error", ({ reason }) => reason && reasons.push(reason));
  const { sink } = world.last.open();
  parser(sink.frame, sink.retry)(body);
  const before = source.status;
  sink.end();
  return { before, after: source.status, reasons };
}

for (const name of NAMES) {
  const { facts, meanings, body } = sample(name);
  const fails = facts.outcome === "error_event";
  test(`${name} by POST: ${facts.claim}`, () => {
    const { after, reasons } = shown(body, "POST");
    assert.deepEqual([after, reasons], fails ? ["failed", ["error_event"]] : ["complete", []]);
  });
  test(`${name} by GET: asked again unless the stream said that it is over`, () => {
    const last = Math.max(...["terminal", "content and terminal", "stop"].map((word) => meanings.lastIndexOf(word)));
    const isOver = last >= 0 && last >= meanings.lastIndexOf("content");
    assert.equal(shown(body, "GET").after, fails ? "failed" : isOver ? "complete" : "reconnecting");
  });
}
