// @ts-check
/**
 * An EventSource that recovers: it resumes without loss or repetition, shows what it is doing,
 * and reports what only a browser can see. sse-observe.d.ts explains options and events.
 */

// ---- Connections: from bytes to frames, in two ways.

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

// ---- Events: each once, and what is missing.

/** The sequence of one stream: numbered ids by a mark below which nothing is missing, others by the last few. */
function sequence(onGap) {
  let epoch, mark, ahead, recent, replaying, first;
  const numbered = (id) => /^(\d{1,15})-(.+)$/s.exec(id) ?? [];
  const giveUp = (last = Math.max(mark, ...ahead), announced = false) => {
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
      if (epoch) giveUp(first - 1, true);
      else if (lost) onGap(lost, true);
    },
    /** The stream is over: events that are missing still will not come. */
    finish: () => giveUp(),
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
        if (ahead.size > 64) giveUp();
        return true;
      }
      replaying &&= recent.includes(id);
      if (!replaying) recent = [...recent.slice(-255), id];
      return !replaying;
    },
  };
}

// ---- Beacon reports.

const RECONNECT = "sse_reconnect_time_seconds";
const RECOVERY = "sse_stall_recovery_seconds";
const DELAY = "sse_event_delay_seconds";

/** Adds up what happened and sends it: once in effect, and late rather than never. */
function reporter(window, url, stream, every, leads) {
  const { navigator } = window;
  const network = navigator.connection?.effectiveType ?? "";
  let [n, token, bounds, unsent] = [0, "", {}, []];
  let asked, delta;
  const accept = (hello) => {
    if (hello.report_token) [token, bounds] = [hello.report_token, hello.bounds];
  };
  const askToken = async () => {
    const query = new URLSearchParams({ path: new URL(stream).pathname, network_type: network });
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
  // While offline sendBeacon returns true, and loses it.
  const beacon = (report) => navigator.onLine !== false && navigator.sendBeacon?.(url, JSON.stringify(report));
  const add = (change) => {
    if (!url || !leads()) return;
    delta ??= { shown: {}, [RECONNECT]: [], [RECOVERY]: [], [DELAY]: [] };
    change(delta);
    self.dueAt = Math.min(self.dueAt, window.performance.now() + every * (0.75 + window.Math.random() / 2));
  };
  // Storage may be forbidden to this web page: then what cannot be sent is kept while it lives.
  const store = (text) => {
    try {
      const kept = window.localStorage["sse-unsent"];
      window.localStorage["sse-unsent"] = text;
      return kept || "[]";
    } catch {}
  };
  const self = {
    dueAt: Infinity,
    network,
    accept,
    add,
    count(what, by = 1) {
      add((delta) => (delta[what] = (delta[what] ?? 0) + by));
      // No hello came before: a tab that closes must have its token by then.
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

// ---- Sharing.

/** The tabs that show one stream: one leads and streams, the others listen; when it goes, the next one leads. */
function tabs(window, url, share, onLead, onNews) {
  const isAlone = !(share && window.navigator.locks && window.BroadcastChannel);
  const me = window.Math.random();
  const peers = new Set();
  let channel, waiting, release;
  const self = {
    leads: isAlone,
    isLast: () => !peers.size,
    /** Tell the others, who have it from the leading tab alone. */
    send: (news) => self.leads && channel?.postMessage(news),
    join() {
      if (isAlone) return onLead();
      const name = "sse-observe:" + url;
      channel = new window.BroadcastChannel(name);
      channel.onmessage = ({ data: { bye, peer, ...news } }) => {
        peers.delete(bye);
        if (peer && !peers.has(peer)) {
          peers.add(peer);
          channel.postMessage({ peer: me });
        }
        onNews(news);
      };
      channel.postMessage({ peer: me });
      waiting = new AbortController();
      const lead = () =>
        new Promise((done) => {
          release = done;
          self.leads = true;
          onLead();
        });
      window.navigator.locks.request(name, { signal: waiting.signal }, lead).catch(() => {});
    },
    leave() {
      channel?.postMessage({ bye: me });
      channel?.close();
      channel = undefined;
      waiting?.abort();
      release?.();
      self.leads = isAlone;
    },
  };
  return self;
}

// ---- Timers.

/** One timer for all that may be due next; `ring` learns how late it rang. */
function alarm(window, next, ring) {
  let timer;
  let due = Infinity;
  const self = {
    set() {
      const at = next();
      if (at >= due) return;
      due = at;
      window.clearTimeout(timer);
      timer = window.setTimeout(self.ring, Math.max(0, due - window.performance.now()));
    },
    ring() {
      const late = window.performance.now() - due;
      due = Infinity;
      ring(late);
      self.set();
    },
    stop: () => window.clearTimeout(timer),
  };
  return self;
}

// ---- One connection.

/** One connection: when something came over it, and when it is given up. */
class Connection {
  isOpen = false;
  hasEvent = false;
  openedAt;
  payloadAt;
  bestLag;
  abort = () => {};

  constructor(isPoll, at) {
    this.isPoll = isPoll;
    this.heardAt = at;
  }

  /** `whole`: a server that does not know `mode=poll` answers with a stream. */
  open(whole, at) {
    this.isPoll &&= whole;
    this.isOpen = true;
    this.hasEvent = false;
    this.bestLag = undefined;
    this.heardAt = this.openedAt = this.payloadAt = at;
  }

  /** It is lost, and the browser itself connects again. */
  lapse(at) {
    this.isOpen = false;
    this.heardAt = at;
  }

  isHealthy(at) {
    return this.isOpen && this.hasEvent && at - this.openedAt >= 5000;
  }

  /** Two clocks cannot be compared, but what their difference grows by is delay; null for the first. */
  delay(sent, at) {
    const { bestLag } = this;
    const lag = at - sent;
    this.bestLag = Math.min(bestLag ?? lag, lag);
    return bestLag === undefined ? null : lag - bestLag;
  }

  /** Sent seconds apart and arrived together: something in between holds the stream back. */
  isHeldBack(delay, at) {
    return delay < -3000 && at - this.openedAt < 500;
  }

  /** Before the first event a proxy may hold it back; later, silence is a stall. */
  silence(options, heartbeat) {
    return (this.hasEvent && (options.stallTimeout || heartbeat * 2.5)) || 30000;
  }

  deadline(options, heartbeat) {
    return this.heardAt + (this.isOpen ? this.silence(options, heartbeat) : options.connectTimeout);
  }
}

// ---- Trying again.

/** How often a stream has failed, and so when and how it is tried again: by a stream, or by polls. */
class Attempts {
  timeouts = 0;
  retry = 0;
  pollUntil = 0;

  constructor(source, options) {
    this.source = source;
    this.options = options;
  }

  /** An event came; by a poll it does not show that a stream would. */
  worked(isPoll) {
    this.timeouts = 0;
    if (!isPoll) this.pollUntil = 0;
  }

  /** Returns whether it may be tried again. */
  failed(cause, at) {
    const { source, options } = this;
    if (cause === "timeout") this.timeouts++;
    source.attempt++;
    if (options.pollAfter && (source.attempt >= options.pollAfter || this.timeouts > 1)) this.poll(at);
    return !(source.attempt > options.maxRetries);
  }

  pause(wait) {
    const { retryBase, window } = this.options;
    const step = Math.min(30000, retryBase * 2 ** (this.source.attempt - 1));
    return Math.max(step * (0.5 + window.Math.random()), this.retry, wait);
  }

  /** Poll for a while; then a stream is tried. */
  poll(at) {
    this.pollUntil = at + 12 * this.options.pollInterval;
  }

  /** A poll was answered; returns the pause before the next request. */
  polled(at) {
    // After failures the first answer says that the way is free: a stream is tried at once.
    if (this.source.attempt) this.pollUntil = at;
    this.source.attempt = 0;
    return this.pollUntil > at ? this.options.pollInterval : 0;
  }

  neverPoll() {
    this.pollUntil = this.options.pollAfter = 0;
  }
}

// ---- One stream.

const HELLO = "sse.hello";
const HEARTBEATS = ["heartbeat", "ping", "keepalive", "keep-alive"];

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** One stream through all its connections; `source` is what the web page sees of it. */
class Stream {
  // idle, connected, pausing, frozen, closed
  phase = "idle";
  closing = new AbortController();
  connection;
  name;
  heartbeat;
  outcome;
  resumeAt;
  lostAt;
  stalledAt;
  offlineAt;
  wasOpen;
  spared;

  constructor(source, options) {
    const { window, reportTo, reportEvery } = options;
    const { url } = source;
    this.source = source;
    this.options = options;
    this.window = window;
    this.origin = new URL(url).origin;
    this.attempts = new Attempts(source, options);
    this.seen = sequence((lost, announced) => {
      if (!announced) this.report.count("lost", lost);
      this.emit("gap", { lost });
    });
    this.alarm = alarm(window, () => this.nextAt(), (late) => this.tick(late));
    this.tabs = tabs(window, url, options.share, () => this.connect(), (news) => this.hear(news));
    this.report = reporter(window, reportTo && new URL(reportTo, url).href, url, reportEvery, () => this.tabs.leads);
    this.listen();
    this.seen.start(options.storage?.getItem(url) ?? "");
    this.start();
  }

  now() {
    return this.window.performance.now();
  }

  emit(type, more) {
    this.source.dispatchEvent(Object.assign(new Event(type), more));
  }

  message({ type, data, id }) {
    this.source.dispatchEvent(new MessageEvent(type, { data, lastEventId: id, origin: this.origin }));
  }

  show(status = this.connection?.isPoll ? "polling" : "live") {
    const { attempt } = this.source;
    if (status === this.source.status && status !== "reconnecting") return;
    this.source.status = status;
    this.report.add(({ shown }) => (shown[status] = (shown[status] ?? 0) + 1));
    this.tabs.send({ status, attempt });
    this.emit("status", { status, attempt });
  }

  start() {
    this.phase = "idle";
    this.show("connecting");
    this.tabs.join();
  }

  /** Take what the leading tab tells. */
  hear({ frame, status, attempt }) {
    if (frame) this.onFrame(frame);
    if (status === "failed") return this.end(status);
    if (!status) return;
    this.source.attempt = attempt;
    this.show(status);
  }

  // From a request to the last byte of its answer.

  connect() {
    const { attempts } = this;
    const at = this.now();
    const connection = new Connection(at < attempts.pollUntil, at);
    const ours = (act) => (a, b) => connection === this.connection && (act(a, b), this.alarm.set());
    const sink = {
      open: ours((whole) => this.onOpen(whole)),
      alive: ours(() => this.onByte()),
      frame: ours((frame) => this.onFrame(frame)),
      refuse: ours((status, wait) => this.onRefuse(status, wait)),
      retry: ours((ms) => (attempts.retry = ms)),
      end: ours(() => this.lose("end")),
      lapse: ours(() => this.lose("lapse")),
    };
    this.phase = "connected";
    this.connection = connection;
    connection.abort = this.options.transport(this.window, this.request(connection.isPoll), sink);
    this.alarm.set();
  }

  request(isPoll) {
    const { source, options, name } = this;
    const to = new URL(source.url);
    // Before its first event a stream is asked for by its name, from before its start.
    const cursor = this.seen.cursor() || (name && "-1");
    const query = {
      stream_id: cursor === "-1" && name,
      last_event_id: cursor,
      network_type: this.report.network,
      mode: isPoll && "poll",
    };
    for (const key in query) if (query[key]) to.searchParams.set(key, query[key]);
    const headers = { Accept: "text/event-stream", ...options.fetch?.headers };
    // Another origin would have to be asked whether it takes this header.
    if (cursor && this.origin === this.window.origin) headers["Last-Event-ID"] = cursor;
    const init = { cache: "no-store", ...options.fetch, headers };
    if (source.withCredentials) init.credentials = "include";
    const types = ["message", HELLO, ...HEARTBEATS, ...options.terminal, ...options.events];
    return { url: to.href, init, types };
  }

  drop() {
    const { connection } = this;
    this.connection = undefined;
    connection?.abort();
  }

  onOpen(whole) {
    const at = this.now();
    this.connection.open(whole, at);
    this.seen.resume();
    if (this.lostAt) this.report.observe(RECONNECT, at - this.lostAt);
    this.lostAt = 0;
    this.wasOpen = true;
    this.source.readyState = 1;
    this.show();
    this.emit("open");
  }

  onByte() {
    this.connection.heardAt = this.now();
    this.spared = this.offlineAt = 0;
    if (this.source.status === "offline") this.show();
  }

  onFrame(frame) {
    const { source, options } = this;
    const { type, data, id, own } = frame;
    const isDone = options.terminal.includes(type) || options.terminal.includes(data);
    this.tabs.send({ frame });
    if (data !== null) this.onEvent(type, data, isDone);
    if (own && id && !this.seen.isNew(id)) return this.report.count("duplicates");
    if (own) source.lastEventId = id;
    if (isDone) this.end("complete", frame);
    else if (data !== null) this.message(frame);
  }

  /** Take an event of whatever kind; a tab that only listens has no connection. */
  onEvent(type, data, isDone) {
    const { connection, stalledAt } = this;
    if (connection) connection.hasEvent = true;
    this.attempts.worked(connection?.isPoll);
    if (stalledAt) this.report.observe(RECOVERY, this.now() - stalledAt);
    this.stalledAt = 0;
    if (type === HELLO) this.onHello(parse(data));
    else if (HEARTBEATS.includes(type)) this.onStamp(parse(data).t);
    else if (!isDone) {
      this.report.count("events");
      if (connection) connection.payloadAt = this.now();
      if (this.source.status === "waiting") this.show();
    }
  }

  onHello(hello) {
    this.heartbeat = hello.heartbeat_seconds * 1000;
    this.report.accept(hello);
    this.onStamp(hello.server_time);
    if (this.name && this.name !== hello.stream) {
      this.seen.start();
      this.emit("gap", { lost: null });
    }
    this.name = hello.stream;
    this.seen.announce(hello.resumed_from, hello.lost ?? 0);
  }

  onStamp(sent) {
    const { connection } = this;
    if (!sent || !connection) return;
    const at = this.now();
    const delay = connection.delay(sent, at);
    if (delay !== null) this.report.observe(DELAY, Math.max(0, delay));
    if (!connection.isHeldBack(delay, at)) return;
    this.attempts.timeouts = 2;
    this.lose();
  }

  onRefuse(status, wait) {
    const { isPoll } = this.connection;
    const passes = /^(5..|408|425|429)$/.test(status) || (status === 200 && this.wasOpen);
    // A server that cannot poll is not asked to again.
    if (isPoll && !passes) this.attempts.neverPoll();
    if (status === 204) this.end("complete");
    else if (passes || isPoll) this.lose("", wait);
    else this.end("failed");
  }

  // The end of a connection, and of the stream.

  /** Give a connection up; `wait` is how long the server wants to be left alone. */
  lose(cause, wait = 0) {
    const { source, connection, attempts } = this;
    const at = this.now();
    const lapses = cause === "lapse";
    if (connection.isPoll && connection.isOpen && cause === "end") return this.pause(attempts.polled(at), "polling");
    if (!connection.isPoll && attempts.pollUntil) {
      // Between polls a stream was tried, in vain.
      attempts.poll(at);
      return this.pause(0, "polling");
    }
    if (connection.isHealthy(at)) source.attempt = 0;
    if (!lapses) this.drop();
    if (this.wasOpen) this.lostAt ||= at;
    if (!attempts.failed(cause, at)) return this.end("failed");
    source.readyState = 0;
    this.emit("error");
    if (this.phase === "closed") return;
    const isOffline = this.window.navigator.onLine === false;
    const isStall = cause === "stall" && source.attempt < 2;
    const status = isOffline ? "offline" : isStall ? "waiting" : "reconnecting";
    if (!lapses) return this.pause(isOffline ? Infinity : attempts.pause(wait), status);
    connection.lapse(at);
    this.show(status);
  }

  pause(ms, status) {
    this.drop();
    this.phase = "pausing";
    this.resumeAt = this.now() + ms;
    this.show(status);
  }

  hurry() {
    if (this.phase === "pausing") this.connect();
  }

  save() {
    this.options.storage?.setItem(this.source.url, this.seen.cursor());
  }

  conclude(outcome) {
    if (this.outcome || !(this.wasOpen || outcome === "failed")) return;
    this.report.add((delta) => (delta.outcome = this.outcome = outcome));
  }

  /** End it for good: `complete`, `failed`, or because the web page wants no more. */
  end(status, frame) {
    if (this.phase === "closed") return;
    this.drop();
    this.phase = "closed";
    this.source.readyState = 2;
    this.alarm.stop();
    this.closing.abort();
    this.conclude(status === "complete" ? "completed" : (status ?? "cancelled"));
    if (status) this.seen.finish();
    if (frame) this.message(frame);
    if (status === "failed") this.emit("error");
    else if (status) this.seen.start();
    if (status) this.show(status);
    this.save();
    this.tabs.leave();
    this.report.flush(!status);
  }

  // Deadlines.

  deadline() {
    if (this.phase === "pausing") return this.resumeAt;
    return this.connection?.deadline(this.options, this.heartbeat) ?? Infinity;
  }

  waitingAt() {
    const { source, options, connection } = this;
    return connection && source.status === "live" ? connection.payloadAt + options.waitingAfter : Infinity;
  }

  nextAt() {
    return this.phase === "closed" ? Infinity : Math.min(this.report.dueAt, this.deadline(), this.waitingAt());
  }

  tick(late) {
    const at = this.now();
    const { connection, report } = this;
    if (late > 3000 && !this.spared) this.spare(late, at);
    if (report.dueAt <= at) report.flush();
    if (this.deadline() > at) this.waitingAt() <= at && this.show("waiting");
    else if (!connection) this.connect();
    else if (!connection.isOpen || !connection.hasEvent) this.lose("timeout");
    else if (this.spared) this.lose();
    else {
      this.stalledAt = at;
      report.count("stalls");
      this.lose("stall");
    }
  }

  /**
   * So late: the machine slept, or the browser froze the tab. Nothing was heard because nobody
   * listened; a stream that lives has half a stall to show it.
   */
  spare(late, at) {
    const { connection, options, heartbeat } = this;
    this.spared = true;
    if (connection) {
      const grace = connection.isOpen ? connection.silence(options, heartbeat) / 2 : 0;
      connection.heardAt = Math.max(connection.heardAt, at - grace);
      connection.payloadAt += late;
    }
    this.lostAt &&= this.lostAt + late;
    this.stalledAt &&= this.stalledAt + late;
  }

  // The browser and its network.

  listen() {
    const { window, closing } = this;
    const { document } = window;
    const on = (target, type, act) =>
      target?.addEventListener?.(type, () => (act(), this.alarm.set()), { signal: closing.signal });
    on(window, "offline", () => this.onOffline());
    on(window, "online", () => this.onOnline());
    on(window, "pagehide", () => this.freeze());
    on(window, "pageshow", () => this.phase === "frozen" && this.start());
    on(document, "visibilitychange", () => (document.visibilityState === "hidden" ? this.onHidden() : this.onShown()));
  }

  onOffline() {
    this.offlineAt = this.now();
    this.resumeAt = Infinity;
    if (this.phase !== "idle") this.show("offline");
  }

  onOnline() {
    this.report.flush();
    // Without a byte since: a connection seldom survives a change of network.
    if (this.connection?.isOpen && this.offlineAt) this.lose();
    this.lostAt &&= this.now();
    this.hurry();
  }

  onHidden() {
    this.save();
    this.report.flush(true);
  }

  onShown() {
    this.alarm.ring();
    this.hurry();
  }

  /** The tab is left: it may come back from the back-forward cache, or be gone. */
  freeze() {
    if (this.tabs.isLast()) this.conclude("cancelled");
    this.drop();
    this.tabs.leave();
    this.phase = "frozen";
    this.onHidden();
  }
}

// ---- The public face.

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

  constructor(url, given) {
    super();
    const options = { ...DEFAULTS, ...given };
    try {
      this.url = new URL(url, options.window.document?.baseURI).href;
    } catch {
      throw new DOMException(`${url} is not a URL`, "SyntaxError");
    }
    this.withCredentials = !!options.withCredentials;
    for (const type of ["open", "message", "error"]) {
      this["on" + type] = null;
      this.addEventListener(type, (event) => this["on" + type]?.(event));
    }
    const stream = new Stream(this, options);
    this.close = () => stream.end();
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
