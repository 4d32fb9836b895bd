import { webCrypto } from "./crypto.js";
import { WaitTimeout } from "./errors.js";
import { deadlineOf } from "./deadline.js";
import { pagesOf } from "./pages.js";
import { type CallOptions, iso, pathOf, type Transport } from "./transport.js";
import type { Batch, JobFields, JsonObject } from "./types.js";

const POLL_MS = 1000;

/** A job of a batch. */
export type BatchJob = JobFields & { job_type: string; parameters?: JsonObject };

export interface SubmitBatchOptions extends CallOptions {
  batch_name?: string;
  /** Submissions with the same key make one batch; default: a new key. */
  idempotencyKey?: string;
}

/** Many jobs that are stored together: all of them or none. */
export class Batches {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Submit up to 1,000 jobs once, even if the request is repeated. */
  async submit(
    jobs: readonly BatchJob[],
    { batch_name, idempotencyKey, signal }: SubmitBatchOptions = {},
  ): Promise<{ batch_id: string; job_ids: string[] }> {
    const written = jobs.map(({ run_at, ...job }) =>
      run_at ? { ...job, run_at: iso(run_at) } : job,
    );
    const headers = { "Idempotency-Key": idempotencyKey ?? (await newKey()) };
    const input = { json: { batch_name, jobs: written }, headers, signal };
    const answer = await this.#transport.data("POST", PATH, input);
    return answer as { batch_id: string; job_ids: string[] };
  }

  /** Return a batch with the number of its jobs in each state. */
  async get(id: string, options: CallOptions = {}): Promise<Batch> {
    return (await this.#transport.data("GET", pathOf("jobs", "batch", id), options)) as Batch;
  }

  /** Yield the batches, newest first. */
  list(options: CallOptions = {}): AsyncGenerator<Batch, void, undefined> {
    return pagesOf(this.#transport, { path: PATH, name: "batches", ...options });
  }

  /**
   * Wait until all jobs of a batch have ended, and return the batch.
   *
   * @throws WaitTimeout: they have not ended within `timeoutMs`; the jobs go on.
   */
  async wait(
    id: string,
    { timeoutMs, signal }: CallOptions & { timeoutMs?: number } = {},
  ): Promise<Batch> {
    const { clock } = this.#transport;
    const late = () => new WaitTimeout(id, `the batch did not end within ${timeoutMs} ms`);
    const deadline = deadlineOf(clock, { timeoutMs, signal, late });
    try {
      for (;;) {
        const batch = await this.get(id, { signal: deadline.signal });
        if (batch.counts.pending + batch.counts.processing === 0) return batch;
        await clock.sleep(POLL_MS, deadline.signal);
      }
    } finally {
      deadline.close();
    }
  }

  /** Cancel the jobs of a batch that have not ended. */
  async cancel(id: string, options: CallOptions = {}): Promise<Batch> {
    const path = pathOf("jobs", "batch", id, "cancel");
    return (await this.#transport.data("POST", path, options)) as Batch;
  }

  /** Start a new run of each failed job of a batch. */
  async retryFailed(id: string, options: CallOptions = {}): Promise<Batch> {
    const path = pathOf("jobs", "batch", id, "retry-failed");
    return (await this.#transport.data("POST", path, options)) as Batch;
  }
}

const PATH = pathOf("jobs", "batch");

/** Return a new idempotency key. */
export async function newKey(): Promise<string> {
  return (await webCrypto()).randomUUID();
}
