import { newSecret } from "./crypto.js";
import { pagesOf } from "./pages.js";
import { type CallOptions, iso, pathOf, type Transport } from "./transport.js";
import type { Delivery, Endpoint, EndpointChanges, EndpointFields, NewSecret } from "./types.js";

/** Receivers that a key registers once for the events of its jobs. */
export class Endpoints {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Yield the endpoints, newest first. */
  list(options: CallOptions = {}): AsyncGenerator<Endpoint, void, undefined> {
    return pagesOf(this.#transport, { path: PATH, name: "endpoints", ...options });
  }

  /** Return an endpoint with its last failure. */
  get(id: string, options: CallOptions = {}): Promise<Endpoint> {
    return this.#endpoint("GET", pathOf("endpoints", id), options);
  }

  /**
   * Register a receiver of the events of this key's later jobs.
   *
   * If the answer is lost, the request is repeated, and the endpoint may exist twice.
   */
  create(fields: EndpointFields, options: CallOptions = {}): Promise<Endpoint> {
    return this.#endpoint("POST", PATH, { json: fields, ...options });
  }

  /** Change the fields that are given; null removes a filter or all headers. */
  change(id: string, fields: EndpointChanges, options: CallOptions = {}): Promise<Endpoint> {
    return this.#endpoint("PATCH", pathOf("endpoints", id), { json: fields, ...options });
  }

  /**
   * Give an endpoint a new secret; the old one signs too until `rotated_until`.
   *
   * Only this answer shows the secret. A repeat of the request sends the same one.
   */
  async rotateSecret(
    id: string,
    fields: { secret?: string; overlap_sec?: number } = {},
    options: CallOptions = {},
  ): Promise<NewSecret> {
    const path = pathOf("endpoints", id, "rotate-secret");
    const json = { ...fields, secret: fields.secret ?? (await newSecret()) };
    return (await this.#transport.data("POST", path, { json, ...options })) as NewSecret;
  }

  /** Send the skipped and dead webhooks of a time again; return their number. */
  async replay(
    id: string,
    { since, until }: { since: Date | string; until?: Date | string },
    options: CallOptions = {},
  ): Promise<number> {
    const json = { since: iso(since), until: until && iso(until) };
    const path = pathOf("endpoints", id, "replay");
    const answer = await this.#transport.data("POST", path, { json, ...options });
    return (answer as { count: number }).count;
  }

  /** Send one event of the phase `test`; return the webhook with the outcome. */
  async test(id: string, options: CallOptions = {}): Promise<Delivery> {
    const path = pathOf("endpoints", id, "test");
    return (await this.#transport.data("POST", path, options)) as Delivery;
  }

  /** Delete an endpoint; its webhooks that are not delivered yet are dropped. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.data("DELETE", pathOf("endpoints", id), options);
  }

  async #endpoint(
    method: string,
    path: string,
    options: CallOptions & { json?: unknown },
  ): Promise<Endpoint> {
    const answer = await this.#transport.data(method, path, options);
    return (answer as { endpoint: Endpoint }).endpoint;
  }
}

const PATH = pathOf("endpoints");
