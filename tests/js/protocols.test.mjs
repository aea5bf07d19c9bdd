// What a stream says of itself: its end and its failure, in the protocols that most streams speak.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";

import { World } from "./world.mjs";

const CUT = new TypeError("network");
const json = (data, type = "message") => [type, JSON.stringify(data)];
const chat = (delta, more) => json({ object: "chat.completion.chunk", choices: [{ index: 0, delta, ...more }] });

/** By protocol: its beginning, what ends it at once, what shows that nothing is missing, and its failure. */
const PROTOCOLS = {
  "chat completions": {
    begin: [chat({ role: "assistant", content: "" }), chat({ content: "a" })],
    ends: ["message", "[DONE]"],
    whole: chat({}, { finish_reason: "stop" }),
    fails: json({ error: { message: "overloaded", type: "server_error" } }),
    harmless: [json({ choices: [], usage: {} }), json({ error: null, choices: [{ delta: { content: "b" } }] })],
  },
  "legacy completions": {
    begin: [json({ choices: [{ text: "a" }] })],
    ends: ["message", "[DONE]"],
    whole: json({ choices: [{ text: "", finish_reason: "length" }] }),
    fails: json({ error: "overloaded" }),
    harmless: [json({ error: "", choices: [{ text: "b" }] })],
  },
  "OpenAI Responses": {
    begin: [json({}, "response.created"), json({ delta: "a" }, "response.output_text.delta")],
    ends: json({}, "response.completed"),
    fails: json({ response: { error: { code: "server_error" } } }, "response.failed"),
    harmless: [json({ type: "finish" }, "response.output_item.done"), json({ delta: "b" }, "response.output_text.delta")],
  },
  "OpenAI Responses, as far as a limit": {
    begin: [json({}, "response.created"), json({ delta: "a" }, "response.output_text.delta")],
    ends: json({}, "response.incomplete"),
    fails: json({ type: "error" }, "error"),
    harmless: [],
  },
  "Anthropic messages": {
    begin: [json({}, "message_start"), json({}, "ping"), json({ delta: { text: "a" } }, "content_block_delta")],
    ends: json({}, "message_stop"),
    fails: json({ type: "error", error: { type: "overloaded_error" } }, "error"),
    harmless: [json({ delta: { stop_reason: "end_turn" } }, "message_delta")],
  },
  "AI SDK": {
    begin: [json({ type: "start" }), json({ type: "text-delta", delta: "a" })],
    ends: ["message", "[DONE]"],
    whole: json({ type: "finish" }),
    fails: json({ type: "error", errorText: "overloaded" }),
    harmless: [json({ type: "finish-step" }), json({ type: "data-x", data: { error: "none of ours" } })],
  },
  "AG-UI": {
    begin: [json({ type: "RUN_STARTED" }), json({ type: "TEXT_MESSAGE_CONTENT", delta: "a" })],
    whole: json({ type: "RUN_FINISHED" }),
    fails: json({ type: "RUN_ERROR", message: "overloaded" }),
    harmless: [json({ type: "CUSTOM", name: "finish" })],
  },
  Gemini: {
    begin: [json({ candidates: [{ content: { parts: [{ text: "a" }] } }] })],
    whole: json({ candidates: [{ finishReason: "STOP" }] }),
    fails: json({ error: { code: 503, status: "UNAVAILABLE" } }),
    harmless: [json({ candidates: [{ content: { parts: [{ text: "b" }] } }] })],
  },
  MCP: {
    begin: [json({ jsonrpc: "2.0", method: "notifications/progress" })],
    whole: json({ jsonrpc: "2.0", id: 1, result: {} }),
    harmless: [json({ jsonrpc: "2.0", id: "x", method: "sampling/createMessage" })],
  },
  "MCP, where an error is an answer": {
    begin: [json({ jsonrpc: "2.0", method: "notifications/progress" })],
    whole: json({ jsonrpc: "2.0", id: 1, error: { code: -32603, message: "no" } }),
    harmless: [],
  },
};

/** A GET that has begun; a GET is asked again unless its protocol says that it is over. */
async function begun({ begin }, options = {}) {
  const world = new World();
  world.log = world.stream({ waitingAfter: Infinity, ...options }, "/stream");
  world.failures = [];
  world.log.source.addEventListener("error", ({ reason, data }) => reason && world.failures.push([reason, data]));
  world.say = (...events) => events.forEach(([type, data]) => world.last.event(type, data));
  world.last.open();
  world.say(...begin);
  return world;
}

