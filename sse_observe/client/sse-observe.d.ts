// The client's public face. Names that do not stand here may change any day.
//
// What it does with a stream, by how the stream was asked for:
//
// | what happens | GET and HEAD | POST and every other method |
// | --- | --- | --- |
// | it ends in order | asked again: it may be a feed | `complete` |
// | its protocol said that it is whole, then it ends or is cut | `complete` | `complete` |
// | it said that it failed, and nothing follows | `failed`, reason `error_event` | `failed`, reason `error_event` |
// | it is cut, or it stalls | resumed | resumed by GET if hello named it or `resume` says how; with `idempotencyKey` sent again; else `failed`, reason `interrupted` |
// | 408, 425, 429, 5xx | asked again | with `idempotencyKey` sent again; else `failed`, reason `refused` |
// | 401 | asked again once if `headers` is a function; else `failed`, reason `refused` | the same |
// | 204 | `complete` | `complete` |
// | another answer that is no stream | `failed`, reason `refused` | `failed`, reason `refused` |
// | it does not open, or sends no event | given up after 15 s, after 30 s | waited for, unless `connectTimeout` or `firstEventTimeout` is set |
// | later no byte comes | a stall after 2.5 announced heartbeats, or 30 s | a stall after 2.5 announced heartbeats, or `stallTimeout` if that is set |
// | the tab is hidden | goes on | goes on |
// | the tab is looked at | a pause ends at once | nothing is sent |
// | back from the back-forward cache | resumed | as one that was cut |
// | `share: true` | one stream for all tabs that ask the same | never shared |
// | `storage` | resumes the same request after a reload | resumes the same request by GET if hello named its stream |
// | a proxy holds streams back | polls | never polls |
//
// An event is shown once, whatever is sent again. Without ids nobody can tell: a GET says so by
// `sse.gap`, and of a POST that is sent again the part that was shown already is left out.

/** The state of a stream, as its user is shown it. `complete` and `failed` are final. */
export type Status =
  | "connecting"
  | "live"
  | "waiting"
  | "reconnecting"
  | "offline"
  | "polling"
  | "complete"
  | "failed";

/**
 * Why it has failed. `interrupted`: it was cut, and to ask again might do again what it does.
 * `refused`: the server answered with something else. `error_event`: the stream said so itself.
 * `retries`: `maxRetries` were in vain. `request`: it can never be sent, as where `headers` or
 * `resume` give what none can be, or the URL holds a password; the console says what.
 */
export type Reason = "interrupted" | "refused" | "error_event" | "retries" | "request";

/** What `failed` comes with. */
export interface Failure {
  reason?: Reason;
  /** The server's own error, as the event that said it held it. */
  data?: string;
  /** The status of the answer that refused. */
  httpStatus?: number;
}

/** Says of an event whether it is one of those meant; or the names of those that are. */
type Events = readonly string[] | ((event: Frame & { data: string }) => boolean);

/** Gives the headers of the next request; `refused` is 401 where those of the last one were too old. */
type AskHeaders = (refused?: number) => HeadersInit | undefined | Promise<HeadersInit | undefined>;

/** Options; times are in milliseconds. */
export interface Options {
  /** Send cookies to another origin, as `EventSource` does. */
  withCredentials?: boolean;
  /**
   * More for `fetch`: `method`, `headers` in any form, `body`. A function for `headers` is asked
   * before each request; after a 401 once more, with that status, and the stream goes on from its
   * cursor. What a function will say cannot be compared: then nothing is shared or kept.
   */
  fetch?: Omit<RequestInit, "headers"> & { headers?: HeadersInit | AskHeaders };
  /**
   * Makes it safe to send a request again: each time it carries this as `Idempotency-Key`, and the
   * server does the work once. One key for one question.
   */
  idempotencyKey?: string;
  /**
   * How a stream that was cut is asked for, where the same URL by GET will not do. Gets what hello
   * said of its name, and the id of the last event; neither is certain. Return nothing to leave it
   * to the client.
   */
  resume?: (stream: string | null | undefined, cursor: string | undefined) => Request | URL | string | null | undefined;
  /**
   * The query parameter in which the cursor goes to the server, as `lastEventID` for Mercure.
   * Default: only the header `Last-Event-ID`, as the standard says; another origin has to allow
   * it (`Access-Control-Allow-Headers`), else `sse.gap` says that something may be missing. A
   * server that said hello gets `last_event_id`.
   */
  cursorParameter?: string;
  /**
   * What ends a stream: names of events, data of messages in square brackets, or a function.
   * Default: `done`, `[DONE]`, and what ends it in OpenAI's, Anthropic's, Gemini's, the AI SDK's,
   * AG-UI's and MCP's protocol, which the first event shows. What you set replaces all of it.
   */
  terminal?: Events;
  /**
   * What says that it failed: names of events, or a function. It has failed if nothing follows: no
   * content within a second, or the end. Default: `error`, and what those protocols say; in a
   * GET of no known protocol the end alone decides. What you set replaces all of it.
   */
  failure?: Events;
  /** How long a connection may take to open. Default 15000, for POST no limit. */
  connectTimeout?: number;
  /** Once open, without a byte or an event this long it is given up. Default 30000 or `stallTimeout`, for POST no limit. */
  firstEventTimeout?: number;
  /**
   * After the first event, without a byte this long is a stall; comments and heartbeats are bytes.
   * Default 2.5 heartbeats as announced in hello, or 30000, for POST no limit.
   */
  stallTimeout?: number;
  /** Without a payload event this long shows `waiting`; `Infinity` for feeds that may be quiet. Default 5000. */
  waitingAfter?: number;
  /**
   * The first pause before a reconnect; it doubles up to 30 s. Default 1000. A connection that
   * lived for 5 s and brought an event makes the next pause short again.
   */
  retryBase?: number;
  /**
   * After so many failures in a row the stream has `failed`. Default: never, as `EventSource`. A web
   * page cannot tell a host that does not exist from a network that is down: set this where the URL
   * is not your own. `attempt` says how often it was tried, the browser's console why.
   */
  maxRetries?: number;
  /** After so many failures in a row it polls; 0: never. Default 5. */
  pollAfter?: number;
  /** The pause between two polls; every twelfth, a stream is tried. Default 5000. */
  pollInterval?: number;
  /**
   * Let one tab stream for all tabs that ask the same: URL, headers, credentials. When it goes, the
   * next one resumes. A tab sees events from when it joined. A POST is never shared. Over HTTP/1.1
   * a browser opens six connections to a host, and a stream holds one: without sharing, the
   * seventh tab waits until another closes.
   */
  share?: boolean;
  /**
   * Where the cursor survives a reload, as in `sessionStorage`, for the very same request. Only
   * for web pages that restore what they have shown as well: else the first half is missing.
   */
  storage?: Pick<Storage, "getItem" | "setItem"> | null;
  /**
   * Where beacon reports go, relative to the web page; "" for nowhere. Default: beside this module,
   * where `beacon_app()` serves it, and from an application's own bundle `/sse/deltas`.
   */
  reportTo?: string;
  /**
   * How long a client that has a connection waits at most from one to the next, in milliseconds.
   * Default 60000. Who waits longer says so to `beacon_app(report_seconds=…)`.
   */
  reportEvery?: number;
  /** Another way to open connections. Default: `fetch`. */
  transport?: Transport;
  /** Another browser, as tests have it. */
  window?: Environment;
}

