/** One request and its answer, with a limit on the silence of the API. */

import type { Clock } from "./clock.js";

/** There was no answer, or not the whole answer: the request may be repeated. */
export class ConnectionLost extends Error {}

export interface ConnectionOptions {
  fetch: typeof globalThis.fetch;
  /** The longest silence, in milliseconds. */
  timeoutMs: number;
  clock: Clock;
  signal?: AbortSignal | undefined;
}

export interface RequestInput {
  method: string;
  headers: Headers;
  /** Makes the body of one attempt; a stream is sent as it is read. */
  body?: (() => string | AsyncIterable<Uint8Array>) | undefined;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #abort = new AbortController();
  readonly #onAbort = () => this.#abort.abort(this.#options.signal?.reason);
  #stopWaiting = () => {};
  #response: Response | undefined;
  /** The source of the body failed: repeating the request would not help. */
  #sourceFailure: { error: unknown } | undefined;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Send a request; return the connection with the body of the answer unread.
   *
   * @throws ConnectionLost: there was no answer.
   * @throws the reason of the caller's signal, once it is aborted.
   */
  static async open(url: string, input: RequestInput, options: ConnectionOptions) {
    options.signal?.throwIfAborted();
    const connection = new Connection(options);
    try {
      await connection.#send(url, input);
    } catch (error) {
      connection.close();
      throw connection.#reason(error);
    }
    return connection;
  }

  get response(): Response {
    return this.#response as Response;
  }

  /** Yield the body of the answer, each piece within `timeoutMs` of the one before. */
  async *chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const reader = this.response.body?.getReader();
    try {
      while (reader) {
        this.#wait();
        const { done, value } = await reader.read();
        if (done) return;
        this.#stopWaiting();
        yield value;
      }
    } catch (error) {
      throw this.#reason(error);
    } finally {
      this.close();
    }
  }

  /** Read the whole answer as text. */
  async text(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.chunks()) text += decoder.decode(chunk, { stream: true });
    return text + decoder.decode();
  }

  /** Close the connection, whatever is left to read. */
  close(): void {
    this.#stopWaiting();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#abort.abort();
  }

  async #send(url: string, { method, headers, body }: RequestInput): Promise<void> {
    const content = body?.();
    const init: RequestInit & { duplex?: "half" } = {
      method,
      headers,
      redirect: "manual",
      signal: this.#abort.signal,
    };
    if (typeof content === "string") init.body = content;
    else if (content) {
      init.body = this.#streamOf(content);
      init.duplex = "half";
    }
    this.#wait();
    this.#response = await this.#options.fetch(url, init);
    this.#stopWaiting();
  }

  #streamOf(content: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
    const pieces = content[Symbol.asyncIterator]();
    return new ReadableStream({
      pull: async (controller) => {
        this.#stopWaiting(); // for the source, however slow it is
        const { done, value } = await pieces.next().catch((error: unknown) => {
          this.#sourceFailure = { error };
          throw error;
        });
        this.#wait();
        if (this.#abort.signal.aborted) {
          // The answer came before the end of the body: the rest is not needed.
          await pieces.return?.();
          controller.error(this.#abort.signal.reason);
        } else if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await pieces.return?.();
      },
    });
  }

  #wait(): void {
    this.#stopWaiting();
    if (this.#abort.signal.aborted) return;
    const { timeoutMs, clock } = this.#options;
    const lost = () => new ConnectionLost(`no answer for ${timeoutMs / 1000} s`);
    this.#stopWaiting = clock.alarm(timeoutMs, () => this.#abort.abort(lost()));
  }

  #reason(error: unknown): unknown {
    const { signal } = this.#options;
    if (signal?.aborted) return signal.reason;
    if (this.#sourceFailure) return this.#sourceFailure.error;
    if (error instanceof ConnectionLost) return error;
    return new ConnectionLost(wordsOf(error), { cause: error });
  }
}

/** `fetch failed` says nothing; its cause does. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? wordsOf(error.cause) : error.message || error.name;
}
