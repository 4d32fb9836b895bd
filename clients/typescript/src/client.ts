import { Batches, newKey } from "./batches.js";
import { type Clock, REAL_CLOCK } from "./clock.js";
import { deadlineOf } from "./deadline.js";
import { Deliveries } from "./deliveries.js";
import { contentAfter } from "./download.js";
import { Endpoints } from "./endpoints.js";
import { JobFailed, JobNotEnded, WaitTimeout } from "./errors.js";
import { type AnyJobEvent, type JobEvent, type ResetEvent, TERMINAL } from "./events.js";
import { Keys } from "./keys.js";
import { ManyJobs } from "./many.js";
import { pagesOf } from "./pages.js";
import { eventsOf } from "./stream.js";
import { System } from "./system.js";
import { type CallInput, type CallOptions, iso, pathOf, Transport } from "./transport.js";
import type * as types from "./types.js";
import { contentOf, formOf, type UploadSource } from "./upload.js";

const ACCEPTED = 202;

export interface ClientOptions {
  /** How long a call is repeated while the API is unavailable, in milliseconds; default: 60,000. */
  retryMs?: number;
  /** The longest silence of the API in one attempt, in milliseconds; default: 30,000. */
  timeoutMs?: number;
  /** Replaces `fetch`, for example to go through a proxy. */
  fetch?: typeof globalThis.fetch;
  /** Replaces the clock; for tests. */
  clock?: Clock;
}

/** The fields of the job under their names in the API, and options of the call. */
export interface SubmitOptions extends types.JobFields, CallOptions {
  /** Submissions with the same key make one job, even from several processes; default: a new key. */
  idempotencyKey?: string;
}

export interface WaitOptions extends CallOptions {
  /** How long to wait, in milliseconds; default: for ever. */
  timeoutMs?: number;
}

export interface FollowAllOptions extends types.StreamFilter, CallOptions {
  /** Continue after this event. */
  lastEventId?: string;
}

/**
 * Calls one Secretary with one API key. If the API is unavailable, a call is repeated.
 *
 * All calls reject with `ApiError` if the API refuses them, with `Unreachable` if it does not
 * answer, and with the reason of their `signal` once it is aborted.
 */
export class Client {
  readonly #transport: Transport;
  readonly batches: Batches;
  readonly deliveries: Deliveries;
  readonly endpoints: Endpoints;
  readonly keys: Keys;
  readonly many: ManyJobs;
  readonly system: System;

