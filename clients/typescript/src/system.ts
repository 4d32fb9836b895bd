import { pagesOf } from "./pages.js";
import { type CallOptions, pathOf, type Transport } from "./transport.js";
import type {
  AuditEntry,
  Delivery,
  JobType,
  Overview,
  Receiver,
  ReceiverTest,
  Stats,
  Template,
  Worker,
} from "./types.js";

/** What the system offers and does: job types, templates, workers, figures. */
export class System {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Return the job types with the JSON Schemas of their parameters. */
  async jobTypes(options: CallOptions = {}): Promise<JobType[]> {
    const data = await this.#transport.data("GET", pathOf("job-types"), options);
    return (data as { job_types: JobType[] }).job_types;
  }

  /** Let no job of a type start until `resume`; needs the scope `admin`. */
  async pause(jobType: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.data("POST", pathOf("job-types", jobType, "pause"), options);
  }

  /** Let jobs of a paused type start again; needs the scope `admin`. */
  async resume(jobType: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.data("POST", pathOf("job-types", jobType, "resume"), options);
  }

  /** Return the templates of the job type `transformer`. */
  async templates(options: CallOptions = {}): Promise<Template[]> {
    const data = await this.#transport.data("GET", pathOf("templates"), options);
    return (data as { templates: Template[] }).templates;
  }

  /** Return the live workers. */
  async workers(options: CallOptions = {}): Promise<Worker[]> {
    const data = await this.#transport.data("GET", pathOf("workers"), options);
    return (data as { workers: Worker[] }).workers;
  }

  /** Return the numbers of waiting, scheduled and running jobs of each type. */
  async stats(options: CallOptions = {}): Promise<Stats> {
    return (await this.#transport.data("GET", pathOf("stats"), options)) as Stats;
  }

  /** Return the figures of the whole system, as the dashboard shows them. */
  async overview(options: CallOptions = {}): Promise<Overview> {
    return (await this.#transport.data("GET", pathOf("overview"), options)) as Overview;
  }

  /** Return the receivers of webhooks with their failures. */
  async receivers(options: CallOptions = {}): Promise<Receiver[]> {
    const data = await this.#transport.data("GET", pathOf("receivers"), options);
    return (data as { receivers: Receiver[] }).receivers;
  }

  /** Yield the changes that this key made, an admin's: that any key made, newest first. */
  audit(options: CallOptions = {}): AsyncGenerator<AuditEntry, void, undefined> {
    return pagesOf(this.#transport, { path: pathOf("audit"), name: "entries", ...options });
  }

  /** Send one event of the phase `test` to a receiver; return the webhook with the outcome. */
  async testWebhook(webhook: ReceiverTest, options: CallOptions = {}): Promise<Delivery> {
    const path = pathOf("webhooks", "test");
    return (await this.#transport.data("POST", path, { json: webhook, ...options })) as Delivery;
  }
}
