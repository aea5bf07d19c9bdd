// @ts-check
/**
 * An EventSource that recovers: it resumes without loss or repetition, says what it is doing,
 * and reports what only a browser can see. sse-observe.d.ts explains options and events.
 */

/** Reads event streams by the WHATWG rules. @type {typeof import("./sse-observe.js").parser} */
export function parser(onFrame, onRetry) {
  let [rest, data, type, id] = ["", "", "", ""];
  let own = false;
  let afterCR = false;
  const read = (line) => {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (!line) {
      // Without data it is no event, but its id counts all the same.
      if (data || own) onFrame({ type: type || "message", data: data ? data.slice(0, -1) : null, id, own });
      data = type = "";
      own = false;
    } else if (field === "data") data += value + "\n";
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) [id, own] = [value, true];
    else if (field === "retry" && /^\d+$/.test(value)) onRetry(+value);
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

/** @type {import("./sse-observe.js").Transport} */
export function fetchTransport(window, { url, init }, sink) {
  const abort = new AbortController();
  const run = async () => {
    const response = await window.fetch(url, { ...init, signal: abort.signal });
    const { headers, status } = response;
    if (status !== 200 || !/^text\/event-stream *(;|$)/i.test(headers.get("content-type"))) {
      abort.abort();
      return sink.refuse(status, +headers.get("retry-after") * 1000 || 0);
    }
    sink.open(headers.has("content-length"));
    const push = parser(sink.frame, sink.retry);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read; !(read = await reader.read()).done; ) {
      sink.alive();
      push(read.value);
    }
    sink.end();
  };
  run().catch(sink.end);
  return () => abort.abort();
}

/**
 * For browsers that cannot read a response while it arrives: sees neither comments nor statuses.
 * @type {import("./sse-observe.js").Transport}
 */
export function nativeTransport(window, { url, init, types }, sink) {
  const source = new window.EventSource(url, { withCredentials: init.credentials === "include" });
  let last = "";
  for (const type of types)
    source.addEventListener(type, ({ data, lastEventId: id }) => {
      sink.alive();
      sink.frame({ type, data, id, own: id !== last });
      last = id;
    });
  source.onopen = () => sink.open();
  source.onerror = () => (source.readyState === 2 ? sink.end() : sink.lapse());
  return () => source.close();
}

/** What was seen: numbered ids by a mark below which nothing is missing, others by the last few. */
function memory(onGap) {
  let epoch, mark, ahead, recent, replaying, first;
  const numbered = (id) => /^(\d{1,15})-(.+)$/s.exec(id) ?? [];
  const settle = (last = Math.max(mark, ...ahead), announced = false) => {
    let lost = 0;
    while (mark < last) if (!ahead.delete(++mark)) lost++;
    if (lost) onGap(lost, announced);
  };
  const start = (cursor = "") => {
    const [, seq, name] = numbered(cursor);
    [epoch, mark, ahead, recent] = [name, +seq, new Set(), [cursor]];
  };
  return {
    start,
    cursor: () => (epoch ? `${mark}-${epoch}` : recent.at(-1)),
    resume: () => ([first, replaying] = [0, true]),
    /** The server says what it continues from, and how much of it is gone. */
    announce(from, lost) {
      first = (from ? parseInt(from) + 1 : 0) + lost;
      if (epoch) settle(first - 1, true);
      else if (lost) onGap(lost, true);
    },
    /** What is missing still will not come. */
    settle: () => settle(),
    isNew(id) {
      const [, seq, name] = numbered(id);
      if (name !== epoch && +seq === first) {
        if (epoch) onGap(null, true);
        start(id);
        mark--;
      }
      if (name && name === epoch) {
        if (seq <= mark || ahead.has(+seq)) return false;
        ahead.add(+seq);
        while (ahead.delete(mark + 1)) mark++;
        if (ahead.size > 64) settle();
        return true;
      }
      replaying &&= recent.includes(id);
      if (!replaying) recent = [...recent.slice(-255), id];
      return !replaying;
    },
  };
}

