// A web page, a network and a clock that do only what a test wants.

import { ResilientEventSource } from "../../sse_observe/client/sse-observe.js";

export const BOUNDS = {
  sse_reconnect_time_seconds: [0.5, 1, 2, 5],
  sse_stall_recovery_seconds: [1, 5, 30],
  sse_event_delay_seconds: [0.1, 1],
};

export class World {
  time = 1000;
  random = 0.5; // each pause is exactly its base
  connections = [];
  posts = [];
  beacons = [];
  answer = () => ({ status: 204 });
  items = new Map();
  #timers = new Map();
  #id = 0;

  constructor() {
    this.document = Object.assign(new EventTarget(), {
      hidden: false,
      baseURI: "https://app.example/chat",
    });
    this.navigator = {
      onLine: true,
      connection: { effectiveType: "3g" },
      sendBeacon: (url, body) => this.beacons.push({ url, ...JSON.parse(body) }),
    };
    this.window = Object.assign(new EventTarget(), {
      origin: "https://app.example",
      document: this.document,
      navigator: this.navigator,
      localStorage: {},
      performance: { now: () => this.time },
      Math: { random: () => this.random },
      setTimeout: (act, ms) => {
        this.#timers.set(++this.#id, { at: this.time + ms, act });
        return this.#id;
      },
      clearTimeout: (id) => this.#timers.delete(id),
      fetch: async (url, init) => {
        const post = init?.body && JSON.parse(init.body);
        if (post) this.posts.push({ url, ...post });
        return this.answer(url, post);
      },
    });
  }

  get timers() {
    return this.#timers.size;
  }

  /** Let time pass, and every timer fire when it is due. */
  async pass(ms) {
    const end = this.time + ms;
    for (;;) {
      const [id, next] = [...this.#timers].sort((a, b) => a[1].at - b[1].at)[0] ?? [];
      if (!next || next.at > end) break;
      this.#timers.delete(id);
      this.time = Math.max(this.time, next.at);
      next.act();
      await idle();
    }
    this.time = end;
  }

  /** Let time pass as a machine that sleeps does: timers fire late, all at once. */
  async sleep(ms) {
    this.time += ms;
    await this.pass(0);
  }

  fire(target, type, more) {
    target.dispatchEvent(Object.assign(new Event(type), more));
  }

  hide(hidden = true) {
    this.document.hidden = hidden;
    this.fire(this.window, "visibilitychange"); // of the document, from where it bubbles
  }

  offline() {
    this.navigator.onLine = false;
    this.fire(this.window, "offline");
  }

  online() {
    this.navigator.onLine = true;
    this.fire(this.window, "online");
  }

  get last() {
    return this.connections.at(-1);
  }

  /** Open a stream and write down every event of it. */
  stream(options = {}, url = "/api/v1/stream?stream_id=s1") {
    const source = new ResilientEventSource(url, {
      reportTo: "https://app.example/sse/deltas",
      transport: (_, request, sink) => new Connection(this, request, sink).abort,
      window: this.window,
      ...options,
    });
    const log = { messages: [], statuses: [source.status], gaps: [], errors: 0, opens: 0 };
    source.addEventListener("message", (event) => log.messages.push(event.data));
    source.addEventListener("sse.gap", (event) => log.gaps.push(event.lost));
    source.addEventListener("error", () => log.errors++);
    source.addEventListener("open", () => log.opens++);
    source.addEventListener("sse.status", ({ status, attempt }) =>
      log.statuses.push(status === "reconnecting" ? `reconnecting ${attempt}` : status),
    );
    return Object.assign(log, { source });
  }
}

/** One connection, as its server and the network between make it. */
class Connection {
  aborted = false;

  constructor(world, request, sink) {
    Object.assign(this, { world, request, sink });
    this.query = Object.fromEntries(new URL(request.url.url ?? request.url).searchParams);
    world.connections.push(this);
  }

  abort = () => {
    this.aborted = true;
  };

  open(whole = false) {
    this.sink.open(whole);
    return this;
  }

  event(type, data, id) {
    this.sink.alive();
    this.sink.frame({ type, data, id: id ?? "", own: id !== undefined });
    return this;
  }

  hello(more = {}) {
    const hello = {
      stream: "s1",
      resumed_from: this.query.last_event_id ?? null,
      lost: 0,
      heartbeat_seconds: 10,
      server_time: 5_000_000 + this.world.time,
      report_token: `token ${this.world.connections.length}`,
      bounds: BOUNDS,
      ...more,
    };
    return this.event("sse.hello", JSON.stringify(hello));
  }

  beat(delay = 0) {
    return this.event("heartbeat", JSON.stringify({ t: 5_000_000 + this.world.time - delay }));
  }

  messages(from, to, epoch = "e") {
    for (let seq = from; seq <= to; seq++) this.event("message", `m${seq}`, `${seq}-${epoch}`);
    return this;
  }

  done() {
    return this.event("done", "{}");
  }
}

/** Let everything that waits for nothing but its turn have it. */
export const idle = async () => {
  for (let turn = 0; turn < 30; turn++) await null;
};
