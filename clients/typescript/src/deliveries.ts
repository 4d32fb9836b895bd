import { pagesOf } from "./pages.js";
import { type CallOptions, iso, pathOf, type Transport } from "./transport.js";
import type { Delivery, DeliveryFilter } from "./types.js";

/** Webhooks with their attempts. */
export class Deliveries {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Yield webhooks, newest first. */
  list(
    filter: DeliveryFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<Delivery, void, undefined> {
    const path = pathOf("deliveries");
    return pagesOf(this.#transport, { path, name: "deliveries", query: filter, ...options });
  }

  /** Yield the webhooks of a job in the order of its events. */
  ofJob(jobId: string, options: CallOptions = {}): AsyncGenerator<Delivery, void, undefined> {
    const path = pathOf("jobs", jobId, "deliveries");
    return pagesOf(this.#transport, { path, name: "deliveries", ...options });
  }

  /** Send a webhook again, with the same id and the same bytes. */
  async resend(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.data("POST", pathOf("deliveries", id, "resend"), options);
  }

  /** Send all webhooks of a time that were given up again; return their number. */
  async recover(
    { since, until = new Date() }: { since: Date | string; until?: Date | string },
    options: CallOptions = {},
  ): Promise<number> {
    const json = { since: iso(since), until: iso(until) };
    const path = pathOf("deliveries", "recover");
    const answer = await this.#transport.data("POST", path, { json, ...options });
    return (answer as { count: number }).count;
  }
}