const RECONNECT = "sse_reconnect_time_seconds";
const RECOVERY = "sse_stall_recovery_seconds";
const DELAY = "sse_event_delay_seconds";

/** Adds up what happened and sends it: once in effect, and late rather than never. */
function reporter(window, url, page, every) {
  const { navigator } = window;
  const network = navigator.connection?.effectiveType ?? "";
  let [n, token, bounds, unsent] = [0, "", {}, []];
  let asked, delta;
  const accept = (hello) => {
    if (hello.report_token) [token, bounds] = [hello.report_token, hello.bounds];
  };
  const askToken = async () => {
    const query = new URLSearchParams({ path: new URL(page).pathname, network_type: network });
    const answer = await window.fetch(new URL("token?" + query, url).href).catch(() => 0);
    if (answer.ok) accept(await answer.json());
  };
  // As plain text: another origin need not be asked first.
  const post = async (report, again) => {
    const init = { method: "POST", body: JSON.stringify(report), keepalive: true };
    const { status = 500 } = await window.fetch(url, init).catch(() => ({}));
    if (status !== 403 || again) return status < 500 && status !== 429;
    // A server that restarted may have another secret.
    await askToken();
    return post({ ...report, token }, true);
  };
  // While offline sendBeacon says yes, and loses it.
  const beacon = (report) => navigator.onLine !== false && navigator.sendBeacon?.(url, JSON.stringify(report));
  const add = (change) => {
    if (!url || !self.leads) return;
    delta ??= { shown: {}, [RECONNECT]: [], [RECOVERY]: [], [DELAY]: [] };
    change(delta);
    self.dueAt = Math.min(self.dueAt, window.performance.now() + every * (0.75 + window.Math.random() / 2));
  };
  // Storage may be forbidden to this page: then what cannot be sent is kept while it lives.
  const store = (text) => {
    try {
      const kept = window.localStorage["sse-unsent"];
      window.localStorage["sse-unsent"] = text;
      return kept || "[]";
    } catch {}
  };
  const self = {
    dueAt: Infinity,
    leads: true,
    network,
    accept,
    add,
    count(what, by = 1) {
      add((delta) => (delta[what] = (delta[what] ?? 0) + by));
      // No hello came before: a page that closes must have its token by then.
      if (url && !token) asked ??= askToken();
    },
    observe: (what, ms) => add((delta) => delta[what].length < 500 && delta[what].push(ms / 1000)),
    /** Send what there is; `leaving`: there may be no later. */
    async flush(leaving) {
      self.dueAt = Infinity;
      if (!url) return;
      if (delta && !token && !leaving) await askToken();
      unsent.push(...JSON.parse(store("") ?? "[]"));
      if (delta && token) {
        for (const name of [RECONNECT, RECOVERY, DELAY]) delta[name] = bin(delta[name], bounds[name]);
        unsent.push({ ...delta, token, n: ++n });
        delta = undefined;
      }
      const send = leaving ? beacon : post;
      for (const report of unsent.splice(0, 8)) if (!(await send(report))) unsent.push(report);
      if (unsent[0] && store(JSON.stringify(unsent))) unsent = [];
    },
  };
  return self;
}

