// @ts-check
/**
 * An EventSource that recovers: it resumes without loss or repetition, says what it is doing,
 * and reports what only a browser can see. `sse-observe.d.ts` explains options and events.
 */

/**
 * Reads event streams by the WHATWG rules, however their text is cut. Returns the function to
 * push text into; `onFrame` gets what each blank line ends, `data` null where there was none.
 * @type {typeof import("./sse-observe.js").parser}
 */
export function parser(onFrame, onRetry) {
  let [rest, data, type, id] = ["", "", "", ""];
  let own = false;
  let afterCR = false;
  const read = (line) => {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (!line) {
      // A block without data is no event, but its id counts all the same.
      if (data || own)
        onFrame({ type: type || "message", data: data ? data.slice(0, -1) : null, id, own });
      data = type = "";
      own = false;
    } else if (field === "data") data += value + "\n";
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) {
      id = value;
      own = true;
    } else if (field === "retry" && /^\d+$/.test(value)) onRetry(+value);
  };
  return (text) => {
    if (afterCR && text[0] === "\n") text = text.slice(1);
    else if (!text) return;
    afterCR = text.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = rest + lines[0];
    rest = lines.pop();
    lines.forEach(read);
  };
}

/** @type {typeof import("./sse-observe.js").fetchTransport} */
export function fetchTransport({ fetch }, { url, init }, sink) {
  const abort = new AbortController();
  const run = async () => {
    const response = await fetch(url, { ...init, signal: abort.signal });
    const { body, headers, status } = response;
    if (status !== 200 || !/^text\/event-stream *(;|$)/i.test(headers.get("content-type"))) {
      abort.abort();
      return sink.refuse(status, headers.get("retry-after") * 1000 || 0);
    }
    sink.open(response.url || url, headers.has("content-length"));
    const push = parser(sink.frame, sink.retry);
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (let read; !(read = await reader.read()).done; ) {
      sink.alive();
      push(decoder.decode(read.value, { stream: true }));
    }
    sink.end();
  };
  run().catch(sink.end);
  return { abort: () => abort.abort() };
}

/**
 * For browsers that cannot read a response while it arrives: sees neither comments nor statuses.
 * @type {typeof import("./sse-observe.js").nativeTransport}
 */
export function nativeTransport({ EventSource }, { url, init, types }, sink) {
  const source = new EventSource(url, { withCredentials: init.credentials === "include" });
  let last = "";
  const listen = (name) =>
    source.addEventListener(name, ({ type, data, lastEventId: id }) => {
      sink.alive();
      sink.frame({ type, data, id, own: id !== last });
      last = id;
    });
  types.forEach(listen);
  source.onopen = () => sink.open(url);
  source.onerror = () => (source.readyState === 2 ? sink.end() : sink.lapse());
  return { abort: () => source.close(), listen };
}

/** What was seen: numbered ids by a mark below which nothing is missing, others by the last few. */
function memory(onGap) {
  let epoch, mark, ahead, recent, replaying, first;
  const numbered = (id) => /^(\d{1,15})-(.+)$/s.exec(id) ?? [];
  const settle = (last, announced) => {
    let lost = 0;
    while (mark < last) if (!ahead.delete(++mark)) lost++;
    if (lost) onGap(lost, announced);
  };
  const self = {
    cursor: () => (epoch ? `${mark}-${epoch}` : recent.at(-1)),
    start(cursor = "") {
      const [, seq, name] = numbered(cursor);
      [epoch, mark, ahead, recent] = [name, +seq, new Set(), [cursor]];
    },
    resume() {
      first = 0;
      replaying = true;
    },
    /** The server says what it continues from, and what it cannot give any more. */
    announce(from, lost) {
      first = (from ? parseInt(from) + 1 : 0) + lost;
      if (epoch) settle(first - 1, true);
      else if (lost) onGap(lost, true);
    },
    /** What is missing still will not come. */
    settle: () => settle(Math.max(mark, ...ahead)),
    isNew(id) {
      const [, seq, name] = numbered(id);
      if (name && name !== epoch && +seq === first) {
        if (epoch) onGap(null, true);
        self.start(id);
        mark--;
      }
      if (name && name === epoch) {
        if (seq <= mark || ahead.has(+seq)) return false;
        ahead.add(+seq);
        while (ahead.delete(mark + 1)) mark++;
        if (ahead.size > 64) self.settle();
        return true;
      }
      replaying &&= recent.includes(id);
      if (!replaying) recent = [...recent.slice(-255), id];
      return !replaying;
    },
  };
  self.start();
  return self;
}

