/**
 * Requests to the API, repeated while the API is unavailable.
 *
 * A repeated submission makes no second job, because it has an idempotency key. A repeated upload
 * is removed after a day, because no job names it. A repeated action on a job or a delivery may be
 * refused (`INVALID_STATE`, `NOT_FOUND`), although the first request took effect.
 */

import type { Clock } from "./clock.js";
import { Connection, ConnectionLost, type RequestInput } from "./connection.js";
import { ApiError, Unreachable } from "./errors.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** A proxy without its upstream, an API without its MongoDB, too many requests. */
const TEMPORARY = new Set([429, 502, 503, 504]);

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; what the call has begun on the server goes on. */
  signal?: AbortSignal | undefined;
}

export type QueryValues = { [name: string]: string | number | boolean | Date | null | undefined };

export interface CallInput extends CallOptions {
  query?: QueryValues | undefined;
  /** The body, as JSON. */
  json?: unknown;
  headers?: { [name: string]: string } | undefined;
}

export interface SentInput extends CallOptions {
  query?: QueryValues | undefined;
  headers?: { [name: string]: string } | undefined;
  body?: RequestInput["body"];
  /** False: the body can be sent only once, so the request is not repeated. */
  repeatable?: boolean;
}

export interface TransportOptions {
  retryMs: number;
  timeoutMs: number;
  fetch: typeof globalThis.fetch;
  clock: Clock;
}

export class Transport {
  readonly #root: string;
  readonly #key: string;
  readonly #options: TransportOptions;

  constructor(url: string, key: string, options: TransportOptions) {
    if (!isHttp(url)) throw new TypeError(`the URL of the API is "${url}", no http or https URL`);
    this.#root = url.trim().replace(/\/+$/, "");
    this.#key = checkedKey(key);
    this.#options = options;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** Make a call and return the data of its answer. */
  async data(method: string, path: string, input: CallInput = {}): Promise<unknown> {
    const { json, headers, ...rest } = input;
    if (json === undefined) return this.send(method, path, { headers, ...rest });
    const text = JSON.stringify(json);
    const typed = { ...headers, "Content-Type": "application/json" };
    return this.send(method, path, { headers: typed, body: () => text, ...rest });
  }

  /** Send a request and return the data of its answer. */
  send(method: string, path: string, input: SentInput): Promise<unknown> {
    return this.#repeated(input, async () => {
      const connection = await this.#open(method, path, input);
      return dataIn(connection, await connection.text());
    });
  }

  /** Send a GET; return the connection with the body of the answer unread. */
  open(path: string, input: SentInput): Promise<Connection> {
    return this.#repeated(input, () => this.#open("GET", path, input));
  }

  async #open(method: string, path: string, input: SentInput): Promise<Connection> {
    const headers = new Headers({ ...input.headers, Authorization: `Bearer ${this.#key}` });
    const url = this.#root + path + searchOf(input.query);
    const { fetch, timeoutMs, clock } = this.#options;
    const options = { fetch, timeoutMs, clock, signal: input.signal };
    const connection = await Connection.open(url, { method, headers, body: input.body }, options);
    if (connection.response.ok) return connection;
    throw errorIn(connection, await connection.text());
  }

  async #repeated<T>(input: SentInput, attempt: () => Promise<T>): Promise<T> {
    const { clock, retryMs } = this.#options;
    const giveUpAt = clock.now() + (input.repeatable === false ? 0 : retryMs);
    let waitMs = FIRST_WAIT_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const failure = this.#temporary(error);
        if (failure instanceof ApiError && failure.retryAfterSec) {
          waitMs = Math.min(failure.retryAfterSec * 1000, LONGEST_WAIT_MS);
        }
        if (clock.now() + waitMs > giveUpAt) throw failure;
      }
      await clock.sleep(waitMs, input.signal);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }

  /** Return the error for the caller, if the request may be repeated; throw any other error. */
  #temporary(error: unknown): Error {
    if (error instanceof ConnectionLost) {
      return new Unreachable(`${this.#root}: ${error.message}`, { cause: error.cause ?? error });
    }
    if (error instanceof ApiError && TEMPORARY.has(error.status)) return error;
    throw error;
  }
}

/** Return *parts* as a path; each part may have any characters. */
export function pathOf(...parts: string[]): string {
  if (parts.includes("")) throw new TypeError("an id is empty");
  // They would lead to another path, however they are encoded.
  if (parts.includes(".") || parts.includes("..")) throw new TypeError(". and .. are no ids");
  return `/api/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
}

/** Return a time as the API takes it. */
export function iso(moment: Date | string): string {
  return typeof moment === "string" ? moment : moment.toISOString();
}

function isHttp(url: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** Return the key without spaces around it; the message of an error does not show it. */
function checkedKey(key: unknown): string {
  const found = typeof key === "string" ? key.trim() : "";
  if (!found) throw new TypeError("the API key is empty");
  if (!/^[ -~]+$/.test(found)) throw new TypeError("the API key has characters that no key has");
  return found;
}

function searchOf(query: QueryValues = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    search.set(name, value instanceof Date ? iso(value) : String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

function dataIn({ response }: Connection, text: string): unknown {
  const answer = parsed(text);
  if (isObject(answer) && "data" in answer) return answer["data"];
  throw unknownAnswer(response);
}

function errorIn({ response }: Connection, text: string): ApiError {
  const answer = parsed(text);
  const error = isObject(answer) ? answer["error"] : undefined;
  if (!isObject(error) || typeof error["code"] !== "string") return unknownAnswer(response);
  const details = isObject(error["details"]) ? error["details"] : null;
  const { status } = response;
  return new ApiError(status, error["code"], String(error["message"]), details, waitIn(response));
}

/** Return the error for an answer that comes not from the API but, for example, a proxy. */
function unknownAnswer(response: Response): ApiError {
  const { status, url } = response;
  const message = `${url} answered ${status}, and not as Secretary does`;
  return new ApiError(status, "UNKNOWN", message, null, waitIn(response));
}

function waitIn(response: Response): number | undefined {
  const value = response.headers.get("Retry-After") ?? "";
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