function bin(values, bounds) {
  if (!bounds || !values.length) return;
  const counts = Array(bounds.length + 1).fill(0);
  for (const value of values) counts[bounds.filter((bound) => bound < value).length]++;
  return { counts, sum: +values.reduce((a, b) => a + b).toFixed(6) };
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

const HELLO = "sse.hello";
const HEARTBEATS = ["heartbeat", "ping", "keepalive", "keep-alive"];
const DEFAULTS = {
  events: [],
  terminal: ["done", "[DONE]"],
  connectTimeout: 15000,
  waitingAfter: 5000,
  retryBase: 1000,
  pollAfter: 5,
  pollInterval: 5000,
  reportTo: import.meta.url.includes("/sse-observe.js") && new URL("deltas", import.meta.url),
  reportEvery: 60000,
  transport: globalThis.TextDecoderStream ? fetchTransport : nativeTransport,
  window: globalThis,
};
const TEXTS = {
  connecting: "Connecting...",
  live: "Connected",
  waiting: "Waiting for server response...",
  reconnecting: "Reconnecting (attempt {attempt})...",
  offline: "Offline",
  polling: "Connected",
  complete: "Response complete",
  failed: "Connection failed. Please refresh.",
};

export class ResilientEventSource extends EventTarget {
  readyState = 0;
  lastEventId = "";
  status = "";
  attempt = 0;

  constructor(url, options) {
    super();
    const o = { ...DEFAULTS, ...options };
    try {
      this.url = new URL(url, o.window.document?.baseURI).href;
    } catch {
      throw new DOMException(`${url} is not a URL`, "SyntaxError");
    }
    this.withCredentials = !!o.withCredentials;
    for (const type of ["open", "message", "error"]) {
      this["on" + type] = null;
      this.addEventListener(type, (event) => this["on" + type]?.(event));
    }
    this.close = run(this, o);
  }

  bindStatus(element, texts) {
    const all = { ...TEXTS, ...texts };
    const show = () => {
      element.dataset.status = this.status;
      element.textContent = all[this.status].replace("{attempt}", this.attempt);
    };
    element.setAttribute("aria-live", "polite");
    this.addEventListener("status", show);
    show();
    return () => this.removeEventListener("status", show);
  }
}
["CONNECTING", "OPEN", "CLOSED"].forEach((name, value) => {
  ResilientEventSource[name] = ResilientEventSource.prototype[name] = value;
});

/** Run one stream through all its connections, with one timer; return what closes it. */
function run(source, o) {
  const { url } = source;
  const { origin } = new URL(url);
  const { window } = o;
  const { document, navigator } = window;
  const now = () => window.performance.now();
  const emit = (type, more) => source.dispatchEvent(Object.assign(new Event(type), more));
  const report = reporter(window, o.reportTo && new URL(o.reportTo, url).href, url, o.reportEvery);
  const seen = memory((lost, announced) => {
    if (!announced) report.count("lost", lost);
    emit("gap", { lost });
  });
  const page = new AbortController();
  const me = window.Math.random();
  const peers = new Set();
  // idle, connecting, open, pausing, frozen, closed
  let phase = "idle";
  let [timeouts, retry, due] = [0, 0, Infinity];
  let drop = () => {};
  let channel, release, timer, concluded, stream, heartbeat, best;
  let since, openedAt, payloadAt, resumeAt, pollUntil, lostAt, stalledAt, offlineAt;
  let wasOpen, hasEvent, isPoll, spared;

  const say = (status = isPoll ? "polling" : "live") => {
    const { attempt } = source;
    if (status === source.status && status !== "reconnecting") return;
    source.status = status;
    report.add(({ shown }) => (shown[status] = (shown[status] ?? 0) + 1));
    if (report.leads) channel?.postMessage({ status, attempt });
    emit("status", { status, attempt });
  };

  const connect = () => {
    let isCurrent = true;
    const to = new URL(url);
    phase = "connecting";
    since = now();
    isPoll = since < pollUntil;
    // Before its first event a stream is asked for by its name, from before its start.
    const cursor = seen.cursor() || (stream && "-1");
    const query = {
      stream_id: cursor === "-1" && stream,
      last_event_id: cursor,
      network_type: report.network,
      mode: isPoll && "poll",
    };
    for (const key in query) if (query[key]) to.searchParams.set(key, query[key]);
    const headers = { Accept: "text/event-stream", ...o.fetch?.headers };
    // Another origin would have to be asked whether it takes this header.
    if (cursor && origin === window.origin) headers["Last-Event-ID"] = cursor;
    const init = { cache: "no-store", ...o.fetch, headers };
    if (source.withCredentials) init.credentials = "include";
    const types = ["message", HELLO, ...HEARTBEATS, ...o.terminal, ...o.events];
    const ours = (act) => (a, b) => isCurrent && (act(a, b), arm());
    const sink = {
      open: ours(onOpen),
      alive: ours(onByte),
      frame: ours(onFrame),
      refuse: ours(onRefuse),
      retry: ours((ms) => (retry = ms)),
      end: ours(() => lose("end")),
      lapse: ours(() => lose("lapse")),
    };
    const abort = o.transport(window, { url: to.href, init, types }, sink);
    drop = () => {
      isCurrent = false;
      abort();
    };
    arm();
  };

  const onOpen = (whole) => {
    phase = "open";
    since = openedAt = payloadAt = now();
    best = hasEvent = undefined;
    seen.resume();
    // Who does not know `mode=poll` answers with a stream.
    isPoll &&= whole;
    if (lostAt) report.observe(RECONNECT, since - lostAt);
    lostAt = 0;
    wasOpen = true;
    source.readyState = 1;
    say();
    emit("open");
  };

  const onByte = () => {
    since = now();
    spared = offlineAt = 0;
    if (source.status === "offline") say();
  };

  const message = ({ type, data, id }) =>
    source.dispatchEvent(new MessageEvent(type, { data, lastEventId: id, origin }));

  const onFrame = (frame) => {
    const { type, data, id, own } = frame;
    const isDone = o.terminal.includes(type) || o.terminal.includes(data);
    if (report.leads) channel?.postMessage({ frame });
    if (data !== null) {
      hasEvent = true;
      timeouts = 0;
      if (!isPoll) pollUntil = 0;
      if (stalledAt) report.observe(RECOVERY, now() - stalledAt);
      stalledAt = 0;
      if (type === HELLO) onHello(parse(data));
      else if (HEARTBEATS.includes(type)) stamp(parse(data).t);
      else if (!isDone) {
        report.count("events");
        payloadAt = now();
        if (source.status === "waiting") say();
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

  // Two clocks cannot be compared, but what their difference grows by is delay.
  const stamp = (sent) => {
    if (!sent) return;
    const lag = now() - sent;
    if (best !== undefined) report.observe(DELAY, Math.max(0, lag - best));
    // Sent seconds apart and arrived together: something in between holds the stream back.
    const isHeld = best - lag > 3000 && now() - openedAt < 500;
    best = Math.min(best ?? lag, lag);
    if (!isHeld) return;
    timeouts = 2;
    lose();
  };

  const onRefuse = (status, wait) => {
    const passes = /^(5..|408|425|429)$/.test(status) || (status === 200 && wasOpen);
    // A server that cannot poll is not asked to again.
    if (isPoll && !passes) pollUntil = o.pollAfter = 0;
    if (status === 204) end("complete");
    else if (passes || isPoll) lose("", wait);
    else end("failed");
  };

  const pause = (ms, status) => {
    phase = "pausing";
    resumeAt = now() + ms;
    say(status);
  };

  const lose = (cause, wait = 0) => {
    const at = now();
    const isOpen = phase === "open";
    const again = at + 12 * o.pollInterval;
    if (cause !== "lapse") drop();
    if (isPoll && isOpen && cause === "end") {
      // After failures the first answer says that the way is free: a stream is tried at once.
      if (source.attempt) pollUntil = at;
      source.attempt = 0;
      return pause(pollUntil > at ? o.pollInterval : 0, "polling");
    }
    if (pollUntil && !isPoll) {
      pollUntil = again;
      return pause(0, "polling");
    }
    if (isOpen && hasEvent && at - openedAt >= 5000) source.attempt = 0;
    if (wasOpen) lostAt ||= at;
    if (cause === "timeout") timeouts++;
    const attempt = ++source.attempt;
    if (attempt > o.maxRetries) return end("failed");
    if (o.pollAfter && (attempt >= o.pollAfter || timeouts > 1)) pollUntil = again;
    source.readyState = 0;
    emit("error");
    if (phase === "closed") return;
    const backoff = Math.min(30000, o.retryBase * 2 ** (attempt - 1)) * (0.5 + window.Math.random());
    if (navigator.onLine === false) pause(Infinity, "offline");
    else pause(Math.max(backoff, retry, wait), cause === "stall" && attempt < 2 ? "waiting" : "reconnecting");
    // The browser tries again by itself.
    if (cause === "lapse") {
      phase = "connecting";
      since = at;
    }
  };

  const leave = () => {
    channel?.postMessage({ bye: me });
    channel?.close();
    channel = undefined;
    release?.();
  };

  const save = () => o.storage?.setItem(url, seen.cursor());

  const conclude = (outcome) => {
    if (!concluded && (wasOpen || outcome === "failed")) report.add((delta) => (delta.outcome = concluded = outcome));
  };

  const end = (status, frame) => {
    if (phase === "closed") return;
    drop();
    phase = "closed";
    source.readyState = 2;
    window.clearTimeout(timer);
    page.abort();
    conclude(status === "complete" ? "completed" : (status ?? "cancelled"));
    if (status) seen.settle();
    if (frame) message(frame);
    if (status === "failed") emit("error");
    else if (status) seen.start();
    if (status) say(status);
    save();
    leave();
    report.flush(!status);
  };

  // Before the first event a proxy may hold it back; later it is a stall.
  const silence = () => (hasEvent && (o.stallTimeout || heartbeat * 2.5)) || 30000;
  const deadline = () =>
    ({ pausing: resumeAt, connecting: since + o.connectTimeout, open: since + silence() })[phase] ?? Infinity;
  const waitingAt = () => (source.status === "live" ? payloadAt + o.waitingAfter : Infinity);

  const arm = () => {
    const next = Math.min(report.dueAt, deadline(), waitingAt());
    if (next >= due || phase === "closed") return;
    due = next;
    window.clearTimeout(timer);
    timer = window.setTimeout(tick, Math.max(0, due - now()));
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
    if (deadline() > at) waitingAt() <= at && say("waiting");
    else if (phase === "pausing") connect();
    else if (phase === "connecting" || !hasEvent) lose("timeout");
    else if (spared) lose();
    else {
      stalledAt = at;
      report.count("stalls");
      lose("stall");
    }
    arm();
  };

  const on = (target, type, act) =>
    target?.addEventListener?.(type, () => (act(), arm()), { signal: page.signal });
  on(window, "offline", () => {
    offlineAt = now();
    resumeAt = Infinity;
    if (phase !== "idle") say("offline");
  });
  on(window, "online", () => {
    report.flush();
    // Without a byte since: a connection seldom survives a change of network.
    if (phase === "open" && offlineAt) lose();
    lostAt &&= now();
    if (phase === "pausing") connect();
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
      return report.flush(true);
    }
    tick();
    if (phase === "pausing") connect();
  });

  // One tab leads and streams, the others listen; when it goes, the next one leads.
  const start = () => {
    report.leads = !(o.share && navigator.locks && window.BroadcastChannel);
    say("connecting");
    if (report.leads) return connect();
    const name = "sse-observe:" + url;
    phase = "idle";
    channel = new window.BroadcastChannel(name);
    channel.onmessage = ({ data: { bye, peer, frame, status, attempt } }) => {
      peers.delete(bye);
      if (peer && !peers.has(peer)) {
        peers.add(peer);
        channel.postMessage({ peer: me });
      }
      if (frame) onFrame(frame);
      if (status === "failed") return end(status);
      if (!status) return;
      source.attempt = attempt;
      say(status);
    };
    channel.postMessage({ peer: me });
    const lead = () =>
      new Promise((done) => {
        release = done;
        report.leads = true;
        connect();
      });
    navigator.locks.request(name, { signal: page.signal }, lead).catch(() => {});
  };

  seen.start(o.storage?.getItem(url) ?? "");
  start();
  return () => end();
}