const UNSENT = "sse-unsent";
const RECONNECT = "sse_reconnect_time_seconds";
const RECOVERY = "sse_stall_recovery_seconds";
const DELAY = "sse_event_delay_seconds";

/** Adds up what happened and sends it: once in effect, and late rather than never. */
function reporter({ fetch, localStorage, navigator, now, random }, { reportTo, reportEvery }, page) {
  const url = reportTo && new URL(reportTo, page).href;
  const network = navigator.connection?.effectiveType ?? "unknown";
  let n = 0;
  let [token, bounds, unsent, delta] = ["", {}, []];
  const bin = (values, edges) => {
    if (!edges || !values.length) return undefined;
    const counts = Array(edges.length + 1).fill(0);
    for (const value of values) counts[edges.filter((edge) => edge < value).length]++;
    return { counts, sum: +values.reduce((a, b) => a + b).toFixed(6) };
  };
  const askToken = async () => {
    const query = new URLSearchParams({ path: new URL(page).pathname, network_type: network });
    const answer = await fetch(new URL("token?" + query, url).href).catch(() => 0);
    if (answer.ok) self.accept(await answer.json());
  };
  const post = async (report, again) => {
    // As plain text: another origin need not be asked first.
    const init = { method: "POST", body: JSON.stringify(report), keepalive: true };
    const { status = 500 } = await fetch(url, init).catch(() => ({}));
    if (status !== 403 || again) return status < 500 && status !== 429;
    // A server that restarted may have another secret.
    await askToken();
    return post({ ...report, token }, true);
  };
  // While offline sendBeacon says yes, and loses it.
  const beacon = (report) =>
    navigator.onLine !== false && navigator.sendBeacon?.(url, JSON.stringify(report));
  const self = {
    dueAt: Infinity,
    leads: true,
    network,
    accept(hello) {
      if (hello.report_token) [token, bounds] = [hello.report_token, hello.bounds];
    },
    add(change) {
      if (!url || !self.leads) return;
      delta ??= { shown: {}, [RECONNECT]: [], [RECOVERY]: [], [DELAY]: [] };
      change(delta);
      if (self.dueAt === Infinity) self.dueAt = now() + reportEvery * (0.75 + random() / 2);
    },
    count: (what, by = 1) => self.add((delta) => (delta[what] = (delta[what] ?? 0) + by)),
    observe: (what, ms) => self.add((delta) => delta[what].length < 500 && delta[what].push(ms / 1000)),
    /** Send what there is; `leaving`: there may be no later. */
    async flush(leaving) {
      self.dueAt = Infinity;
      if (!url) return;
      if (delta && !token && !leaving) await askToken();
      try {
        unsent.push(...JSON.parse(localStorage[UNSENT] || "[]"));
        localStorage[UNSENT] = "";
      } catch {
        // Forbidden to this page: what cannot be sent is kept while it lives.
      }
      if (delta && token) {
        for (const name of [RECONNECT, RECOVERY, DELAY]) delta[name] = bin(delta[name], bounds[name]);
        unsent.push({ ...delta, token, n: ++n });
        delta = undefined;
      }
      const send = leaving ? beacon : post;
      for (const report of unsent.splice(0)) if (!(await send(report))) unsent.push(report);
      try {
        unsent = unsent.slice(-8);
        if (unsent[0]) localStorage[UNSENT] = JSON.stringify(unsent);
        unsent = [];
      } catch {
        // As above.
      }
    },
  };
  return self;
}

const HELLO = "sse.hello";
const HEARTBEATS = ["heartbeat", "ping", "keepalive", "keep-alive"];
const DEFAULTS = {
  fetch: {},
  terminal: ["done", "[DONE]"],
  connectTimeout: 15000,
  stallTimeout: 0,
  waitingAfter: 5000,
  retryBase: 1000,
  retryMax: 30000,
  maxRetries: Infinity,
  healthyAfter: 5000,
  pollAfter: 5,
  pollInterval: 5000,
  reportTo: /\/sse-observe\.js/.test(import.meta.url) && new URL("deltas", import.meta.url).href,
  reportEvery: 60000,
};
const TEXTS = {
  connecting: "Connecting...",
  live: "Connected",
  waiting: "Waiting for server response...",
  reconnecting: "Reconnecting (attempt {attempt})...",
  offline: "Waiting for the network...",
  polling: "Connected, with delays",
  complete: "Response complete",
  failed: "Connection failed. Please refresh.",
};