  /** Make a client; this sends no request. */
  constructor(url: string, key: string, options: ClientOptions = {}) {
    this.#transport = new Transport(url, key, {
      retryMs: options.retryMs ?? 60_000,
      timeoutMs: options.timeoutMs ?? 30_000,
      fetch: options.fetch ?? ((...input) => globalThis.fetch(...input)),
      clock: options.clock ?? REAL_CLOCK,
    });
    this.batches = new Batches(this.#transport);
    this.deliveries = new Deliveries(this.#transport);
    this.endpoints = new Endpoints(this.#transport);
    this.keys = new Keys(this.#transport);
    this.many = new ManyJobs(this.#transport);
    this.system = new System(this.#transport);
  }

  /**
   * Make any call of the API and return its data.
   *
   * If an answer is lost, the client repeats the request. So a POST may take effect twice.
   */
  async call<Data>(method: string, path: string, input: CallInput = {}): Promise<Data> {
    return (await this.#transport.data(method, path, input)) as Data;
  }

  /** Submit a job once, even if the request is repeated; return the job. */
  async submit(
    jobType: string,
    parameters: types.JsonObject,
    { idempotencyKey, signal, run_at, ...fields }: SubmitOptions = {},
  ): Promise<types.Job> {
    const json = { job_type: jobType, parameters, ...fields, run_at: run_at && iso(run_at) };
    const headers = { "Idempotency-Key": idempotencyKey ?? (await newKey()) };
    return this.#job<types.Job>("POST", `${pathOf("jobs")}/`, { json, headers, signal });
  }

  /**
   * Submit a job, wait for its end, and return its results.
   *
   * @throws JobFailed: the job did not complete.
   * @throws WaitTimeout: the job has not ended within `timeoutMs`; it goes on.
   */
  async run<Results extends types.JsonObject = types.JsonObject>(
    jobType: string,
    parameters: types.JsonObject,
    { timeoutMs, ...options }: SubmitOptions & WaitOptions = {},
  ): Promise<Results> {
    const { signal } = options;
    const { job_id } = await this.submit(jobType, parameters, options);
    const job = await this.wait(job_id, { signal, ...(timeoutMs !== undefined && { timeoutMs }) });
    if (job.status !== "completed") throw new JobFailed(job);
    return this.results(job_id, { signal });
  }

  /** Return a job as it is now. */
  show(jobId: string, options: CallOptions = {}): Promise<types.Job> {
    return this.call("GET", pathOf("jobs", jobId), options);
  }

  /** Yield jobs, newest first. */
  list(
    filter: types.JobFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<types.JobSummary, void, undefined> {
    const path = `${pathOf("jobs")}/`;
    return pagesOf(this.#transport, { path, name: "jobs", query: filter, ...options });
  }

  /**
   * Wait until a job has ended, and return it.
   *
   * @throws WaitTimeout: the job has not ended within `timeoutMs`; it goes on.
   */
  async wait(jobId: string, options: WaitOptions = {}): Promise<types.Job> {
    for await (const _ of this.follow(jobId, options));
    return this.show(jobId, { signal: options.signal });
  }

  /**
   * Yield the state of a job, then its changes to the end, over broken connections.
   *
   * @throws WaitTimeout: the job has not ended within `timeoutMs`; it goes on.
   */
  async *follow(
    jobId: string,
    { timeoutMs, signal, lastEventId }: WaitOptions & { lastEventId?: string } = {},
  ): AsyncGenerator<JobEvent, void, undefined> {
    const late = () => new WaitTimeout(jobId, `the job did not end within ${timeoutMs} ms`);
    const deadline = deadlineOf(this.#transport.clock, { timeoutMs, signal, late });
    const path = pathOf("jobs", jobId, "stream");
    try {
      const input = { path, lastEventId, signal: deadline.signal };
      for await (const event of eventsOf(this.#transport, input)) {
        yield event as JobEvent;
        if (TERMINAL.has(event.name)) return;
      }
    } finally {
      deadline.close();
    }
  }

  /**
   * Yield the changes of all jobs of the key, for ever, over broken connections.
   *
   * A state may come twice: compare `job_id` and `seq`. After `reset`, list the jobs again.
   */
  async *followAll({
    lastEventId,
    signal,
    ...query
  }: FollowAllOptions = {}): AsyncGenerator<AnyJobEvent | ResetEvent, void, undefined> {
    const input = { path: pathOf("stream"), query, lastEventId, signal };
    for await (const event of eventsOf(this.#transport, input)) {
      if (event.name === "reset") yield { id: event.id, name: "reset", data: null };
      else yield event as AnyJobEvent;
    }
  }

  /**
   * Return the results of a completed job, of any size.
   *
   * @throws JobFailed: the job has failed or was cancelled.
   * @throws JobNotEnded: the job is waiting or running.
   */
  async results<Results extends types.JsonObject = types.JsonObject>(
    jobId: string,
    options: CallOptions = {},
  ): Promise<Results> {
    const { status, results } = await this.call<{ status: string; results: Results | null }>(
      "GET",
      pathOf("jobs", jobId, "results"),
      options,
    );
    if (status === "completed") return results ?? ({} as Results);
    if (TERMINAL.has(status)) throw new JobFailed(await this.show(jobId, options));
    throw new JobNotEnded(jobId, `the job is ${status}, so it has no results yet`);
  }

  /** Yield the log of a job so far, oldest first. */
  logs(
    jobId: string,
    filter: types.LogFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<types.LogEntry, void, undefined> {
    const path = pathOf("jobs", jobId, "logs");
    const input = { path, name: "logs", cursor: "after", query: filter, ...options };
    return pagesOf(this.#transport, input);
  }

  /** Return the attempts of a job, oldest first. */
  async attempts(jobId: string, options: CallOptions = {}): Promise<types.Attempt[]> {
    const path = pathOf("jobs", jobId, "attempts");
    return (await this.call<{ attempts: types.Attempt[] }>("GET", path, options)).attempts;
  }

  /** Return the files of a job, without their content. */
  async files(jobId: string, options: CallOptions = {}): Promise<types.JobFile[]> {
    return (await this.show(jobId, options)).files;
  }

  /** Return the content of a file of a job; it continues after a broken connection. */
  async download(
    jobId: string,
    name: string,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const path = pathOf("jobs", jobId, "files", name);
    return contentAfter(await this.#transport.open(path, options), this.#transport, path, options);
  }

  /**
   * Wait for the end of a job, and return all its files as a zip.
   *
   * If the job is retried meanwhile, this waits for the end of the new run too.
   *
   * @throws WaitTimeout: a run of the job has not ended within `timeoutMs`; it goes on.
   */
  async archive(jobId: string, options: WaitOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { signal } = options;
    const path = pathOf("jobs", jobId, "download-archive");
    for (;;) {
      await this.wait(jobId, options);
      const first = await this.#transport.open(path, { signal });
      if (first.response.status !== ACCEPTED)
        return contentAfter(first, this.#transport, path, { signal });
      first.close();
    }
  }

  /**
   * Upload a file; `file_id` of the answer goes into the parameters of jobs.
   *
   * An upload of a stream is not repeated, because the stream can be read only once.
   */
  async upload(
    source: UploadSource,
    { filename, signal }: CallOptions & { filename?: string } = {},
  ): Promise<types.Upload> {
    const content = await contentOf(source);
    const boundary = `secretary-${await newKey()}`;
    const body = () => formOf(filename ?? content.filename, boundary, content.read());
    const headers = { "Content-Type": `multipart/form-data; boundary=${boundary}` };
    const { repeatable } = content;
    const input = { headers, body, repeatable, signal };
    return (await this.#transport.send("POST", pathOf("files"), input)) as types.Upload;
  }

  /** Cancel a job; a running job stops within seconds. */
  cancel(jobId: string, options: CallOptions = {}): Promise<types.JobSummary> {
    return this.#job("POST", pathOf("jobs", jobId, "cancel"), options);
  }

  /** Start a new run of a job that has ended. */
  retry(jobId: string, options: CallOptions = {}): Promise<types.JobSummary> {
    return this.#job("POST", pathOf("jobs", jobId, "retry"), options);
  }

  /** Delete a job that is not running. */
  async delete(jobId: string, options: CallOptions = {}): Promise<void> {
    await this.call("DELETE", pathOf("jobs", jobId), options);
  }

  async #job<Shown>(method: string, path: string, input: CallInput): Promise<Shown> {
    return (await this.call<{ job: Shown }>(method, path, input)).job;
  }
}