for (const [name, protocol] of Object.entries(PROTOCOLS)) {
  const { ends, whole, fails, harmless } = protocol;
  if (ends)
    test(`${name}: its end completes it, and is handed on`, async () => {
      const world = await begun(protocol);
      const heard = [];
      world.log.source.addEventListener(ends[0], ({ data }) => heard.push(data));
      world.say(ends);
      assert.equal(world.log.source.status, "complete");
      assert.equal(heard.at(-1), ends[1]);
      await world.pass(100_000);
      assert.equal(world.connections.length, 1);
    });
  if (whole)
    for (const [how, error] of [["closed", undefined], ["cut", CUT]])
      test(`${name}: ${how} when nothing is missing, it is complete`, async () => {
        const world = await begun(protocol);
        world.say(whole);
        assert.equal(world.log.source.status, "live", "what follows is still shown");
        world.last.sink.end(error);
        assert.equal(world.log.source.status, "complete");
      });
  if (fails) {
    test(`${name}: its failure is the stream's, with the server's words, and nothing is asked again`, async () => {
      for (const close of ["end", "cut", "silence", "done"]) {
        const world = await begun(protocol);
        world.say(fails);
        if (close === "end") world.last.sink.end();
        if (close === "cut") world.last.sink.end(CUT);
        if (close === "silence") await world.pass(1000);
        if (close === "done") world.say(ends ?? whole), world.last.sink.end();
        assert.deepEqual(world.failures, [["error_event", fails[1]]], close);
        assert.equal(world.log.source.status, "failed");
        await world.pass(100_000);
        assert.equal(world.connections.length, 1);
      }
    });
    test(`${name}: the last word counts: after content there was no failure`, async () => {
      const world = await begun(protocol);
      world.say(fails, protocol.begin.at(-1));
      await world.pass(5000);
      assert.equal(world.log.source.status, "live");
      world.say(ends ?? whole);
      world.last.sink.end();
      assert.deepEqual([world.log.source.status, world.failures], ["complete", []]);
    });
  }
  test(`${name}: what only looks like an end or a failure is neither`, async () => {
    const world = await begun(protocol);
    world.say(...harmless);
    await world.pass(5000);
    assert.equal(world.log.source.status, "live");
    world.last.sink.end();
    assert.equal(world.log.source.status, "reconnecting", "cut in the middle, and asked again");
  });
}

test("the user's stop is complete for the web page, and cancelled in the report", async () => {
  for (const [begin, stop] of [
    [{ type: "start" }, { type: "abort" }],
    [{ type: "RUN_STARTED" }, { type: "RUN_FINISHED", outcome: { type: "cancelled" } }],
  ]) {
    const world = await begun({ begin: [json(begin)] });
    world.answer = () => ({ status: 204 });
    world.last.hello();
    world.say(json(stop), ["message", "[DONE]"]);
    await world.pass(0);
    assert.equal(world.log.source.status, "complete");
    assert.equal(world.posts[0].outcome, "cancelled");
  }
});

test("a Responses stream that is resumed begins with any of its events", async () => {
  const world = await begun({ begin: [json({ sequence_number: 7, delta: "b" }, "response.output_text.delta")] });
  world.say(json({ sequence_number: 8 }, "response.completed"));
  assert.equal(world.log.source.status, "complete");
});

test("an error beside content, and an error on the last chunk", async () => {
  const world = await begun(PROTOCOLS["chat completions"]);
  world.say(json({ error: { message: "late" }, choices: [{ delta: { content: "b" } }] }));
  await world.pass(5000);
  assert.equal(world.log.source.status, "live");
  world.say(json({ error: { message: "late" }, choices: [{ delta: { content: "" }, finish_reason: "error" }] }));
  world.last.sink.end();
  assert.equal(world.failures[0][0], "error_event");
});

test("a prelude after the error does not heal it; a usage count neither", async () => {
  const world = await begun(PROTOCOLS["chat completions"]);
  world.say(PROTOCOLS["chat completions"].fails, json({ choices: [], usage: {} }), chat({ role: "assistant" }));
  world.last.sink.end();
  assert.equal(world.log.source.status, "failed");
});

test("a second run after a first one that finished", async () => {
  const world = await begun(PROTOCOLS["AG-UI"]);
  world.say(json({ type: "RUN_FINISHED" }), json({ type: "RUN_STARTED" }));
  world.last.sink.end(CUT);
  assert.equal(world.log.source.status, "reconnecting");
});

// ---- streams of no known protocol

test("words that are data: only in brackets they end a stream", async () => {
  const world = await begun({ begin: [["message", "done"], ["message", "error"], ["message", "finish"], ["custom", "[DONE]"]] });
  assert.equal(world.log.source.status, "complete");
  const words = await begun({ begin: [["message", "when"], ["message", "done"]] });
  await words.pass(5000);
  assert.equal(words.log.source.status, "live");
});

test("an error at once: alone it is the stream's, beside an answer it is part of that", async () => {
  for (const [data, status] of [
    [{ error: "overloaded" }, "failed"],
    [{ type: "error", error: { message: "overloaded" }, request_id: "r" }, "failed"],
    [{ error: "none found", text: "Hello" }, "live"],
    [{ error: null }, "live"],
    [{ error: 7 }, "live"],
  ]) {
    const world = await begun({ begin: [json(data)] });
    await world.pass(1000);
    assert.equal(world.log.source.status, status, JSON.stringify(data));
  }
});