const browser = () => ({
  ...(({ BroadcastChannel, EventSource, clearTimeout, document, fetch, navigator, setTimeout }) => ({
    ...{ BroadcastChannel, EventSource, clearTimeout, document, fetch, navigator, setTimeout },
  }))(globalThis),
  window: globalThis,
  now: () => performance.now(),
  random: Math.random,
  transport: "body" in Response.prototype ? fetchTransport : nativeTransport,
});

const parse = (text) => {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
};

/** One stream through all its connections, with one timer. */
function machine(source, options, p) {
  const { url } = source;
  const o = { ...DEFAULTS, ...options };
  const { document, navigator, now, window } = p;
  const report = reporter(p, o, url);
  const emit = (type, more) => source.dispatchEvent(Object.assign(new Event(type), more));
  const seen = memory((lost, announced) => {
    if (!announced) report.count("lost", lost);
    emit("gap", { lost });
  });
  const types = new Set(["message", HELLO, ...HEARTBEATS, ...o.terminal]);
  const page = new AbortController();
  const peers = new Set();
  let phase = "idle"; // connecting, open, pausing, offline, frozen, closed
  let generation = 0;
  let due = Infinity;
  let timeouts = 0;
  let retry = 0;
  let leave = () => {};
  let connection, channel, timer, said, concluded, stream, heartbeat, stamps;
  let since, openedAt, payloadAt, resumeAt, streamAt, lostAt, stalledAt, offlineAt;
  let wasOpen, hasByte, hasEvent, isPoll, polling, spared;

  const say = (status) => {
    const { attempt } = source;
    const text = status === "reconnecting" ? status + attempt : status;
    if (text === said) return;
    said = text;
    source.status = status;
    report.add(({ shown }) => (shown[status] = (shown[status] ?? 0) + 1));
    if (report.leads) channel?.postMessage({ status, attempt });
    emit("status", { status, attempt });
  };
  const flow = () => say(isPoll ? "polling" : "live");

  const connect = () => {
    const mine = ++generation;
    const ours = (act) => (...args) => {
      if (mine !== generation) return;
      act(...args);
      arm();
    };
    const to = new URL(url);
    const set = (key, value) => value && to.searchParams.set(key, value);
    phase = "connecting";
    since = now();
    isPoll = polling && since < streamAt;
    let cursor = seen.cursor();
    if (!cursor && stream) {
      // It has sent no event yet: it is asked for by its name, from before its start.
      set("stream_id", stream);
      cursor = "-1";
    }
    set("last_event_id", cursor);
    set("network_type", report.network !== "unknown" && report.network);
    set("mode", isPoll && "poll");
    const headers = { Accept: "text/event-stream", ...o.fetch.headers };
    // Another origin would have to be asked whether it takes this header.
    if (cursor && to.origin === window.origin) headers["Last-Event-ID"] = cursor;
    const credentials = source.withCredentials ? "include" : "same-origin";
    const init = { cache: "no-store", credentials, ...o.fetch, headers };
    const sink = { open: onOpen, alive: onByte, frame: onFrame, refuse: onRefuse };
    Object.assign(sink, { end: () => lose("end"), lapse: () => lose("lapse"), retry: (ms) => (retry = ms) });
    for (const name in sink) sink[name] = ours(sink[name]);
    connection = p.transport(p, { url: to.href, init, types }, sink);
    arm();
  };

  const onOpen = (from, whole) => {
    phase = "open";
    since = openedAt = payloadAt = now();
    source.origin = new URL(from).origin;
    stamps = hasByte = hasEvent = undefined;
    seen.resume();
    isPoll &&= whole; // who does not know `mode=poll` answers with a stream
    if (lostAt) report.observe(RECONNECT, since - lostAt);
    lostAt = 0;
    wasOpen = true;
    source.readyState = 1;
    flow();
    emit("open");
  };

  const onByte = () => {
    since = now();
    hasByte = true;
    spared = offlineAt = 0;
    if (source.status === "offline") flow();
  };

  const message = ({ type, data, id }) =>
    source.dispatchEvent(new MessageEvent(type, { data, lastEventId: id, origin: source.origin }));

  const onFrame = (frame) => {
    const { type, data, id, own } = frame;
    const isDone = o.terminal.includes(type) || o.terminal.includes(data);
    if (report.leads) channel?.postMessage({ frame });
    if (data !== null) {
      hasEvent = true;
      timeouts = 0;
      polling &&= isPoll;
      if (stalledAt) report.observe(RECOVERY, now() - stalledAt);
      stalledAt = 0;
      if (type === HELLO) onHello(parse(data));
      else if (HEARTBEATS.includes(type)) stamp(parse(data).t);
      else if (!isDone) {
        report.count("events");
        payloadAt = now();
        if (source.status === "waiting") flow();
      }
    }
    if (own && id && !seen.isNew(id)) return report.count("duplicates");
    if (own) source.lastEventId = id;
    if (isDone) end("complete", frame);
    else if (data !== null) message(frame);
  };

  const onHello = (hello) => {
    heartbeat = hello.heartbeat_seconds * 1000;
    report.accept(hello);
    stamp(hello.server_time);
    if (stream && stream !== hello.stream) {
      seen.start();
      emit("gap", { lost: null });
    }
    stream = hello.stream;
    seen.announce(hello.resumed_from, hello.lost ?? 0);
  };

  /** Two clocks cannot be compared, but what their difference grows by is delay. */
  const stamp = (sent) => {
    if (!sent) return;
    const delay = now() - sent;
    if (stamps) report.observe(DELAY, Math.max(0, delay - stamps.least));
    stamps ??= { sent, at: now(), least: delay };
    stamps.least = Math.min(stamps.least, delay);
    if (sent - stamps.sent < 3000 || now() - stamps.at > 500) return;
    // Sent seconds apart and arrived together: something in between holds the stream back.
    timeouts = 2;
    lose("held");
  };

  const onRefuse = (status, wait) => {
    const passes = status >= 500 || [408, 425, 429].includes(status) || (status === 200 && wasOpen);
    if (status === 204) end("complete");
    else if (passes || isPoll) {
      // A server that cannot poll is not asked to again.
      if (!passes) polling = o.pollAfter = 0;
      lose("status", wait);
    } else end("failed");
  };

  const drop = () => {
    generation++;
    connection?.abort();
  };

  const pause = (ms, status) => {
    phase = "pausing";
    resumeAt = now() + ms;
    say(status);
  };

  const lose = (cause, wait = 0) => {
    const at = now();
    const isOpen = phase === "open";
    if (cause !== "lapse") drop();
    if (isPoll && isOpen && cause === "end") {
      // After failures the first answer says that the way is free: a stream is tried at once.
      if (source.attempt) streamAt = Math.min(streamAt, at);
      source.attempt = 0;
      return pause(streamAt > at ? o.pollInterval : 0, "polling");
    }
    const again = at + 12 * o.pollInterval;
    if (polling && !isPoll) {
      streamAt = again;
      return pause(0, "polling");
    }
    if (isOpen && hasEvent && at - openedAt >= o.healthyAfter) source.attempt = 0;
    if (wasOpen) lostAt ||= at;
    if (cause === "timeout") timeouts++;
    const attempt = ++source.attempt;
    if (attempt > o.maxRetries) return end("failed");
    if (o.pollAfter && (attempt >= o.pollAfter || timeouts > 1)) [polling, streamAt] = [true, again];
    source.readyState = 0;
    emit("error");
    if (phase === "closed") return;
    const backoff = Math.min(o.retryMax, o.retryBase * 2 ** (attempt - 1)) * (0.5 + p.random());
    const isOffline = navigator.onLine === false;
    const status = cause === "stall" && attempt < 2 ? "waiting" : "reconnecting";
    pause(Math.max(backoff, retry, wait), isOffline ? "offline" : status);
    if (isOffline) phase = "offline";
    if (cause === "lapse") [phase, since] = ["connecting", at]; // the browser tries again by itself
  };

  const save = () => o.storage?.setItem(url, seen.cursor());

  const conclude = (outcome) => {
    if (concluded || !(wasOpen || outcome === "failed")) return;
    concluded = true;
    report.add((delta) => (delta.outcome = outcome));
  };

  const end = (status, frame) => {
    if (phase === "closed") return;
    drop();
    phase = "closed";
    source.readyState = 2;
    p.clearTimeout(timer);
    page.abort();
    conclude({ complete: "completed", failed: "failed" }[status] ?? "cancelled");
    if (status) seen.settle();
    if (status === "complete") seen.start();
    save();
    if (frame) message(frame);
    if (status === "failed") emit("error");
    if (status) say(status);
    leave();
    report.flush(!status);
  };

  // Before the first byte a proxy may hold it back; later it is a stall.
  const silence = () => (hasByte && (o.stallTimeout || heartbeat * 2.5)) || 30000;
  const deadline = () =>
    ({ pausing: resumeAt, connecting: since + o.connectTimeout, open: since + silence() })[phase] ?? Infinity;
  const waitingAt = () => (source.status === "live" ? payloadAt + o.waitingAfter : Infinity);

  const arm = () => {
    const next = Math.min(report.dueAt, deadline(), waitingAt());
    if (next >= due || phase === "closed") return;
    due = next;
    p.clearTimeout(timer);
    timer = (0, p.setTimeout)(tick, Math.max(0, due - now()));
  };

  const tick = () => {
    const at = now();
    const late = at - due;
    due = Infinity;
    // So late: the machine slept, or the browser froze the tab. Nothing was heard because nobody
    // listened; a stream that lives has half a stall to show it.
    if (late > 3000 && !spared) {
      spared = true;
      since = Math.max(since, at - (phase === "open" ? silence() / 2 : 0));
      payloadAt += late;
      lostAt &&= lostAt + late;
      stalledAt &&= stalledAt + late;
    }
    if (report.dueAt <= at) report.flush();
    if (deadline() <= at) {
      if (phase === "pausing") connect();
      else if (phase === "connecting" || !hasByte) lose("timeout");
      else if (spared) lose("sleep");
      else {
        stalledAt = at;
        report.count("stalls");
        lose("stall");
      }
    } else if (waitingAt() <= at) say("waiting");
    arm();
  };

  const on = (target, type, act) =>
    target?.addEventListener?.(type, () => (act(), arm()), { signal: page.signal });
  on(window, "offline", () => {
    offlineAt = now();
    if (phase === "pausing") phase = "offline";
    if (phase !== "idle") say("offline");
  });
  on(window, "online", () => {
    report.flush();
    // Without a byte since: a connection seldom survives a change of network.
    if (phase === "open" && offlineAt) lose("network");
    lostAt &&= now();
    if (/offline|pausing/.test(phase)) connect();
  });
  on(window, "pagehide", () => {
    if (!peers.size) conclude("cancelled");
    drop();
    leave();
    phase = "frozen";
    save();
    report.flush(true);
  });
  on(window, "pageshow", () => phase === "frozen" && start());
  on(document, "visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      save();
      report.flush(true);
    } else {
      tick();
      if (phase === "pausing") connect();
    }
  });

  /** One tab leads and streams, the others listen; when it goes, the next one leads. */
  const start = () => {
    report.leads = !(o.share && navigator.locks && p.BroadcastChannel);
    say("connecting");
    if (report.leads) return connect();
    const name = "sse-observe:" + url;
    const peer = p.random();
    channel = new p.BroadcastChannel(name);
    phase = "idle";
    channel.onmessage = ({ data }) => {
      if (data.bye) peers.delete(data.bye);
      else if (data.peer && !peers.has(data.peer)) {
        peers.add(data.peer);
        channel.postMessage({ peer });
      } else if (data.frame) onFrame(data.frame);
      else if (data.status === "failed") end("failed");
      else if (data.status) {
        source.attempt = data.attempt;
        say(data.status);
      }
    };
    channel.postMessage({ peer });
    leave = () => {
      channel.postMessage({ bye: peer });
      channel.close();
    };
    const lead = () =>
      new Promise((release) => {
        const part = leave;
        leave = () => (part(), release());
        report.leads = true;
        connect();
      });
    navigator.locks.request(name, { signal: page.signal }, lead).catch(() => {});
  };

  seen.start(o.storage?.getItem(url) ?? "");
  start();
  return { end, listen: (type) => types.has(type) || connection?.listen?.(types.add(type) && type) };
}

