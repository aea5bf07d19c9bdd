// Many users of one site at once: `node users.mjs URL COUNT` prints what became of their streams.

import { ResilientEventSource } from "../../sse_observe/client/sse-observe.js";

const [, , base, count] = process.argv;
const window = {
  Math,
  performance,
  setTimeout,
  clearTimeout,
  fetch,
  navigator: { onLine: true, connection: { effectiveType: "3g" } },
  document: { baseURI: base, addEventListener() {} },
  localStorage: {},
  origin: new URL(base).origin,
};

/** One user: opens a stream, and is satisfied when all of it was shown once. */
const user = () =>
  new Promise((resolve) => {
    const source = new ResilientEventSource("/api/v1/stream", { window, reportTo: "/sse/deltas" });
    const [ids, reconnects] = [[], []];
    let [lostAt, gaps] = [NaN, 0];
    source.onmessage = ({ lastEventId }) => ids.push(Number.parseInt(lastEventId));
    source.onerror = () => (lostAt ||= performance.now());
    source.onopen = () => {
      if (lostAt) reconnects.push((performance.now() - lostAt) / 1000);
      lostAt = NaN;
    };
    source.addEventListener("sse.gap", () => gaps++);
    source.addEventListener("sse.status", ({ status }) => {
      if (status !== "complete" && status !== "failed") return;
      const whole = ids.every((id, at) => id === at);
      resolve({ completed: status === "complete" && whole && !gaps, events: ids.length, reconnects });
    });
  });

const users = [];
for (let n = 0; n < Number(count); n++) {
  users.push(user());
  // They come within some seconds, as users do.
  await new Promise((resolve) => setTimeout(resolve, 4000 / count));
}
const lives = await Promise.all(users);
// The last reports are on their way.
await new Promise((resolve) => setTimeout(resolve, 2000));
const reconnects = lives.flatMap((life) => life.reconnects);
console.log(
  JSON.stringify({
    users: lives.length,
    completed: lives.filter((life) => life.completed).length,
    events: lives.reduce((sum, life) => sum + life.events, 0),
    reconnects: reconnects.length,
    mean_reconnect_seconds: reconnects.reduce((a, b) => a + b, 0) / (reconnects.length || 1),
  }),
);
process.exit(0);
