// @ts-check
/**
 * An EventSource that recovers: it resumes without loss or repetition, shows what it is doing,
 * and reports what only a browser can see. sse-observe.d.ts explains options and events.
 */

// ---- Connections: from bytes to frames.

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

/**
 * Retry-After in milliseconds: of seconds, or of a date by the server's own clock if it tells its time.
 * @type {(text: string, date: string) => number}
 */
const waitOf = (text, date) =>
  Number(text) * 1000 || Math.max(0, Date.parse(text) - (Date.parse(date) || Date.now())) || 0;

/** @type {import("./sse-observe.js").Transport} */
export function fetchTransport(window, { url, init }, sink) {
  const abort = new AbortController();
  const run = async () => {
    const response = await window.fetch(url, { ...init, signal: abort.signal });
    const { headers, status } = response;
    // 201: a POST that made something, and streams it.
    if ((status !== 200 && status !== 201) || !/^text\/event-stream *(;|$)/i.test(headers.get("content-type"))) {
      abort.abort();
      return sink.refuse(status, waitOf(headers.get("retry-after"), headers.get("date")));
    }
    sink.open(headers.has("content-length"));
    const push = parser(sink.frame, sink.retry);
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let read; !(read = await reader.read()).done; ) {
      sink.alive();
      push(decoder.decode(read.value, { stream: true }));
    }
    sink.end();
  };
  run().catch((error) => sink.end(error));
  return () => abort.abort();
}

// ---- Events: each once, and what is missing.

/** A short name for a long text: FNV-1a, twice. */
const fingerprint = (text) =>
  [1, 2].map((hash) => {
    for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(), 16777619);
    return hash;
  });

/**
 * The sequence of one stream: ids that hello announced by a mark below which nothing is missing,
 * others by the last few, and by what each of them stood for.
 */
function sequence(onGap) {
  let epoch, mark, ahead, last, recent, replaying, blind, first;
  const numbered = (id) => /^(\d{1,15})-(.+)$/s.exec(id) ?? [];
  const giveUp = (last = Math.max(mark, ...ahead), announced) => {
    let lost = 0;
    while (mark < last) if (!ahead.delete(++mark)) lost++;
    if (lost) onGap(lost, announced);
  };
  const start = (cursor = "", isOurs = true) => {
    const [, seq, name] = isOurs ? numbered(cursor) : [];
    [epoch, mark, ahead, last] = [name, +seq, new Set(), cursor];
    recent = new Map([[cursor, null]]);
  };
  return {
    start,
    cursor: () => (epoch ? `${mark}-${epoch}` : last),
    /** `isBlind`: nobody knows whether the server understood where to go on. */
    resume: (isBlind) => ([first, replaying, blind] = [null, true, isBlind]),
    /** The server says what it continues from, and how much of it is gone. */
    announce(from, lost) {
      first = (from ? parseInt(from) + 1 : 0) + lost;
      if (epoch) giveUp(first - 1, true);
      else if (lost) onGap(lost, true);
    },
    /** The stream is over: events that are missing still will not come. */
    finish: () => giveUp(),
    /** An empty id: there is nothing to resume from. */
    forget: () => (epoch = last = ""),
    isNew(id, content) {
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
      const mine = `${fingerprint(content)}`;
      const known = recent.get(id);
      // Several events have this id, so it tells nothing of one of them.
      const isCommon = known === "" || (recent.has(id) && !replaying);
      if (replaying && recent.has(id) && (known ?? mine) === mine) return (blind = false);
      // Its number is taken anew, as by a counter that began again with its process.
      const isAnew = replaying && known;
      if (blind || isAnew) onGap(null, true);
      if (isAnew) recent.clear();
      blind = replaying = false;
      recent.delete(id);
      recent.set((last = id), isCommon ? "" : mine);
      if (recent.size > 256) recent.delete(recent.keys().next().value);
      return true;
    },
  };
}

// ---- Beacon reports.

const RECONNECT = "sse_reconnect_time_seconds";
const RECOVERY = "sse_stall_recovery_seconds";
const DELAY = "sse_event_delay_seconds";

