// The client's public face. Names that do not stand here may change any day.

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

/** Options; times are in milliseconds. */
export interface Options {
  /** Send cookies to another origin, as `EventSource` does. */
  withCredentials?: boolean;
  /** More for `fetch`: `method`, `headers`, `body`. */
  fetch?: RequestInit & { headers?: Record<string, string> };
  /** Names of further events; needed only where `EventSource` is the only way to stream. */
  events?: readonly string[];
  /** Event names, or data of messages, that end a stream. Default `["done", "[DONE]"]`. */
  terminal?: readonly string[];
  /** How long a connection may take to open. Default 15000. */
  connectTimeout?: number;
  /** Without a byte this long is a stall. Default 2.5 heartbeats as announced in hello, or 30000. */
  stallTimeout?: number;
  /** Without a payload event this long shows `waiting`; `Infinity` for feeds that may be quiet. Default 5000. */
  waitingAfter?: number;
  /**
   * The first pause before a reconnect; it doubles up to 30 s. Default 1000. A connection that
   * lived for 5 s and brought an event makes the next pause short again.
   */
  retryBase?: number;
  /** After so many failures in a row the stream has `failed`. Default: never. */
  maxRetries?: number;
  /** After so many failures in a row it polls; 0: never. Default 5. */
  pollAfter?: number;
  /** The pause between two polls; every twelfth, a stream is tried. Default 5000. */
  pollInterval?: number;
  /**
   * Let one tab stream for all tabs that show the same URL; when it goes, the next one resumes.
   * A tab sees events from when it joined. Over HTTP/1.1 a browser opens six connections to a
   * host, and a stream holds one: without sharing, the seventh tab waits until another closes.
   */
  share?: boolean;
  /**
   * Where the cursor survives a reload, as in `sessionStorage`. Only for web pages that restore what
   * they have shown as well: else the first half is missing.
   */
  storage?: Pick<Storage, "getItem" | "setItem"> | null;
  /** Where beacon reports go; "" for nowhere. Default: beside this module, where `beacon_app()` serves it. */
  reportTo?: string;
  /** How often they go while there is something to say. Default 60000. */
  reportEvery?: number;
  /** Another way to open connections. Default: `fetch`, or where that cannot stream, `EventSource`. */
  transport?: Transport;
  /** Another browser, as tests have it. */
  window?: Environment;
}

/** Events of its own, beside those of the stream. */
export interface StreamEventMap {
  open: Event;
  error: Event;
  message: MessageEvent<string>;
  status: Event & { status: Status; attempt: number };
  /** The user has seen less than was sent: so many events are lost, or (null) another stream has begun. */
  gap: Event & { lost: number | null };
}

/** An `EventSource` that recovers. Replacing one by the other is one word. */
export class ResilientEventSource extends EventTarget {
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
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent<string>) => void) | null;
  onerror: ((event: Event) => void) | null;

  constructor(url: string | URL, options?: Options);

  addEventListener<K extends keyof StreamEventMap>(
    type: K,
    listener: (event: StreamEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: ((event: MessageEvent<string>) => void) | EventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
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
  url: string;
  init: RequestInit;
  /** Event types that are listened to. */
  types: Iterable<string>;
}

/** Called by a connection with everything that it learns. */
export interface Sink {
  /** `whole`: the answer has a length, so it is a poll. */
  open(whole?: boolean): void;
  /** Any byte. */
  alive(): void;
  frame(frame: Frame): void;
  retry(ms: number): void;
  /** It is over, in order or not. */
  end(): void;
  /** It is over, and the browser itself connects again. */
  lapse(): void;
  /** No stream; `wait` is what Retry-After asks for. */
  refuse(status: number, wait: number): void;
}

/** Opens one connection; returns what closes it. */
export type Transport = (window: Environment, request: StreamRequest, sink: Sink) => () => void;

/** The parts of a browser's window that are used. */
export interface Environment {
  BroadcastChannel?: typeof BroadcastChannel;
  EventSource: typeof EventSource;
  Math: Pick<Math, "random">;
  addEventListener?: EventTarget["addEventListener"];
  clearTimeout(timer: any): void;
  document?: Document;
  fetch: typeof fetch;
  localStorage?: Record<string, string>;
  navigator: Navigator & { connection?: { effectiveType?: string } };
  origin?: string;
  performance: Pick<Performance, "now">;
  setTimeout(act: () => void, ms: number): any;
}

export const fetchTransport: Transport;
export const nativeTransport: Transport;
