// @ts-check
/**
 * An EventSource that recovers: it resumes without loss or repetition, shows what it is doing,
 * and reports what only a browser can see. sse-observe.d.ts explains options and events.
 *
 * Names that begin with an underscore are members of this module's own objects: the build shortens them.
 */

// ---- Connections: from bytes to frames.

/** Reads event streams by the WHATWG rules. @type {typeof import("./sse-observe.js").parser} */
export const parser = (onFrame, onRetry) => {
  let rest = "";
  let data = "";
  let type = "";
  let id = "";
  let own = false;
  let afterCR = false;
  const read = (line) => {
    const [, field, value] = /([^:]*):? ?(.*)/s.exec(line);
    if (!line) {
      // Without data it is no event, but its id counts all the same.
      if (data || own) onFrame({ type: type || "message", data: data ? data.slice(0, -1) : null, id, own });
      data = type = "";
      own = false;
    } else if (field === "data") data += value + "\n";
    else if (field === "event") type = value;
    else if (field === "retry" && /^\d+$/.test(value)) onRetry(+value);
    else if (field === "id" && !value.includes("\0")) {
      id = value;
      own = true;
    }
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
export const fetchTransport = (window, { url, init }, sink) => {
  const abort = new AbortController();
  (async () => {
    const response = await window.fetch(url, { ...init, signal: abort.signal });
    const { headers, status } = response;
    // 201: a POST that made something, and streams it.
    if (!/^20[01]text\/event-stream *(;|$)/i.test(status + headers.get("content-type"))) {
      abort.abort();
      /** @type {any} */
      const after = headers.get("retry-after");
      // In seconds, or a date by the server's own clock, if it tells its time.
      const ahead = Date.parse(after) - (Date.parse(headers.get("date")) || Date.now());
      return sink.refuse(status, after * 1000 || ahead || 0);
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
  })().catch(sink.end);
  return () => abort.abort();
}

// ---- Events: each once, and what is missing.

/** A short name for a long text: two polynomials of its letters. */
const fingerprint = (text) =>
  [31, 37].map((base) => {
    let hash = 0;
    for (const letter of text) hash = (hash * base + letter.codePointAt()) | 0;
    return hash;
  });

/**
 * The sequence of one stream: ids that hello announced by a mark below which nothing is missing,
 * others by the last few, and by what each of them stood for.
 */
const sequence = (onGap) => {
  let epoch, mark, ahead, last, recent, replaying, blind, first;
  const numbered = (id) => /^(\d{1,15})-(.+)$/s.exec(id) ?? [];
  const giveUp = (last = Math.max(...ahead), announced) => {
    // Not one by one: a server may name any number.
    let lost = last > mark ? last - mark : 0;
    mark += lost;
    for (const seq of ahead) if (seq <= mark) lost -= ahead.delete(seq);
    if (lost) onGap(lost, !announced);
  };
  const start = (cursor = "", isOurs) => {
    const [, seq, name] = isOurs ? numbered(cursor) : [];
    epoch = name;
    mark = +seq;
    ahead = new Set();
    last = cursor;
    recent = new Map([[cursor, null]]);
  };
  return {
    _start: start,
    _cursor: () => (epoch ? `${mark}-${epoch}` : last),
    /** `isBlind`: nobody knows whether the server understood where to go on. */
    _resume(isBlind) {
      first = null;
      replaying = true;
      blind = isBlind;
    },
    /** The server says what it continues from, and how much of it is gone. */
    _announce(from, lost = 0) {
      first = parseInt(from || -1) + 1 + lost;
      if (epoch) giveUp(first - 1, true);
      else if (lost) onGap(lost);
    },
    /** The stream is over: events that are missing still will not come. */
    _finish: giveUp,
    _isNew(id, content) {
      // An empty one: there is nothing to resume from.
      if (!id) {
        epoch = last = "";
        return true;
      }
      const [, seq, name] = numbered(id);
      if (name !== epoch && +seq === first) {
        if (epoch) onGap(null);
        start(id, true);
        mark--;
      }
      if (name && name === epoch) {
        if (seq <= mark || ahead.has(+seq)) return false;
        ahead.add(+seq);
        while (ahead.delete(mark + 1)) mark++;
        if (ahead.size > 64) giveUp();
        return true;
      }
      let mine = `${fingerprint(content)}`;
      const known = recent.get(id);
      if (replaying && (known === null || known === mine)) return (blind = false);
      // Its number is taken anew, as by a counter that began again with its process.
      const isAnew = replaying && known;
      if (blind || isAnew) onGap(null);
      if (isAnew) recent.clear();
      // Several events have this id, so it tells nothing of one of them.
      else if (recent.delete(id)) mine = "";
      blind = replaying = false;
      recent.set((last = id), mine);
      const [[oldest]] = recent;
      if (recent.size > 256) recent.delete(oldest);
      return true;
    },
  };
}

// ---- Beacon reports.

/** A list with one more at its end; the oldest go. */
const keep = (list, one, most) => [...(list ?? []), one].slice(-most);

/** Adds up what happened and sends it: once in effect, and late rather than never. */
const reporter = ({ window, reportTo: url, reportEvery }, stream, leads) => {
  const navigator = window.navigator;
  let token, bounds, asked, delta;
  let n = 0;
  let unsent = [];
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
    const query = { path: new URL(stream).pathname, network_type: self._network };
    const answer = await ask(withQuery(new URL("token", url).href, query));
    if (!answer.ok) return;
    self._accept(Object(await answer.json().catch(() => {})));
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
  // Storage may be forbidden to this web page: then what cannot be sent is kept while it lives.
  const store = (text) => {
    try {
      const kept = window.localStorage["sse-unsent"];
      window.localStorage["sse-unsent"] = text;
      return kept || "[]";
    } catch {}
  };
  const self = {
    _network: navigator.connection?.effectiveType,
    _accept(hello) {
      if (!hello.report_token) return;
      // A report is worth what was sent under its tokens.
      if (delta && token) delta.earlier = keep(delta.earlier, token, 12);
      token = hello.report_token;
      bounds = hello.bounds;
    },
    /** Without a change, it says that the client is there. */
    _add(change) {
      if (!url || !leads()) return;
      delta ??= { shown: {}, samples: {} };
      change?.(delta);
      self._dueAt ??= window.performance.now() + reportEvery * (0.5 + window.Math.random() / 2);
    },
    _count(what, by = 1) {
      self._add((delta) => (delta[what] = (delta[what] ?? 0) + by));
      // No hello came before: a tab that closes must have its token by then.
      if (!token) asked ??= askToken();
    },
    _observe: (what, ms) => self._add(({ samples }) => (samples[what] = keep(samples[what], ms / 1000, 500))),
    /** Send what there is; `leaving`: there may be no later. */
    async _flush(leaving) {
      self._dueAt = undefined;
      if (!url) return;
      if (delta && !token && !leaving) {
        // Only one is due to a stream: the one that is on its way.
        await asked;
        if (!token) await askToken();
      }
      unsent.push(...Object.values(parse(store(""))));
      if (delta && token) {
        const { samples, ...report } = delta;
        for (const what in samples) report[what] = bin(samples[what], bounds?.[what]);
        unsent.push({ ...report, token, n: ++n });
        delta = null;
      }
      const send = leaving ? beacon : post;
      for (const report of unsent.splice(0, 8)) if (!(await send(report))) unsent.push(report);
      if (unsent[0] && store(JSON.stringify(unsent))) unsent = [];
    },
  };
  return self;
}

const bin = (values, bounds) => {
  // A hello may be anybody's.
  if (!bounds?.map) return;
  const counts = [...bounds, 0].fill(0);
  let sum = 0;
  for (const value of values) {
    counts[bounds.filter((bound) => bound < value).length]++;
    sum += value;
  }
  return { counts, sum };
}

// ---- Sharing.

/** The tabs that show one stream: one leads and streams, the others listen; when it goes, the next one leads. */
const tabs = (window, key, share, onLead, onNews) => {
  const isAlone = !(share && window.navigator.locks && window.BroadcastChannel);
  const me = window.Math.random();
  const peers = new Set();
  let channel, waiting, release;
  const self = {
    _leads: isAlone,
    _isLast: () => !peers.size,
    /** Tell the others, who have it from the leading tab alone. */
    _send: (news) => self._leads && channel?.postMessage(news),
    _join() {
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
          self._leads = true;
          onLead();
        });
      window.navigator.locks.request(key, { signal: waiting.signal }, lead).catch(() => {});
    },
    _leave() {
      channel?.postMessage({ bye: me });
      channel?.close();
      channel = null;
      waiting?.abort();
      release?.();
      self._leads = isAlone;
    },
  };
  return self;
}

// ---- Timers.

/** One timer for all that may be due next; `ring` learns how late it rang. */
const alarm = (window, next, ring) => {
  let timer;
  let due = Infinity;
  const self = {
    _set() {
      const at = next();
      if (at >= due) return;
      due = at;
      window.clearTimeout(timer);
      // One that is set for later than 2 ** 31 rings at once.
      timer = window.setTimeout(self._ring, Math.min(1e9, due - window.performance.now()));
    },
    _ring() {
      const late = window.performance.now() - due;
      due = Infinity;
      ring(late);
      self._set();
    },
    _stop() {
      window.clearTimeout(timer);
    },
  };
  return self;
}

// ---- One connection.

/** One connection: when something came over it, and when it is given up. */
const connection = (request, isPoll, at, { connectTimeout, firstEventTimeout, stallTimeout }) => {
  // An answer that is paid for may take its time.
  const factor = request._isFree ? 1 : Infinity;
  const self = {
    ...request,
    _isPoll: isPoll,
    _heardAt: at,
    /** How much has come of an answer that was shown already. */
    _repeated: 0,
    /** How long it may be silent. Before the first event a proxy may hold it back; later it is a stall. */
    _patience(heartbeat) {
      if (!self._openedAt) return connectTimeout ?? 15000 * factor;
      if (self._hasEvent) return stallTimeout ?? (heartbeat * 2.5 || 30000 * factor);
      return firstEventTimeout ?? Math.max(30000, stallTimeout ?? 0) * factor;
    },
  };
  return self;
}

// ---- Trying again.

/** How often a stream has failed, and so when and how it is tried again: by a stream, or by polls. */
const attempts = (source, options) => {
  let timeouts = 0;
  const self = {
    _retry: 0,
    _pollUntil: 0,
    /** An event came; by a poll it does not show that a stream would. */
    _worked(isPoll) {
      timeouts = 0;
      if (!isPoll) self._pollUntil = 0;
    },
    /** Returns whether it may be tried again. */
    _failed(timedOut, at) {
      timeouts += timedOut;
      source.attempt++;
      if (options.pollAfter && (source.attempt >= options.pollAfter || timeouts > 1)) self._poll(at);
      return !(source.attempt > options.maxRetries);
    },
    _pause(wait) {
      const step = Math.min(30000, options.retryBase * 2 ** (source.attempt - 1));
      // A server may ask for more than our cap, not for a day.
      return Math.max(step * (0.5 + options.window.Math.random()), Math.min(300000, Math.max(self._retry, wait ?? 0)));
    },
    /** Poll for a while; then a stream is tried. */
    _poll: (at) => (self._pollUntil = at + 12 * options.pollInterval),
    /** A poll was answered, or between polls a stream was tried, in vain; returns the pause that follows. */
    _polled(at, isPoll) {
      if (isPoll && !source.attempt && self._pollUntil > at) return options.pollInterval;
      // After failures the first answer says that the way is free: a stream is tried at once.
      if (isPoll) self._pollUntil = at;
      else self._poll(at);
      return (source.attempt = 0);
    },
  };
  return self;
}

/**
 * Ask the web page's own code; its mistakes go to the console, and not into the stream.
 * @type {(act: () => any, otherwise?: (error: any) => any) => any}
 */
const attempt = (act, otherwise = (error) => Promise.reject(error)) => {
  try {
    return act();
  } catch (error) {
    otherwise(error);
  }
}

// ---- What a stream says of itself.


// What an event means; several may hold. After WHOLE nothing is missing, after END nothing follows.
// FAULT: a failure, if nothing follows; in a feed the next event may be an hour away.
const CONTENT = 1;
const WHOLE = 2;
const END = 4;
const STOP = 8;
const FAULT = 16;
const FAILURE = 32;
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

const parse = (text) => {
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
      (outcome?.type === "cancelled" && STOP) || (MEANINGS[type] ?? !/-(step|start|end)$/.test(type)),
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
    ({ choices }) => choices?.some,
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
    : said.some((name) => name === (name[0] === "[" ? frame.data : frame.type));

/** Return what says of each event of one stream what it means. */
const meanings = ({ terminal, failure }) => {
  let read;
  return (frame) => {
    const { type, data } = frame;
    const json = read === anything ? {} : parse(data);
    if (data) read ??= PROTOCOLS.find(([shows]) => shows(json, type))?.[1];
    let meaning = data && (read ? read(json, type) : FAILURE);
    if (type === "error" && meaning !== FAULT) meaning = FAILURE;
    if (isAmong(["done", "[DONE]"], frame)) meaning = END;
    if (terminal) meaning = isAmong(terminal, frame) ? END : meaning & (CONTENT | FAULT | FAILURE);
    if (failure) meaning = isAmong(failure, frame) ? FAILURE : meaning & ~(FAULT | FAILURE);
    return meaning;
  };
}

// ---- Requests.

/**
 * What relative URLs are relative to: a worker has no document. Without the name and the password by
 * which the web page was asked for: `fetch` takes none in a URL, and the browser sends them itself.
 */
const baseOf = ({ document, location }) => (document?.baseURI ?? location?.href)?.replace(/\/\/[^/]*@/, "//");

/** Add fields to a URL's query, and leave the rest of it as it is spelled. */
const withQuery = (url, fields) => {
  for (const name in fields)
    if (fields[name]) {
      const key = encodeURIComponent(name) + "=";
      const [path, query = ""] = url.split(/\?(.*)/);
      const others = query.split("&").filter((pair) => pair && !pair.startsWith(key));
      url = path + "?" + [...others, key + encodeURIComponent(fields[name])].join("&");
    }
  return url;
}

/** The requests of one stream: a GET as often as it takes; anything else has effects, and is sent once. */
const requests = ({ url, withCredentials }, options) => {
  const { idempotencyKey, resume, window, cursorParameter } = options;
  const base = { cache: "no-store", ...options.fetch };
  if (withCredentials) base.credentials = "include";
  const { body = "", headers } = base;
  const isAsked = typeof headers === "function";
  const isForeign = new URL(url).origin !== window.origin;
  // What can never be sent is refused now, and not tried again and again.
  const sample = new Request("data:,", { ...base, body: body ? "text" : null, headers: isAsked ? {} : headers });
  const isSafe = /^(GET|HEAD)$/.test(sample.method);
  const all = [url, sample.method, body, [...sample.headers], sample.credentials];
  let wasSent;
  const self = {
    _isSafe: isSafe,
    /** The stream's, as hello says it. */
    _name: "",
    /** Asks the web page for headers, where it wants to be asked. */
    _headers: isAsked && (async (refused) => headers(refused)),
    // Neither what is no text nor what is asked for later can be compared: then there is no key, and
    // nothing is shared or kept.
    _key: typeof body === "string" && !isAsked && "sse-observe:" + fingerprint(JSON.stringify(all)),
    /** Whether a connection that is lost may be followed by another. */
    _mayFollow: () => isSafe || self._name || idempotencyKey || resume,
    /**
     * Return the next one, or null; `cursor` is the last event that was seen. The last one was
     * `refused` before it did anything; `isBlind`: another origin refused the header that resumes.
     * Throws what `fetch` would throw for a request that can never be sent.
     */
    _next(cursor, network, isPoll, refused, isBlind) {
      const name = self._name;
      const isLater = (wasSent && !refused) || name || cursor;
      const own = isLater && resume && attempt(() => resume(name, cursor));
      const resumes = isSafe || name || own;
      if (isLater && !resumes && !idempotencyKey) return null;
      wasSent = true;
      const init = { ...base };
      if (resumes && !isSafe) init.method = init.body = undefined;
      // Before its first event a stream is asked for by its name, from before its start.
      const from = cursor || (name && "-1");
      // Another origin has to allow the header. A query is understood after a hello, or as the web page says.
      const inQuery = cursorParameter ?? (name && "last_event_id");
      const isUnsure = from && isForeign && !inQuery;
      const query = {
        stream_id: (!isSafe || !cursor) && name,
        [inQuery]: inQuery && from,
        network_type: name && network,
        mode: isPoll && "poll",
      };
      /** Give it the web page's headers, and ours. */
      const dress = (given) => {
        const all = (init.headers = new Headers(given));
        const set = (field, value) => value && all.set(field, value);
        if (!all.has("Accept")) set("Accept", "text/event-stream");
        if (resumes && !isSafe) all.delete("Content-Type");
        set("Idempotency-Key", idempotencyKey);
        if (!isForeign) set("ECT", network);
        // A header holds bytes: those of UTF-8.
        if (from && !(isForeign && (inQuery || isBlind)))
          set("Last-Event-ID", unescape(encodeURIComponent(from)));
      };
      if (!isAsked) dress(headers);
      const asItIs = () => (own ? new URL(own, baseOf(window) ?? url) : withQuery(url.split("#")[0], query));
      return {
        url: own?.url ? own : new Request(asItIs()).url,
        init: own?.url ? {} : init,
        _dress: dress,
        /** It has no effects. */
        _isFree: resumes,
        /** Nobody knows whether the server will understand where to go on. */
        _isUnsure: isUnsure,
      };
    },
  };
  return self;
}

// ---- One stream.

/** What the web page sees of a stream: its events, and its status. */
const face = (source, report, shared) => {
  const { origin } = new URL(source.url);
  let hasGap;
  const self = {
    _emit: (type, more) => source.dispatchEvent(Object.assign(new Event(type), more)),
    _message({ type, data }) {
      hasGap ||= type === "gap";
      source.dispatchEvent(new MessageEvent(type, { data, lastEventId: source.lastEventId, origin }));
    },
    /** By its short name too, unless the stream uses that itself. */
    _gap(lost) {
      self._emit("sse.gap", { lost });
      if (!hasGap) self._emit("gap", { lost });
    },
    _show(status, why) {
      if (status === source.status && status !== "reconnecting") return;
      source.status = status;
      report._add(({ shown }) => (shown[status] = (shown[status] ?? 0) + 1));
      const news = { status, attempt: source.attempt, ...why };
      shared._send(news);
      self._emit("sse.status", news);
    },
  };
  return self;
}

/** What a stream comes to, as its events state it; the last one counts. */
const statement = (isSafe) => {
  const self = {
    /** Until when something may follow a failure, and take it back. */
    _until: Infinity,
    _take(meaning, data, at) {
      if (meaning & CONTENT) {
        self._outcome = self._fault = null;
        self._until = Infinity;
      }
      if (meaning & WHOLE) self._outcome = "completed";
      if (meaning & STOP) self._outcome = "cancelled";
      if (meaning & (FAULT | FAILURE)) self._fault = { reason: "error_event", data };
      if (meaning & (isSafe ? FAILURE : FAULT | FAILURE)) self._until = at + 1000;
    },
  };
  return self;
}

/** One stream through all its connections; `source` is what the web page sees of it. Returns what stops it. */
const stream = (source, options) => {
  const { window, transport, waitingAfter } = options;
  const closing = new AbortController();
  const asking = requests(source, options);
  const isSafe = asking._isSafe;
  const key = asking._key;
  // One question, one answer: it is not polled, and two tabs that ask the same want two answers.
  if (!isSafe) options.pollAfter = 0;
  const storage = key ? options.storage : null;
  const meaningOf = meanings(options);
  const tries = attempts(source, options);
  const seen = sequence((lost, isFound) => {
    if (isFound) report._count("lost", lost);
    page._gap(lost);
  });
  const timer = alarm(window, () => nextAt(), (late) => tick(late));
  const shared = tabs(window, key, options.share && isSafe && key, () => connect(), (news) => hear(news));
  const report = reporter(options, source.url, () => shared._leads);
  const page = face(source, report, shared);
  const stated = statement(isSafe);
  /** What was shown of an answer without ids. */
  const shown = [];
  /** When a pause ends; nothing but in a pause. */
  let resumeAt;
  let isFrozen, live, heartbeat, outcome, lostAt, stalledAt, offlineAt, wasOpen, wasShown, spared;

  const now = () => window.performance.now();
  const isClosed = () => source.readyState === 2;
  const showLive = () => page._show(live?._isPoll ? "polling" : "live");

  const start = () => {
    page._show("connecting");
    shared._join();
  };

  /** Take what the leading tab tells. */
  const hear = ({ frame, status, attempt, ...why }) => {
    if (frame) take.frame(frame);
    if (!status) return;
    source.attempt = attempt;
    /complete|failed/.test(status) ? end(status, why) : page._show(status);
  };

  // From a request to the last byte of its answer.

  /** It can never be sent. In a while: who made the stream may not listen yet. */
  const forbid = async (error) => {
    await 0;
    console.error("sse-observe:", error);
    fail("request");
  };

  /** `refused` is the status that said that the headers of the last request were too old. */
  const connect = (refused, isBlind) => {
    drop();
    const at = now();
    const isPoll = at < tries._pollUntil;
    const request = attempt(() => asking._next(seen._cursor(), report._network, isPoll, refused, isBlind), forbid);
    if (request === null) fail("interrupted");
    if (!request || isClosed()) return;
    const begun = (live = connection(request, isPoll, at, options));
    begun._refused = refused;
    begun._isBlind = isBlind;
    const ours = (act) => (a, b) => begun === live && (act(a, b), timer._set());
    const sink = {};
    for (const name in take) sink[name] = ours(take[name]);
    const send = () => (begun._abort = transport(window, request, sink));
    const dress = (given) => attempt(() => (request._dress(given), send()), forbid);
    // Where a token is to be had may be as hard to reach as the stream.
    const bare = (error) => {
      console.warn("sse-observe:", error);
      isSafe ? lose() : fail("request");
    };
    if (asking._headers) asking._headers(refused).then(ours(dress), ours(bare));
    else send();
    timer._set();
  };

  const drop = () => {
    const abort = live?._abort;
    live = resumeAt = null;
    abort?.();
  };

  /** What a connection brings. */
  const take = {
    open(isWhole) {
      const at = now();
      // A server that does not know `mode=poll` answers with a stream.
      live._isPoll &&= isWhole;
      live._heardAt = live._payloadAt = live._openedAt = at;
      seen._resume(live._isBlind);
      // Events without ids: nobody knows how many were missed, or whether they begin anew.
      if (wasShown && isSafe && !seen._cursor()) page._gap(null);
      if (lostAt) report._observe("sse_reconnect_time_seconds", at - lostAt);
      lostAt = 0;
      source.readyState = 1;
      wasOpen = true;
      showLive();
      page._emit("open");
    },

    alive() {
      live._heardAt = now();
      spared = offlineAt = 0;
      if (source.status === "offline") showLive();
    },

    /** A tab that only listens has no connection. */
    frame(frame) {
      const { type, data, id, own } = frame;
      const content = type + data;
      const isQuiet = /^(sse\.hello|heartbeat|ping|keep-?alive)$/.test(type);
      shared._send({ frame });
      const meaning = data !== null && onEvent(frame, isQuiet);
      if (own && !seen._isNew(id, content)) return report._count("duplicates");
      if (own) source.lastEventId = id;
      if (data === null || isClosed()) return;
      if (!isQuiet && isRepeated(content)) return;
      stated._take(meaning, data, now());
      meaning & END ? finish(frame) : page._message(frame);
    },

    refuse(httpStatus, wait) {
      const isPoll = live._isPoll;
      // A feed's own URL that answers with a page: an apology of some proxy.
      const passes = /^(5..|408|42[59])$/.test(httpStatus) || (wasOpen && isSafe && httpStatus === 200);
      // A server that cannot poll is not asked to again.
      if (isPoll && !passes) tries._pollUntil = options.pollAfter = 0;
      if (httpStatus === 401 && asking._headers && !live._refused) connect(401);
      else if (httpStatus === 204) end("complete");
      else if (isPoll || (passes && (live._isFree || options.idempotencyKey))) lose("", wait);
      else fail(wasOpen && !isSafe ? "interrupted" : "refused", httpStatus);
    },

    retry: (ms) => (tries._retry = ms),
    end: (error) => lose(error ? "cut" : "end"),
  };

  // What an event is.

  /** Take an event of whatever kind, and return what it means. */
  const onEvent = (frame, isQuiet) => {
    if (live) live._hasEvent = true;
    tries._worked(live?._isPoll);
    if (stalledAt) report._observe("sse_stall_recovery_seconds", now() - stalledAt);
    stalledAt = 0;
    if (isQuiet) {
      const quiet = parse(frame.data);
      return frame.type === "sse.hello" ? onHello(quiet) : onStamp(quiet.t);
    }
    const meaning = meaningOf(frame);
    if (meaning & END) return meaning;
    wasShown = true;
    report._count("events");
    if (live) live._payloadAt = now();
    if (source.status === "waiting") showLive();
    return meaning;
  };

  /**
   * An answer that is asked for again, and has no ids, is compared with what was shown of it: as
   * far as it is the same it is not shown twice, and where it differs it is another answer.
   */
  const isRepeated = (event) => {
    if (isSafe || seen._cursor() || !asking._mayFollow()) return;
    const at = live._repeated++;
    const before = shown[at];
    shown[at] = event;
    if (before === event) report._count("duplicates");
    else if (before) fail("interrupted");
    return before;
  };

  const onHello = (hello) => {
    heartbeat = hello.heartbeat_seconds * 1000;
    report._accept(hello);
    onStamp(hello.server_time);
    if (asking._name && asking._name !== hello.stream) {
      // Another answer is none to this question.
      if (!isSafe) return fail("interrupted");
      seen._start();
      wasShown = false;
      page._gap(null);
    }
    asking._name = hello.stream;
    seen._announce(hello.resumed_from, hello.lost);
  };

  const onStamp = (sent) => {
    if (!sent || !live) return;
    const at = now();
    // Two clocks cannot be compared, but what their difference grows by is delay.
    const lag = at - sent;
    const delay = lag - live._bestLag;
    live._bestLag = Math.min(live._bestLag ?? lag, lag);
    // NaN is not itself.
    if (delay === delay) report._observe("sse_event_delay_seconds", Math.max(0, delay));
    // Sent seconds apart and arrived together: something in between holds the stream back.
    if (options.pollAfter && delay < -3000 && at - live._openedAt < 500) {
      tries._poll(at);
      lose();
    }
  };

  // The end of a connection, and of the stream.

  /** Give a connection up; `wait` is how long the server wants to be left alone. */
  const lose = (cause, wait) => {
    const at = now();
    const isOver = live._openedAt && cause === "end";
    // An answer that ends in order is whole; a GET may be a feed, which goes on.
    if (stated._outcome || stated._fault || (isOver && !isSafe)) return finish();
    if (!asking._mayFollow()) return fail("interrupted");
    // Was it the header, which another origin has to allow? Then it is free without.
    if (live._isUnsure && !live._isBlind && !live._openedAt && cause === "cut") return connect(0, true);
    if (live._isPoll ? isOver : tries._pollUntil) return pause(tries._polled(at, live._isPoll), "polling");
    if (live._hasEvent && at - live._openedAt >= 5000) source.attempt = 0;
    drop();
    if (wasOpen) lostAt ||= at;
    if (!tries._failed(cause === "timeout", at)) return fail("retries");
    source.readyState = 0;
    // A web page that gives it up now has lost it, unless this was its end.
    stated._outcome = isOver ? "completed" : "failed";
    page._emit("error");
    stated._outcome = null;
    if (isClosed()) return;
    if (window.navigator.onLine === false) pause(Infinity, "offline");
    else pause(tries._pause(wait), cause === "stall" && source.attempt < 2 ? "waiting" : "reconnecting");
  };

  const pause = (ms, status) => {
    drop();
    resumeAt = now() + ms;
    page._show(status);
  };

  const save = () => attempt(() => storage?.setItem(key, [seen._cursor(), asking._name].join("\n")));

  const conclude = (status) => {
    const found = stated._fault ? "failed" : (stated._outcome ?? status);
    if (!outcome && (wasOpen || found === "failed")) report._add((delta) => (delta.outcome = outcome = found));
  };

  /** It ends by itself: well, unless it has said that it failed. */
  const finish = (frame) => end(stated._fault ? "failed" : "complete", stated._fault, frame);

  const fail = (reason, httpStatus) => end("failed", { reason, httpStatus });

  /** End it for good: `complete`, `failed`, or because the web page wants no more. */
  const end = (status, why, frame) => {
    if (isClosed()) return;
    drop();
    source.readyState = 2;
    timer._stop();
    closing.abort();
    conclude(status === "complete" ? "completed" : (status ?? "cancelled"));
    if (status) {
      seen._finish();
      if (frame) page._message(frame);
      if (status === "failed") page._emit("error", why);
      else {
        seen._start();
        asking._name = "";
      }
      page._show(status, why);
    }
    shared._leave();
    save();
    tell(!status);
  };

  // Deadlines.

  /** Report what there is; while it has a connection, the next report is due by then. */
  const tell = (leaving) => {
    report._flush(leaving);
    if (live) report._add();
  };

  const givenUpAt = () => (live ? live._heardAt + live._patience(heartbeat) : Infinity);
  const deadline = () => resumeAt ?? Math.min(stated._until, givenUpAt());
  const waitingAt = () => (live && source.status === "live" ? live._payloadAt + waitingAfter : Infinity);
  const nextAt = () => (isClosed() ? Infinity : Math.min(report._dueAt ?? Infinity, deadline(), waitingAt()));

  const tick = (late) => {
    const at = now();
    if (late > 3000 && !spared) spare(late, at);
    if (report._dueAt <= at) tell();
    if (deadline() > at) waitingAt() <= at && page._show("waiting");
    else if (resumeAt) connect();
    else if (stated._until <= at) finish();
    else if (!live._hasEvent) lose("timeout");
    else if (spared) lose();
    else {
      stalledAt = at;
      report._count("stalls");
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
      live._heardAt = Math.max(live._heardAt, at - (live._openedAt ? live._patience(heartbeat) / 2 : 0));
      live._payloadAt += late;
    }
    lostAt &&= lostAt + late;
    stalledAt &&= stalledAt + late;
  };

  // The browser and its network.

  const onHidden = () => (save(), tell(true));

  const happens = {
    offline() {
      offlineAt = now();
      if (live || resumeAt) page._show("offline");
      resumeAt &&= Infinity;
    },

    online() {
      tell();
      // Without a byte since: a connection seldom survives a change of network.
      if (live?._openedAt && offlineAt && asking._mayFollow()) lose();
      lostAt &&= now();
      if (resumeAt) connect();
    },

    /** The tab is left: it may come back from the back-forward cache, or be gone. */
    pagehide() {
      if (shared._isLast()) conclude("cancelled");
      drop();
      shared._leave();
      isFrozen = true;
      onHidden();
    },

    pageshow() {
      if (isFrozen) stated._outcome || stated._fault ? finish() : start();
      isFrozen = false;
    },

    visibilitychange() {
      if (window.document.hidden) return onHidden();
      timer._ring();
      // A look at the tab hurries a GET, and sends nothing else.
      if (isSafe && resumeAt) connect();
    },
  };
  for (const type in happens)
    window.addEventListener?.(type, () => (happens[type](), timer._set()), { signal: closing.signal });

  const [cursor, name] = (storage?.getItem(key) ?? "").split("\n");
  // Without its name an answer that was cut cannot go on: the next one is another.
  seen._start(isSafe || name ? cursor : "", name);
  asking._name = name;
  start();
  return () => end();
}

// ---- The public face.

// Where `beacon_app()` serves it, reports go beside it; from an application's own bundle, to where the
// documentation mounts that. In a variable: bundlers take a URL that is made of it at once for a file to copy.
const [, beside = "/sse/"] = /^(http.*\/)sse-observe\.js/.exec(import.meta.url) ?? [];
const DEFAULTS = {
  waitingAfter: 5000,
  pollInterval: 5000,
  retryBase: 1000,
  pollAfter: 5,
  reportTo: beside + "deltas",
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
      throw new DOMException(url, "SyntaxError");
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