/** Adds up what happened and sends it: once in effect, and late rather than never. */
function reporter({ window, reportTo: url, reportEvery }, stream, leads) {
  const { navigator } = window;
  const network = navigator.connection?.effectiveType ?? "";
  let [n, token, bounds, unsent] = [0, "", {}, []];
  let asked, delta;
  const accept = (hello) => {
    if (!hello.report_token) return;
    // A report is worth what was sent under its tokens.
    if (delta && token) delta.earlier = [...(delta.earlier ?? []), token].slice(-12);
    [token, bounds] = [hello.report_token, hello.bounds ?? {}];
  };
  // Whoever wonders why there are no numbers finds this in the console.
  const giveUp = () => {
    if (url) console.warn(`sse-observe: no beacon_app() at ${url}; set reportTo`);
    url = "";
  };
  const ask = async (to, init) => {
    const answer = await window.fetch(to, init).catch(() => ({}));
    if (/40[45]/.test(answer.status)) giveUp();
    return answer;
  };
  const askToken = async () => {
    if (!url) return;
    const query = new URLSearchParams({ path: new URL(stream).pathname, network_type: network });
    const answer = await ask(new URL("token?" + query, url).href);
    if (!answer.ok) return;
    accept(Object(await answer.json().catch(() => {})));
    // A site that answers everything with its own page.
    if (!token) giveUp();
  };
  // As plain text: another origin need not be asked first.
  const post = async (report, again) => {
    if (!url) return true;
    const { status = 500 } = await ask(url, { method: "POST", body: JSON.stringify(report), keepalive: true });
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
    self.dueAt = Math.min(self.dueAt, window.performance.now() + reportEvery * (0.75 + window.Math.random() / 2));
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
      if (delta && !token && !leaving) {
        // Only one is due to a stream: the one that is on its way.
        await asked;
        if (!token) await askToken();
      }
      const kept = parse(store(""));
      if (Array.isArray(kept)) unsent.push(...kept);
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
  return { counts, sum: values.reduce((a, b) => a + b) };
}

// ---- Sharing.

/** The tabs that show one stream: one leads and streams, the others listen; when it goes, the next one leads. */
function tabs(window, key, share, onLead, onNews) {
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
      channel = new window.BroadcastChannel(key);
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
      window.navigator.locks.request(key, { signal: waiting.signal }, lead).catch(() => {});
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

// A timer that is set for later rings at once.
const LONGEST = 2 ** 31 - 1;

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
      timer = window.setTimeout(self.ring, Math.min(LONGEST, Math.max(0, due - window.performance.now())));
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
function connection(request, isPoll, at, { connectTimeout, firstEventTimeout, stallTimeout }) {
  // An answer that is paid for may take its time.
  const patience = request.isFree ? 1 : Infinity;
  let openedAt, bestLag;
  const self = {
    request,
    isPoll,
    heardAt: at,
    /** `whole`: a server that does not know `mode=poll` answers with a stream. */
    open(whole, at) {
      self.isPoll &&= whole;
      self.isOpen = true;
      self.heardAt = self.payloadAt = openedAt = at;
    },
    isHealthy: (at) => self.hasEvent && at - openedAt >= 5000,
    /** Two clocks cannot be compared, but what their difference grows by is delay; null for the first. */
    delay(sent, at) {
      const best = bestLag;
      const lag = at - sent;
      bestLag = Math.min(best ?? lag, lag);
      return best === undefined ? null : lag - best;
    },
    /** Sent seconds apart and arrived together: something in between holds the stream back. */
    isHeldBack: (delay, at) => delay < -3000 && at - openedAt < 500,
    /** Before the first event a proxy may hold it back; later, silence is a stall. */
    silence: (heartbeat) =>
      self.hasEvent
        ? (stallTimeout ?? (heartbeat * 2.5 || 30000 * patience))
        : (firstEventTimeout ?? Math.max(30000, stallTimeout ?? 0) * patience),
    deadline: (heartbeat) =>
      self.heardAt + (self.isOpen ? self.silence(heartbeat) : (connectTimeout ?? 15000 * patience)),
  };
  return self;
}

// ---- Trying again.

/** How often a stream has failed, and so when and how it is tried again: by a stream, or by polls. */
function attempts(source, options) {
  let timeouts = 0;
  const self = {
    retry: 0,
    pollUntil: 0,
    /** An event came; by a poll it does not show that a stream would. */
    worked(isPoll) {
      timeouts = 0;
      if (!isPoll) self.pollUntil = 0;
    },
    /** Returns whether it may be tried again. */
    failed(timedOut, at) {
      timeouts += timedOut;
      source.attempt++;
      if (options.pollAfter && (source.attempt >= options.pollAfter || timeouts > 1)) self.poll(at);
      return !(source.attempt > options.maxRetries);
    },
    pause(wait) {
      const { retryBase, window } = options;
      const step = Math.min(30000, retryBase * 2 ** (source.attempt - 1));
      // A server may ask for more than our cap, not for a day.
      return Math.max(step * (0.5 + window.Math.random()), Math.min(300000, Math.max(self.retry, wait)));
    },
    /** Poll for a while; then a stream is tried. */
    poll: (at) => (self.pollUntil = at + 12 * options.pollInterval),
    /** A poll was answered; returns the pause before the next request. */
    polled(at) {
      // After failures the first answer says that the way is free: a stream is tried at once.
      if (source.attempt) self.pollUntil = at;
      source.attempt = 0;
      return self.pollUntil > at ? options.pollInterval : 0;
    },
  };
  return self;
}

/** Ask the web page's own code; its mistakes go to the console, and not into the stream. */
function attempt(act, otherwise) {
  try {
    return act();
  } catch (error) {
    if (otherwise) otherwise(error);
    else Promise.reject(error);
  }
}

// ---- What a stream says of itself.

const HELLO = "sse.hello";
const HEARTBEAT = /^(heartbeat|ping|keep-?alive)$/;
const TERMINAL = ["done", "[DONE]"];

// What an event means; several may hold. After WHOLE nothing is missing, after END nothing follows.
// FAULT: a failure, if nothing follows; in a feed the next event may be an hour away.
const [CONTENT, WHOLE, END, STOP, FAULT, FAILURE] = [1, 2, 4, 8, 16, 32];
// By an event's name, or by the `type` in its data.
const MEANINGS = {
  message_stop: END,
  "response.completed": END,
  "response.incomplete": END,
  "response.failed": FAILURE,
  finish: WHOLE,
  abort: STOP,
  error: FAILURE,
  RUN_FINISHED: WHOLE,
  RUN_ERROR: FAILURE,
};

function parse(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

// Healthy servers send `"error": null` and `""` as well.
const isError = (error) => error && /object|string/.test(typeof error);
// What servers send beside an error; anything else may be an answer, with an error in it.
const BESIDE =
  /^(error|type|code|status(_code)?|message|detail|param|(request_)?id|object|created|model|provider|choices|usage)$/;
const isBare = (data, name) =>
  name === "message" && isError(data.error) && Object.keys(data).every((key) => BESIDE.test(key));
const some = (list, claim) => Array.isArray(list) && list.some((one) => claim(Object(one)));
const isText = ([key, value]) => key !== "role" && value && value.length !== 0;

const anything = (_, name) => (name === "error" ? FAULT : CONTENT);

/** Protocols: whether a first event is one of them, and what each event means; both by data and name. */
const PROTOCOLS = [
  // MCP: an error is an answer too.
  [
    (data) => data.jsonrpc,
    (data) => CONTENT | ("id" in data && ("result" in data || "error" in data) && WHOLE),
  ],
  // AI SDK, AG-UI
  [
    ({ type }) => /^(start|RUN_STARTED)$/.test(type),
    ({ type, outcome }) =>
      (outcome?.type === "cancelled" && STOP) || (MEANINGS[type] ?? !/^(start|finish)-step|-(start|end)$/.test(type)),
  ],
  // OpenAI Responses, Anthropic
  [
    (data, name) =>
      /^(response\.created|message_start)$/.test(name) || (/^response\./.test(name) && "sequence_number" in data),
    (_, name) => MEANINGS[name] ?? /(k_|\.)delta$/.test(name),
  ],
  // Gemini
  [
    ({ candidates, promptFeedback }) => candidates || promptFeedback,
    ({ candidates, promptFeedback, error }) =>
      (some(candidates, (one) => one.content) ? CONTENT : isError(error) && FAILURE) |
      ((some(candidates, (one) => one.finishReason) || promptFeedback?.blockReason) && WHOLE),
  ],
  // Chat completions, and everything compatible with them
  [
    ({ choices }) => Array.isArray(choices),
    ({ choices, error }) => {
      const brings = some(choices, ({ text, delta }) => text || Object.entries(Object(delta)).some(isText));
      if (!brings && isError(error)) return FAILURE;
      return (brings && CONTENT) | (some(choices, (one) => one.finish_reason) && WHOLE);
    },
  ],
  // An error says that a stream failed, and not what it would have spoken: the next event is asked.
  [(data, name) => !isBare(data, name), anything],
];

/** Whether an event is one of those that a web page names, or says yes to. */
const isAmong = (said, frame) =>
  typeof said === "function"
    ? attempt(() => said(frame))
    : said.includes(frame.type) || (frame.data[0] === "[" && said.includes(frame.data));

/** Return what says of each event of one stream what it means. */
function meanings({ terminal, failure }) {
  let read;
  return (frame) => {
    const { type, data } = frame;
    const json = read === anything ? {} : parse(data);
    if (data) read ??= PROTOCOLS.find(([shows]) => shows(json, type))?.[1];
    let meaning = data && (read ? read(json, type) : FAILURE);
    if (type === "error" && meaning !== FAULT) meaning = FAILURE;
    if (isAmong(TERMINAL, frame)) meaning = END;
    if (terminal) meaning = isAmong(terminal, frame) ? END : meaning & (CONTENT | FAULT | FAILURE);
    if (failure) meaning = isAmong(failure, frame) ? FAILURE : meaning & ~(FAULT | FAILURE);
    return meaning;
  };
}

// ---- Requests.

/** What relative URLs are relative to: a worker has no document. */
const baseOf = ({ document, location }) => document?.baseURI ?? location?.href;

/** Add fields to a URL's query, and leave the rest of it as it is spelled. */
function withQuery(url, fields) {
  for (const name in fields)
    if (fields[name]) {
      const key = encodeURIComponent(name);
      url = url.replace(RegExp(`([?&])${key.replace(/\W/g, "\\$&")}=[^&]*&?`), "$1").replace(/[?&]$/, "");
      url += `${url.includes("?") ? "&" : "?"}${key}=${encodeURIComponent(fields[name])}`;
    }
  return url;
}

/** The requests of one stream: a GET as often as it takes; anything else has effects, and is sent once. */
function requests({ url, withCredentials }, options) {
  const { fetch: base, idempotencyKey, resume, window, cursorParameter } = options;
  const { body = "", headers } = base ?? {};
  const isAsked = typeof headers === "function";
  const isForeign = new URL(url).origin !== window.origin;
  // What can never be sent is refused now, and not tried again and again.
  const sample = new Request(url, { ...base, body: body ? "text" : null, headers: isAsked ? {} : headers });
  const isSafe = /^(GET|HEAD)$/.test(sample.method);
  const all = [url, sample.method, body, [...sample.headers], sample.credentials, withCredentials];
  let wasSent;
  const self = {
    isSafe,
    /** The stream's, as hello says it. */
    name: "",
    /** Another origin refused the header that resumes. */
    isBlind: false,
    /** The headers, where the web page is asked for them before each request. */
    headers: isAsked && headers,
    // Neither what is no text nor what is asked for later can be compared: then there is no key, and
    // nothing is shared or kept.
    key: typeof body === "string" && !isAsked && "sse-observe:" + fingerprint(JSON.stringify(all)),
    /** Whether a connection that is lost may be followed by another. */
    mayFollow: () => isSafe || self.name || idempotencyKey || resume,
    /** It was refused before it did anything. */
    refused: () => (wasSent = false),
    /**
     * Return the next one, or nothing; `cursor` is the last event that was seen. Throws what
     * `fetch` would throw for a request that can never be sent.
     */
    next(cursor, network, isPoll) {
      const { name, isBlind } = self;
      const isLater = wasSent || name || cursor;
      let own = isLater && resume && attempt(() => resume(name, cursor));
      if (own && !own.url) own = new Request(new URL(own, baseOf(window) ?? url)).url;
      const resumes = isSafe || name || own;
      if (isLater && !resumes && !idempotencyKey) return;
      wasSent = true;
      const init = { cache: "no-store", ...base };
      if (withCredentials) init.credentials = "include";
      if (resumes && !isSafe) {
        delete init.method;
        delete init.body;
      }
      // Before its first event a stream is asked for by its name, from before its start.
      const from = cursor || (name && "-1");
      // Another origin has to allow the header. A query is understood after a hello, or as the web page says.
      const inQuery = cursorParameter ?? (name && "last_event_id");
      const isUnsure = from && isForeign && !inQuery;
      const query = {
        stream_id: (!isSafe || from === "-1") && name,
        [inQuery]: inQuery && from,
        network_type: name && network,
        mode: isPoll && "poll",
      };
      /** Give it the web page's headers, and ours. */
      const dress = (given) => {
        init.headers = new Headers(given);
        const set = (field, value) => value && init.headers.set(field, value);
        if (!init.headers.has("Accept")) set("Accept", "text/event-stream");
        if (resumes && !isSafe) init.headers.delete("Content-Type");
        set("Idempotency-Key", idempotencyKey);
        if (!isForeign) set("ECT", network);
        // A header holds bytes: those of UTF-8.
        if (from && !(isForeign && (inQuery || isBlind)))
          set("Last-Event-ID", unescape(encodeURIComponent(from)));
      };
      dress(isAsked ? {} : headers);
      return {
        url: own || withQuery(url.split("#")[0], query),
        init: own?.headers ? {} : init,
        dress,
        /** It has no effects. */
        isFree: resumes,
        isProbe: isUnsure && !isBlind,
        isBlind: isUnsure && isBlind,
      };
    },
  };
  return self;
}

// ---- One stream.

/** One stream through all its connections; `source` is what the web page sees of it. Returns what stops it. */
function stream(source, options) {
  const { window, transport, waitingAfter } = options;
  const { document, navigator } = window;
  const { url } = source;
  const { origin } = new URL(url);
  const closing = new AbortController();
  const asking = requests(source, options);
  const { isSafe, key } = asking;
  // One question, one answer: it is not polled, and two tabs that ask the same want two answers.
  if (!isSafe) options.pollAfter = 0;
  const storage = key ? options.storage : null;
  const meaningOf = meanings(options);
  const tries = attempts(source, options);
  const seen = sequence((lost, isAnnounced) => {
    if (!isAnnounced) report.count("lost", lost);
    gap(lost);
  });
  const timer = alarm(window, () => nextAt(), (late) => tick(late));
  const shared = tabs(window, key, options.share && isSafe && key, () => connect(), (news) => hear(news));
  const report = reporter(options, url, () => shared.leads);
  /** idle, connected, pausing, frozen, closed */
  let phase;
  /** Whether new headers were asked for since the last answer that was one. */
  let isRefreshed;
  let live, heartbeat, outcome, resumeAt, lostAt, stalledAt, offlineAt, wasOpen, wasShown, hasGap, spared;
  /** The outcome, if it ended now. */
  let whole;
  /** What it fails with, as the stream said, unless something follows; and until when that may. */
  let fault;
  let faultUntil = Infinity;
  /** What was shown of an answer without ids, and how much of that has come again. */
  const shown = [];
  let repeated;

  const now = () => window.performance.now();
  const emit = (type, more) => source.dispatchEvent(Object.assign(new Event(type), more));
  const message = ({ type, data }) => {
    hasGap ||= type === "gap";
    source.dispatchEvent(new MessageEvent(type, { data, lastEventId: source.lastEventId, origin }));
  };
  /** By its short name too, unless the stream uses that itself. */
  const gap = (lost) => ["sse.gap", !hasGap && "gap"].forEach((name) => name && emit(name, { lost }));
  const show = (status = live?.isPoll ? "polling" : "live", why) => {
    const { attempt } = source;
    if (status === source.status && status !== "reconnecting") return;
    source.status = status;
    report.add(({ shown }) => (shown[status] = (shown[status] ?? 0) + 1));
    const news = { status, attempt, ...why };
    shared.send({ news });
    emit("sse.status", news);
  };

  const start = () => {
    phase = "idle";
    show("connecting");
    shared.join();
  };

  /** Take what the leading tab tells. */
  const hear = ({ frame, news }) => {
    if (frame) onFrame(frame);
    if (!news) return;
    const { status, attempt, ...why } = news;
    if (/complete|failed/.test(status)) return end(status, why);
    source.attempt = attempt;
    show(status);
  };

  // From a request to the last byte of its answer.

  const refuseToSend = (error) => {
    console.error("sse-observe: this can never be sent:", error);
    fail("request");
  };

  /** `refused` is the status that said that the headers of the last request were too old. */
  const connect = (refused) => {
    const at = now();
    const isPoll = at < tries.pollUntil;
    const request = attempt(() => asking.next(seen.cursor(), report.network, isPoll), refuseToSend);
    if (phase === "closed") return;
    if (!request) return fail("interrupted");
    const begun = connection(request, isPoll, at, options);
    const ours = (act) => (a, b) => begun === live && (act(a, b), timer.set());
    phase = "connected";
    live = begun;
    repeated = 0;
    const sink = {
      open: ours(onOpen),
      alive: ours(onByte),
      frame: ours(onFrame),
      refuse: ours(onRefuse),
      retry: ours((ms) => (tries.retry = ms)),
      end: ours((error) => lose(error ? "cut" : "end")),
    };
    const send = () => (begun.abort = transport(window, request, sink));
    const dressed = ours((given) => {
      attempt(() => request.dress(given), refuseToSend);
      if (begun === live) send();
    });
    // Where a token is to be had may be as hard to reach as the stream.
    const bare = ours((error) => {
      console.warn("sse-observe: headers() failed:", error);
      isSafe ? lose() : fail("request");
    });
    if (asking.headers) (async () => asking.headers(refused))().then(dressed, bare);
    else send();
    timer.set();
  };

  const drop = () => {
    const { abort } = live ?? {};
    live = undefined;
    abort?.();
  };

  const onOpen = (isWhole) => {
    const at = now();
    live.open(isWhole, at);
    seen.resume(live.request.isBlind);
    // Events without ids: nobody knows how many were missed, or whether they begin anew.
    if (wasShown && isSafe && !seen.cursor()) gap(null);
    if (lostAt) report.observe(RECONNECT, at - lostAt);
    lostAt = 0;
    wasOpen = true;
    isRefreshed = false;
    source.readyState = 1;
    show();
    emit("open");
  };

  const onByte = () => {
    live.heardAt = now();
    spared = offlineAt = 0;
    if (source.status === "offline") show();
  };

  /** Take an event; a tab that only listens has no connection. */
  const onFrame = (frame) => {
    const { type, data, id, own } = frame;
    const isQuiet = type === HELLO || HEARTBEAT.test(type);
    shared.send({ frame });
    const meaning = data !== null && onEvent(frame, isQuiet);
    if (own && !id) seen.forget();
    if (own && id && !seen.isNew(id, type + data)) return report.count("duplicates");
    if (own) source.lastEventId = id;
    if (data === null || phase === "closed") return;
    if (!isQuiet && isRepeated(type + data)) return;
    if (meaning & CONTENT) {
      whole = fault = undefined;
      faultUntil = Infinity;
    }
    if (meaning & WHOLE) whole = "completed";
    if (meaning & STOP) whole = "cancelled";
    if (meaning & (FAULT | FAILURE)) fault = { reason: "error_event", data };
    if (meaning & FAILURE || (meaning & FAULT && !isSafe)) faultUntil = now() + 1000;
    meaning & END ? finish(frame) : message(frame);
  };

  /** Take an event of whatever kind, and return what it means. */
  const onEvent = (frame, isQuiet) => {
    const { type, data } = frame;
    if (live) live.hasEvent = true;
    tries.worked(live?.isPoll);
    if (stalledAt) report.observe(RECOVERY, now() - stalledAt);
    stalledAt = 0;
    if (type === HELLO) return onHello(parse(data));
    if (isQuiet) return onStamp(parse(data).t);
    const meaning = meaningOf(frame);
    if (meaning & END) return meaning;
    wasShown = true;
    report.count("events");
    if (live) live.payloadAt = now();
    if (source.status === "waiting") show();
    return meaning;
  };

  /**
   * An answer that is asked for again, and has no ids, is compared with what was shown of it: as
   * far as it is the same it is not shown twice, and where it differs it is another answer.
   */
  const isRepeated = (event) => {
    if (isSafe || seen.cursor() || !asking.mayFollow()) return;
    const before = shown[repeated];
    shown[repeated++] = event;
    if (before === event) report.count("duplicates");
    else if (before !== undefined) fail("interrupted");
    return before !== undefined;
  };

  const onHello = (hello) => {
    heartbeat = hello.heartbeat_seconds * 1000;
    report.accept(hello);
    onStamp(hello.server_time);
    if (asking.name && asking.name !== hello.stream) {
      // Another answer is none to this question.
      if (!isSafe) return fail("interrupted");
      seen.start();
      wasShown = false;
      gap(null);
    }
    asking.name = hello.stream;
    seen.announce(hello.resumed_from, hello.lost ?? 0);
  };

  const onStamp = (sent) => {
    if (!sent || !live) return;
    const at = now();
    const delay = live.delay(sent, at);
    if (delay !== null) report.observe(DELAY, Math.max(0, delay));
    if (!options.pollAfter || !live.isHeldBack(delay, at)) return;
    tries.poll(at);
    lose();
  };

  const onRefuse = (httpStatus, wait) => {
    const { isPoll } = live;
    // A feed's own URL that answers with a page: an apology of some proxy.
    const passes = /^(5..|408|42[59])$/.test(httpStatus) || (wasOpen && isSafe && httpStatus === 200);
    // A server that cannot poll is not asked to again.
    if (isPoll && !passes) tries.pollUntil = options.pollAfter = 0;
    if (httpStatus === 401 && asking.headers && !isRefreshed) {
      isRefreshed = true;
      asking.refused();
      drop();
      connect(401);
    } else if (httpStatus === 204) end("complete");
    else if (isPoll || (passes && (live.request.isFree || options.idempotencyKey))) lose("", wait);
    else fail(wasOpen && !isSafe ? "interrupted" : "refused", httpStatus);
  };

  // The end of a connection, and of the stream.

  /** Give a connection up; `wait` is how long the server wants to be left alone. */
  const lose = (cause, wait = 0) => {
    const at = now();
    const { isOpen, isPoll, request } = live;
    const isOver = isOpen && cause === "end";
    // An answer that ends in order is whole; a GET may be a feed, which goes on.
    if (whole || fault || (isOver && !isSafe)) return finish();
    if (!asking.mayFollow()) return fail("interrupted");
    // Was it the header, which another origin has to allow? Then it is free without.
    asking.isBlind = request.isProbe && !isOpen && cause === "cut";
    if (asking.isBlind) return connect();
    if (isPoll && isOver) return pause(tries.polled(at), "polling");
    if (!isPoll && tries.pollUntil) {
      // Between polls a stream was tried, in vain.
      tries.poll(at);
      return pause(0, "polling");
    }
    if (live.isHealthy(at)) source.attempt = 0;
    drop();
    if (wasOpen) lostAt ||= at;
    if (!tries.failed(cause === "timeout", at)) return fail("retries");
    source.readyState = 0;
    // A web page that gives it up now has lost it, unless this was its end.
    whole = isOver ? "completed" : "failed";
    emit("error");
    whole = undefined;
    if (phase === "closed") return;
    if (navigator.onLine === false) pause(Infinity, "offline");
    else pause(tries.pause(wait), cause === "stall" && source.attempt < 2 ? "waiting" : "reconnecting");
  };

  const pause = (ms, status) => {
    drop();
    phase = "pausing";
    resumeAt = now() + ms;
    show(status);
  };

  const hurry = () => phase === "pausing" && connect();
  const save = () => attempt(() => storage?.setItem(key, `${seen.cursor() ?? ""}\n${asking.name ?? ""}`));

  const conclude = (status) => {
    const found = fault ? "failed" : (whole ?? status);
    if (outcome || !(wasOpen || found === "failed")) return;
    report.add((delta) => (delta.outcome = outcome = found));
  };

  /** It ends by itself: well, unless it has said that it failed. */
  const finish = (frame) => end(fault ? "failed" : "complete", fault, frame);

  const fail = (reason, httpStatus) => end("failed", { reason, httpStatus });

  /** End it for good: `complete`, `failed`, or because the web page wants no more. */
  const end = (status, why, frame) => {
    if (phase === "closed") return;
    drop();
    phase = "closed";
    source.readyState = 2;
    timer.stop();
    closing.abort();
    conclude(status === "complete" ? "completed" : (status ?? "cancelled"));
    if (status) seen.finish();
    if (frame) message(frame);
    if (status === "failed") emit("error", why);
    else if (status) {
      seen.start();
      asking.name = "";
    }
    if (status) show(status, why);
    save();
    shared.leave();
    report.flush(!status);
  };

  // Deadlines.

  const deadline = () =>
    phase === "pausing" ? resumeAt : Math.min(faultUntil, live?.deadline(heartbeat) ?? Infinity);
  const waitingAt = () => (live && source.status === "live" ? live.payloadAt + waitingAfter : Infinity);
  const nextAt = () => (phase === "closed" ? Infinity : Math.min(report.dueAt, deadline(), waitingAt()));

  const tick = (late) => {
    const at = now();
    if (late > 3000 && !spared) spare(late, at);
    if (report.dueAt <= at) report.flush();
    if (deadline() > at) waitingAt() <= at && show("waiting");
    else if (faultUntil <= at) finish();
    else if (!live) connect();
    else if (!live.hasEvent) lose("timeout");
    else if (spared) lose();
    else {
      stalledAt = at;
      report.count("stalls");
      lose("stall");
    }
  };

  /**
   * So late: the machine slept, or the browser froze the tab. Nothing was heard because nobody
   * listened; a stream that lives has half a stall to show it.
   */
  const spare = (late, at) => {
    spared = true;
    if (live) {
      live.heardAt = Math.max(live.heardAt, at - (live.isOpen ? live.silence(heartbeat) / 2 : 0));
      live.payloadAt += late;
    }
    lostAt &&= lostAt + late;
    stalledAt &&= stalledAt + late;
  };

  // The browser and its network.

  const onHidden = () => {
    save();
    report.flush(true);
  };

  const on = (target, type, act) =>
    target?.addEventListener?.(type, () => (act(), timer.set()), { signal: closing.signal });
  on(window, "offline", () => {
    offlineAt = now();
    resumeAt = Infinity;
    if (phase !== "idle") show("offline");
  });
  on(window, "online", () => {
    report.flush();
    // Without a byte since: a connection seldom survives a change of network.
    if (live?.isOpen && offlineAt && asking.mayFollow()) lose();
    lostAt &&= now();
    hurry();
  });
  // The tab is left: it may come back from the back-forward cache, or be gone.
  on(window, "pagehide", () => {
    if (shared.isLast()) conclude("cancelled");
    drop();
    shared.leave();
    phase = "frozen";
    onHidden();
  });
  on(window, "pageshow", () => phase === "frozen" && (whole || fault ? finish() : start()));
  on(document, "visibilitychange", () => {
    if (document.visibilityState === "hidden") return onHidden();
    timer.ring();
    // A look at the tab hurries a GET, and sends nothing else.
    if (isSafe) hurry();
  });

  const [cursor, name] = (storage?.getItem(key) ?? "").split("\n");
  // Without its name an answer that was cut cannot go on: the next one is another.
  seen.start(isSafe || name ? cursor : "", !!name);
  asking.name = name;
  start();
  return () => end();
}

// ---- The public face.

// Where `beacon_app()` serves it, reports go beside it; from an application's own bundle, to where the
// README mounts that. In a variable: bundlers take a URL that is made of it at once for a file to copy.
const HERE = import.meta.url;
const DEFAULTS = {
  waitingAfter: 5000,
  retryBase: 1000,
  pollAfter: 5,
  pollInterval: 5000,
  reportTo: /^http.*\/sse-observe\.js(\?|$)/.test(HERE) ? HERE.replace(/sse-observe\.js.*/, "deltas") : "/sse/deltas",
  reportEvery: 60000,
  transport: fetchTransport,
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
    const options = { ...given };
    for (const name in DEFAULTS) options[name] ??= DEFAULTS[name];
    const base = baseOf(options.window);
    try {
      this.url = new URL(url, base).href;
    } catch {
      throw new DOMException(`${url} is not a URL`, "SyntaxError");
    }
    if (options.reportTo) options.reportTo = new URL(options.reportTo, base ?? this.url).href;
    this.withCredentials = !!options.withCredentials;
    for (const type of ["open", "message", "error"]) {
      this["on" + type] = null;
      this.addEventListener(type, (event) => this["on" + type]?.(event));
    }
    this.close = stream(this, options);
  }

  bindStatus(element, texts) {
    const all = { ...TEXTS, ...texts };
    const show = () => {
      element.dataset.status = this.status;
      element.textContent = all[this.status].replace("{attempt}", this.attempt);
    };
    element.setAttribute("aria-live", "polite");
    this.addEventListener("sse.status", show);
    show();
    return () => this.removeEventListener("sse.status", show);
  }
}
["CONNECTING", "OPEN", "CLOSED"].forEach((name, value) => {
  ResilientEventSource[name] = ResilientEventSource.prototype[name] = value;
});