/** Events of its own, beside those of the stream; `sse.` keeps their names apart. */
export interface StreamEventMap {
  open: Event;
  /** A connection was lost; with a `reason`, the stream has failed. */
  error: Event & Failure;
  message: MessageEvent<string>;
  "sse.status": Event & Failure & { status: Status; attempt: number };
  /** The user has seen less than was sent: so many events are lost, or (null) nobody knows how many, or another stream has begun. */
  "sse.gap": Event & { lost: number | null };
  /** The same once more, as long as the stream itself has no event of that name. */
  gap: Event & { lost: number | null };
}

/** An `EventSource` that recovers. Replacing one by the other is one word. */
export class ResilientEventSource extends EventTarget implements EventSource {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  readonly url: string;
  readonly withCredentials: boolean;
  readonly readyState: number;
  /** The id of the last event. */
  readonly lastEventId: string;
  readonly status: Status;
  /** How often it has tried since it last worked. */
  readonly attempt: number;
  onopen: ((this: EventSource, event: Event) => any) | null;
  onmessage: ((this: EventSource, event: MessageEvent) => any) | null;
  onerror: ((this: EventSource, event: Event & Failure) => any) | null;

  constructor(url: string | URL, options?: Options);

  addEventListener<K extends keyof StreamEventMap>(
    type: K,
    listener: (this: EventSource, event: StreamEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof StreamEventMap>(
    type: K,
    listener: (this: EventSource, event: StreamEventMap[K]) => any,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent) => any,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;

  /** Stop for good; cancels whatever is under way. */
  close(): void;

  /**
   * Show the status as text, politely announced, with `data-status` for styles.
   * `texts` replaces some or all; `{attempt}` stands for the number. Returns what unbinds it.
   */
  bindStatus(element: HTMLElement, texts?: Partial<Record<Status, string>>): () => void;
}

/** All that one blank line ends; `data` is null where there was none, `own` says whether it had an id. */
export interface Frame {
  type: string;
  data: string | null;
  id: string;
  own: boolean;
}

/** Return a function to push text into. */
export function parser(
  onFrame: (frame: Frame) => void,
  onRetry: (ms: number) => void,
): (text: string) => void;

/** The request of one connection. */
export interface StreamRequest {
  url: Request | URL | string;
  init: RequestInit;
}

/** Called by a connection with everything that it learns. */
export interface Sink {
  /** `whole`: the answer has a length, so it is a poll. */
  open(whole?: boolean): void;
  /** Any byte. */
  alive(): void;
  frame(frame: Frame): void;
  retry(ms: number): void;
  /** It is over: in order, or by this error. */
  end(error?: unknown): void;
  /** No stream; `wait` is what Retry-After asks for. */
  refuse(status: number, wait: number): void;
}

/** Opens one connection; returns what closes it. */
export type Transport = (window: Environment, request: StreamRequest, sink: Sink) => () => void;

/** The parts of a browser's window, or of a worker's scope, that are used. */
export interface Environment {
  BroadcastChannel?: typeof BroadcastChannel;
  Math: Pick<Math, "random">;
  addEventListener?: EventTarget["addEventListener"];
  clearTimeout(timer: any): void;
  document?: Document;
  fetch: typeof fetch;
  localStorage?: Record<string, string>;
  location?: { href: string };
  navigator: Navigator & { connection?: { effectiveType?: string } };
  origin?: string;
  performance: Pick<Performance, "now">;
  setTimeout(act: () => void, ms: number): any;
}

export const fetchTransport: Transport;
