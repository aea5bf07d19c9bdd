// One public client reads one stream: `node public_clients.mjs NAME URL` prints each event's id and data, and ends at `done`.

import { createEventSource } from "eventsource-client";
import { EventSource } from "eventsource";

import { ResilientEventSource } from "../../sse_observe/client/sse-observe.js";

const [, , name, url] = process.argv;
const print = (id, data) => console.log(JSON.stringify([id, data]));
const end = () => process.exit(0);

const listen = (source) => {
  source.addEventListener("message", ({ lastEventId, data }) => print(lastEventId, data));
  source.addEventListener("done", end);
};

const CLIENTS = {
  eventsource: () => listen(new EventSource(url)),
  "eventsource-client": () =>
    createEventSource({ url, onMessage: ({ id, event, data }) => (event === "done" ? end() : event || print(id, data)) }),
  "fetch-event-source": async () => {
    // It is made for a web page.
    globalThis.window = globalThis;
    const { fetchEventSource } = await import("@microsoft/fetch-event-source");
    await fetchEventSource(url, {
      openWhenHidden: true,
      onmessage: ({ id, event, data }) => (event === "done" ? end() : event || print(id, data)),
    });
  },
  ours: () => {
    const window = { Math, performance, setTimeout, clearTimeout, fetch: (...args) => fetch(...args), navigator: { onLine: true }, origin: new URL(url).origin };
    listen(new ResilientEventSource(url, { window, reportTo: "" }));
  },
};
await CLIENTS[name]();