/** @type {typeof import("./sse-observe.js").ResilientEventSource} */
export class ResilientEventSource extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;
  CONNECTING = 0;
  OPEN = 1;
  CLOSED = 2;
  onopen = null;
  onmessage = null;
  onerror = null;
  readyState = 0;
  lastEventId = "";
  status = "connecting";
  attempt = 0;
  #machine;

  constructor(url, options = {}) {
    super();
    const platform = { ...browser(), ...options.platform };
    try {
      this.url = new URL(url, platform.document?.baseURI).href;
    } catch {
      throw new DOMException(`${url} is not a URL`, "SyntaxError");
    }
    this.withCredentials = !!options.withCredentials;
    for (const type of ["open", "message", "error"])
      super.addEventListener(type, (event) => this["on" + type]?.(event));
    this.#machine = machine(this, options, platform);
  }

  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    this.#machine.listen(type);
  }

  close() {
    this.#machine.end();
  }

  bindStatus(element, texts) {
    const all = { ...TEXTS, ...texts };
    const show = () => {
      element.dataset.status = this.status;
      element.textContent = all[this.status].replace("{attempt}", this.attempt);
    };
    element.setAttribute("aria-live", "polite");
    super.addEventListener("status", show);
    show();
    return () => this.removeEventListener("status", show);
  }
}
