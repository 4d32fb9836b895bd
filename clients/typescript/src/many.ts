import { type CallOptions, pathOf, type QueryValues, type Transport } from "./transport.js";
import type { FilteredJobs, JobFilter } from "./types.js";

/** The jobs to change: the filters of the list, of which at least one is needed. */
export type ManyFilter = Omit<JobFilter, "limit">;

export interface ManyOptions extends CallOptions {
  /** At most this many jobs; default: 1,000. */
  limit?: number;
  /** `next` of the answer before. */
  cursor?: string | null;
}

/** Actions on all jobs that a filter selects, the newest first. */
export class ManyJobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Cancel jobs that have not ended. */
  cancel(filter: ManyFilter, options: ManyOptions = {}): Promise<FilteredJobs> {
    return this.#act("cancel", filter, options);
  }

  /** Start a new run of jobs that have ended; without a `status`, of failed jobs only. */
  retry(filter: ManyFilter, options: ManyOptions = {}): Promise<FilteredJobs> {
    return this.#act("retry", filter, options);
  }

  /** Delete jobs that are not running. */
  delete(filter: ManyFilter, options: ManyOptions = {}): Promise<FilteredJobs> {
    return this.#act("delete", filter, options);
  }

  async #act(
    action: string,
    filter: QueryValues,
    { signal, ...limits }: ManyOptions,
  ): Promise<FilteredJobs> {
    const input = { json: { filter, ...limits }, signal };
    return (await this.#transport.data("POST", pathOf("jobs", action), input)) as FilteredJobs;
  }
}