test("what follows an error shows the protocol all the same", async () => {
  const world = await begun({ begin: [json({ error: "warming up" }), chat({ content: "a" }), chat({}, { finish_reason: "stop" })] });
  world.last.sink.end();
  assert.equal(world.log.source.status, "complete");
});

test("an application's own JSON is not taken for a protocol that it does not speak", async () => {
  const own = [json({ race: 1 }), json({ type: "finish", race: 1 }), json({ type: "error" }), json({ error: { x: 1 } }), json({ choices: [{ finish_reason: "x" }] }), json({ race: 2 }, "message_stop")];
  const world = await begun({ begin: own });
  await world.pass(5000);
  assert.equal(world.log.source.status, "live");
});

test("a feed's own event `error` reaches its listener, and fails only what ends after it", async () => {
  const world = await begun({ begin: [["message", "a"]] });
  const heard = [];
  world.log.source.addEventListener("error", ({ data, reason }) => heard.push([data, reason]));
  world.say(["error", "bad tick"]);
  await world.pass(20_000);
  assert.equal(world.log.source.status, "live");
  world.say(["message", "b"]);
  world.last.sink.end();
  assert.equal(world.log.source.status, "reconnecting");
  await world.pass(1000);
  world.last.open();
  world.say(["error", "gone"]);
  world.last.sink.end();
  assert.deepEqual([world.log.source.status, heard], ["failed", [["bad tick", undefined], [undefined, undefined], ["gone", undefined], ["gone", "error_event"]]]);
});

test("a POST of no known protocol that says `error` has failed a second later", async () => {
  const world = await begun({ begin: [["message", "a"], ["error", "no"]] }, { fetch: { method: "POST", body: "" } });
  await world.pass(1000);
  assert.deepEqual(world.failures, [["error_event", "no"]]);
});

test("data that is no JSON, or is none that anybody expects, breaks nothing", async () => {
  const odd = ["", "{", "null", "5", "[]", '"x"', '{"choices":5}', '{"choices":[null,5]}', '{"choices":[{"delta":5}]}', '{"candidates":[null]}', '{"error":true}'];
  for (const { begin } of Object.values(PROTOCOLS))
    for (const data of odd) {
      const world = await begun({ begin: [...begin, ["message", data], begin.at(-1)] });
      await world.pass(2000);
      assert.equal(world.log.source.status, "live", data);
      const first = await begun({ begin: [["message", data]] });
      assert.equal(first.log.source.status, "live", data);
    }
});

// ---- what the web page says instead

test("`terminal` and `failure` as lists replace what is known", async () => {
  const options = { terminal: ["final", "[END]"], failure: ["trouble"] };
  for (const end of [["final", ""], ["message", "[END]"]]) {
    const world = await begun({ begin: [["done", ""], ["message", "[DONE]"], ["error", "harmless"], ["message", "final"]] }, options);
    assert.equal(world.log.source.status, "live");
    world.say(end);
    assert.equal(world.log.source.status, "complete");
  }
  const world = await begun({ begin: [["trouble", "x"]] }, options);
  await world.pass(1000);
  assert.deepEqual(world.failures, [["error_event", "x"]]);
});

test("as functions they see every event that is no heartbeat", async () => {
  const heard = [];
  const options = {
    terminal: ({ type, data }) => (heard.push(`${type} ${data}`), data === "bye"),
    failure: ({ data }) => data.startsWith("ERR"),
  };
  const world = await begun({ begin: [["ping", ""], ["message", "a"], ["x", "ERR 1"], ["message", "b"], ["message", "bye"]] }, options);
  assert.deepEqual(heard, ["message a", "x ERR 1", "message b", "message bye"]);
  assert.deepEqual([world.log.source.status, world.log.messages], ["complete", ["a", "b", "bye"]]);
});

test("an empty list switches off what is known", async () => {
  const world = await begun({ begin: [["error", "x"], ["done", ""]] }, { terminal: [], failure: [] });
  world.last.sink.end();
  assert.equal(world.log.source.status, "reconnecting");
});

test("other tabs hear of the end, and why", async () => {
  const world = await begun({ begin: [["message", "a"]] });
  const told = [];
  world.log.source.addEventListener("sse.status", ({ status, reason, data }) => told.push([status, reason, data]));
  world.say(["error", "x"]);
  world.last.sink.end();
  assert.deepEqual(told, [["failed", "error_event", "x"]]);
});

test("a function that throws breaks no stream, and its mistake is seen in the console", () => {
  const program = `
    import { World } from ${JSON.stringify(new URL("./world.mjs", import.meta.url).href)};
    process.on("unhandledRejection", ({ message }) => console.log(message));
    const world = new World();
    const fails = (what) => () => { throw new Error(what); };
    const log = world.stream({ terminal: fails("terminal"), failure: fails("failure"), resume: fails("resume") });
    world.last.open().event("message", "a").event("message", "b").sink.end();
    await world.pass(1000);
    console.log(log.messages.join(), world.connections.length);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.deepEqual(stdout.trim().split("\n").sort(), ["a,b 2", "failure", "failure", "resume", "terminal", "terminal"], stderr);
});
